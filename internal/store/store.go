// SPDX-License-Identifier: Apache-2.0

// Package store keeps what the daemon knows: servers, repositories, tasks, schedules
// and the configuration in force, in SQLite beside one daemon or in PostgreSQL for
// any number of processes. One Store implements all of the fleet's ports; a file
// holds the queries of one noun. Nothing outside this package writes SQL.
package store

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Options say which database to use and how.
type Options struct {
	DatabaseURL string // of PostgreSQL; empty: SQLite in DataDir
	DataDir     string // holds pulp-manager.db; made where it is missing
	Logger      *slog.Logger

	NoMigrate bool          // refuse a database of an older release instead of bringing it up to date
	LeaseTime time.Duration // 0: fleet.LeaseTime

	Skew func() time.Duration // for tests: how far the database's clock is off; nil: not
}

// Dialect is the kind of a database.
type Dialect string

// The databases there are.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

// Store implements the ports of package fleet on one database.
type Store struct {
	db     database
	read   *bun.DB // for queries outside of units of work
	clock  clock
	errors classifier
	lease  time.Duration
	logger *slog.Logger
	counts sharedCounts // of lists
}

// database is what differs between the two.
type database interface {
	dialect() Dialect
	classifier() classifier
	// reader gives the connections that queries outside of units of work use.
	reader() *bun.DB
	// inTx runs fn in one transaction, which it can write rows and queue jobs with.
	inTx(ctx context.Context, fn func(context.Context, tx) error) error
	// migrationLock runs fn while no other process migrates the database.
	migrationLock(ctx context.Context, fn func(context.Context) error) error
	migrations() (migrations, error)
	// engine makes the engine that works on queued jobs.
	engine(cfg EngineConfig) (Engine, error)
	// lookAtClock lets the engine go by the database's clock.
	lookAtClock(ctx context.Context)
	// jobsUI makes the engine's pages about its jobs.
	jobsUI(prefix string, logger *slog.Logger) (http.Handler, error)
	ping(ctx context.Context) error
	// pools gives how its pools of connections are.
	pools() []fleet.ConnectionPool
	// size gives the sizes of the database, in bytes.
	size(ctx context.Context) (databaseSize, error)
	// shrink gives back the space of what was removed, where that is worth it and can be done bit by bit.
	shrink(ctx context.Context) error
	close() error
}

// Open opens the database and brings it up to date. Close the Store after use. The
// error is a Conflict where another daemon uses the SQLite database or where the
// database belongs to another release, and Unavailable where it cannot be reached.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := openDatabase(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, read: db.reader(), clock: clock{db.dialect(), o.Skew}, errors: db.classifier(), lease: o.LeaseTime, logger: o.Logger}
	if s.lease <= 0 {
		s.lease = fleet.LeaseTime
	}
	if o.NoMigrate {
		err = s.checkVersion(ctx)
	} else {
		err = s.Migrate(ctx)
	}
	if err != nil {
		_ = db.close()
		return nil, err
	}
	return s, nil
}

func openDatabase(ctx context.Context, o Options) (database, error) {
	if o.DatabaseURL != "" {
		return openPostgres(ctx, o)
	}
	return openSQLite(ctx, o)
}

// newBun makes what queries are made with. Columns that it does not know are a newer release's, which may have been here
// already or work beside this one.
func newBun(db *sql.DB, dialect schema.Dialect) *bun.DB {
	return bun.NewDB(db, dialect, bun.WithDiscardUnknownColumns())
}

// Dialect tells which database it is.
func (s *Store) Dialect() Dialect { return s.db.dialect() }

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	return s.errors.classify(ctx, s.db.ping(ctx), "reach the database")
}

// Close ends all connections. Engines must be stopped before.
func (s *Store) Close() error { return s.db.close() }

// asker asks outside of units of work.
func (s *Store) asker() asker { return asker{s.read.DB, s.read, s.clock} }

// inTx runs a unit of work. fn can only query with what it is given, so nothing in
// it runs outside of the transaction; no request to a server belongs in it.
func (s *Store) inTx(ctx context.Context, doing string, fn func(context.Context, tx) error) error {
	return s.errors.classify(ctx, s.db.inTx(ctx, fn), doing)
}
