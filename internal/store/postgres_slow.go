// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// slowPool are connections for what may take as long as it takes: a migration that rewrites a large table, and waiting
// for that of another process.
type slowPool struct {
	pool   *pgxpool.Pool
	db     *sql.DB
	driver *riverpgxv5.Driver
}

// slowConnections are enough for the lock, our tables and the engine's.
const slowConnections = 4

func (d *postgresDB) openSlow(ctx context.Context) (*slowPool, error) {
	cfg := d.pool.Config()
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = slowConnections, 0, 0
	dialer := net.Dialer{Timeout: connectTimeout, KeepAliveConfig: probes}
	cfg.ConnConfig.DialFunc = dialer.DialContext
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = "0"
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &slowPool{pool: pool, db: openFromPool(pool), driver: riverpgxv5.New(pool)}, nil
}

func (p *slowPool) close() {
	_ = p.db.Close()
	p.pool.Close()
}
