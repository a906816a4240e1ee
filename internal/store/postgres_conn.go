// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// openFromPool gives bun connections of the pool that River uses.
func openFromPool(pool *pgxpool.Pool) *sql.DB {
	db := sql.OpenDB(plainConnector{stdlib.GetPoolConnector(pool)})
	db.SetMaxIdleConns(0) // idle ones belong to the pool
	return db
}

// plainConnector opens connections that send queries without arguments as they are.
// bun writes arguments into the text, so each would otherwise be prepared on the server
// and kept there, to be never used again.
type plainConnector struct{ driver.Connector }

func (c plainConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	pg, ok := conn.(*stdlib.Conn)
	if !ok {
		_ = conn.Close()
		return nil, fmt.Errorf("connection is a %T", conn)
	}
	return plainConn{pg}, nil
}

type plainConn struct{ *stdlib.Conn }

// QueryContext implements driver.QueryerContext.
func (c plainConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) == 0 {
		args = []driver.NamedValue{{Ordinal: 1, Value: pgx.QueryExecModeSimpleProtocol}}
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// pgxConn gives the connection behind one of database/sql.
func pgxConn(driverConn any) (*pgx.Conn, error) {
	c, ok := driverConn.(plainConn)
	if !ok {
		return nil, fmt.Errorf("connection is a %T", driverConn)
	}
	return c.Conn.Conn(), nil
}
