// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// sqliteConnector opens connections of a driver of our own, which knows our functions.
type sqliteConnector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c sqliteConnector) Driver() driver.Driver { return c.driver }

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(sqliteConn)
	if !ok {
		return nil, fmt.Errorf("a connection to SQLite is a %T", opened)
	}
	return &preparedConn{sqliteConn: conn, kept: map[string]*preparedStmt{}}, nil
}

// sqliteConn is what a connection of the driver can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// mostPrepared is how many statements a connection keeps, the first it sees: ours and the engine's are fewer.
const mostPrepared = 200

// preparedConn keeps the statements that have arguments, so that SQLite reads the words of each once: of small ones
// that is a good part of the work.
type preparedConn struct {
	sqliteConn
	kept map[string]*preparedStmt
}

type preparedStmt struct {
	driver.Stmt
	busy bool // rows of it are being read
}

var errNoContext = errors.New("SQLite's statements take no context")

func (c *preparedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	with, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errNoContext
	}
	return with.ExecContext(ctx, args)
}

func (c *preparedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	with, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errNoContext
	}
	rows, err := with.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &preparedRows{Rows: rows, of: s}, nil
}

// prepared gives the statement of a query; nil where it is not one to keep: it has no arguments, so its words are new each time, or it
// is being read from.
func (c *preparedConn) prepared(ctx context.Context, query string, args []driver.NamedValue) (*preparedStmt, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if s, ok := c.kept[query]; ok {
		if s.busy {
			return nil, nil
		}
		return s, nil
	}
	if len(c.kept) >= mostPrepared {
		return nil, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &preparedStmt{Stmt: stmt}
	c.kept[query] = s
	return s, nil
}

func (c *preparedConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.Close())
	}
	clear(c.kept)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// preparedRows are rows of a statement that is kept.
type preparedRows struct {
	driver.Rows
	of *preparedStmt
}

func (r *preparedRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
