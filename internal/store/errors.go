// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// classifier is the one place that knows the errors of the drivers.
type classifier struct {
	database string // in words; never an address with a password
}

// classify gives a driver's error its kind. doing says what failed: "read task 7".
// An error that has a kind already, and the end of ctx, keep theirs.
func (c classifier) classify(ctx context.Context, err error, doing string) error {
	var known *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("cannot %s: %w", doing, context.Cause(ctx))
	case errors.Is(err, sql.ErrNoRows):
		return fault.Wrap(fault.NotFound, err, "cannot %s: there is none", doing)
	}
	kind, why, hint := c.reason(err)
	if kind == fault.Unavailable {
		err = fmt.Errorf("%w: %w", fleet.ErrStoreGone, err)
	}
	f := fault.Wrap(kind, err, "cannot %s: %s", doing, why)
	if hint != "" {
		return f.WithHint("%s", hint)
	}
	return f
}

func (c classifier) reason(err error) (kind fault.Kind, why, hint string) {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return c.sqliteReason(lite)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return c.postgresReason(pg)
	}
	if lostConnection(err) {
		return fault.Unavailable, c.database + " does not answer", "check that the database runs and that DATABASE_URL names it"
	}
	return fault.Internal, c.database + " failed", ""
}

func lostConnection(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) {
		return true
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn, sql.ErrConnDone} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

func (c classifier) sqliteReason(err *sqlite.Error) (kind fault.Kind, why, hint string) {
	switch code := err.Code(); code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fault.Conflict, "it exists already", ""
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fault.Invalid, "it names something that is not there", ""
	default:
		switch code & 0xff {
		case sqlite3.SQLITE_FULL:
			return fault.Unavailable, "the disk of " + c.database + " is full", "free some space; nothing that was stored is lost"
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return fault.Unavailable, c.database + " is in use by another program", "end the program that keeps it locked"
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
			return fault.Unavailable, c.database + " cannot be read or written", "check the disk, and who owns the directory"
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fault.Internal, c.database + " is damaged", "restore it from a backup"
		}
	}
	if strings.Contains(err.Error(), patternFailed) {
		return fault.Invalid, "the pattern takes too long", "rewrite it without nested repetition"
	}
	return fault.Internal, c.database + " failed", ""
}

func (c classifier) postgresReason(err *pgconn.PgError) (kind fault.Kind, why, hint string) {
	switch err.Code {
	case "23505":
		return fault.Conflict, "it exists already", ""
	case "23503":
		return fault.Invalid, "it names something that is not there", ""
	case "2201B":
		return fault.Invalid, "the pattern is not a regular expression that PostgreSQL knows", ""
	case "22025":
		return fault.Invalid, "a pattern must not end with a backslash", ""
	case "25006":
		return fault.Unavailable, c.database + " takes no changes: it is a copy, or was the primary until now", "name all servers of the database in DATABASE_URL, with target_session_attrs=read-write"
	case "25P03", "25P04":
		return fault.Unavailable, c.database + " ended a transaction that took too long", ""
	case "53100":
		return fault.Unavailable, "the disk of " + c.database + " is full", "free some space; nothing that was stored is lost"
	case "53300":
		return fault.Unavailable, c.database + " has no connection left", "raise max_connections, or lower pool_max_conns in DATABASE_URL"
	case "3D000":
		return fault.Unavailable, c.database + " does not exist on its server", "create it, or correct DATABASE_URL"
	}
	switch err.Code[:2] {
	case "28":
		return fault.Unavailable, c.database + " refused the login", "check user and password in DATABASE_URL"
	case "08", "53", "55", "57", "58":
		return fault.Unavailable, c.database + " does not work right now", "look into the database server's log"
	case "40":
		return fault.Unavailable, c.database + " is too busy", ""
	}
	return fault.Internal, c.database + " failed", ""
}

// retriable tells whether PostgreSQL undid a transaction only because of another one.
func retriable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
