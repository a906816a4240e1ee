// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	poolSize       = 20 // connections, unless pool_max_conns in the URL says otherwise
	connectTimeout = 10 * time.Second
	tries          = 3 // of a transaction that PostgreSQL undid because of another one
)

// Keys of advisory locks, one a purpose.
const (
	migrationKey = 0x70756c70_00000001 + iota
	configurationKey
	sweepKey
	slotKey // with a slot's name
)

// endings make the server end what its client cannot: a process that the network is cut off from must not keep rows
// locked that another one, which takes its work over, waits for. Each can be set otherwise in the URL.
var endings = map[string]string{
	"idle_in_transaction_session_timeout": "10s",
	"statement_timeout":                   "30s",
	"tcp_user_timeout":                    "20s",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "5",
	"tcp_keepalives_count":                "3",
}

// postgresDB is a PostgreSQL database that any number of processes use.
type postgresDB struct {
	pool   *pgxpool.Pool
	db     *bun.DB // on the same pool
	driver *riverpgxv5.Driver
	slow   *slowPool             // while it is migrated
	client *river.Client[pgx.Tx] // to queue jobs with
	errs   classifier
	skew   func() time.Duration // of the clock; nil: none
	clock  engineClock
}

// postgresConfig gives how to connect, and what errors call the database.
func postgresConfig(o Options) (*pgxpool.Config, classifier, error) {
	cfg, err := pgxpool.ParseConfig(o.DatabaseURL)
	if err != nil {
		// The cause is left out: it may quote the password.
		return nil, classifier{}, fault.New(fault.Invalid, "DATABASE_URL is not the address of a PostgreSQL database").
			WithHint("write postgres://USER:PASSWORD@HOST:5432/NAME, with %%-escapes for special characters")
	}
	if !strings.Contains(o.DatabaseURL, "pool_max_conns") {
		cfg.MaxConns = poolSize
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	cfg.ConnConfig.DialFunc = dialAnswering(patience)
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	for name, value := range endings {
		if cfg.ConnConfig.RuntimeParams[name] == "" {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	if cfg.ConnConfig.RuntimeParams["max_parallel_workers_per_gather"] == "" {
		// Many ask at once; starting workers for each costs more than it saves.
		cfg.ConnConfig.RuntimeParams["max_parallel_workers_per_gather"] = "0"
	}
	if cfg.ConnConfig.RuntimeParams["random_page_cost"] == "" {
		// What lists look up is in memory or on an SSD; the server's default is about disks that turn.
		cfg.ConnConfig.RuntimeParams["random_page_cost"] = "1.1"
	}
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "pulp-manager"
	}
	return cfg, classifier{database: fmt.Sprintf("the PostgreSQL database %s on %s:%d", cfg.ConnConfig.Database, cfg.ConnConfig.Host, cfg.ConnConfig.Port)}, nil
}

func openPostgres(ctx context.Context, o Options) (database, error) {
	cfg, errs, err := postgresConfig(o)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err == nil {
		err = pool.Ping(ctx)
	}
	if err != nil {
		if pool != nil {
			pool.Close()
		}
		return nil, errs.classify(ctx, err, "open the database")
	}
	driver := riverpgxv5.New(pool)
	// A job that is queued within the cooldown after another one is not announced, and
	// would wait for the next poll.
	client, err := river.NewClient(driver, &river.Config{Logger: o.Logger, FetchCooldown: river.FetchCooldownMin})
	if err != nil {
		pool.Close()
		return nil, fault.Wrap(fault.Internal, err, "the engine does not take the database")
	}
	return &postgresDB{
		pool: pool, db: newBun(openFromPool(pool), pgdialect.New()),
		driver: driver, client: client, errs: errs, skew: o.Skew, clock: engineClock{new(atomic.Int64)},
	}, nil
}

func (*postgresDB) dialect() Dialect         { return PostgreSQL }
func (d *postgresDB) classifier() classifier { return d.errs }
func (d *postgresDB) reader() *bun.DB        { return d.db }

func (d *postgresDB) inTx(ctx context.Context, fn func(context.Context, tx) error) error {
	var err error
	for range tries {
		if err = d.once(ctx, fn); !retriable(err) {
			return err
		}
	}
	return err
}

// once runs fn in one transaction that bun and River share: River's is begun on the
// very connection that bun has to itself meanwhile, and that one goroutine uses.
func (d *postgresDB) once(ctx context.Context, fn func(context.Context, tx) error) (err error) {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var pgtx pgx.Tx
	err = conn.Raw(func(driverConn any) error {
		pg, err := pgxConn(driverConn)
		if err == nil {
			pgtx, err = pg.Begin(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	// After a commit it does nothing; also a panic must not leave the transaction open.
	defer func() { _ = pgtx.Rollback(context.WithoutCancel(ctx)) }()
	err = fn(ctx, tx{IDB: conn, asker: asker{conn.Conn, d.db, clock{PostgreSQL, d.skew}}, jobs: &postgresJobs{riverJobs[pgx.Tx]{client: d.client, tx: pgtx}}})
	if err != nil {
		return err
	}
	return pgtx.Commit(ctx)
}

// migrationLock holds an advisory lock on a connection of its own.
func (d *postgresDB) migrationLock(ctx context.Context, fn func(context.Context) error) error {
	slow, err := d.openSlow(ctx)
	if err != nil {
		return err
	}
	d.slow = slow
	defer func() { d.slow = nil; slow.close() }()
	conn, err := slow.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrationKey)); err != nil {
		return err
	}
	defer func() {
		if _, err := conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", int64(migrationKey)); err != nil {
			_ = conn.Conn().Close(context.WithoutCancel(ctx)) // which frees it too
		}
	}()
	return fn(ctx)
}

func (d *postgresDB) migrations() (migrations, error) {
	db, driver := d.db.DB, d.driver
	if d.slow != nil {
		db, driver = d.slow.db, d.slow.driver
	}
	return newMigrations(goose.DialectPostgres, "migrations/postgres", db, driver)
}

func (d *postgresDB) engine(cfg EngineConfig) (Engine, error) {
	return newEngine(d.driver, cfg, d.clock)
}

func (d *postgresDB) lookAtClock(ctx context.Context) {
	d.clock.compare(ctx, func(ctx context.Context) (now time.Time, err error) {
		return now, d.pool.QueryRow(ctx, "SELECT statement_timestamp()").Scan(&now)
	})
}

func (d *postgresDB) ping(ctx context.Context) error { return d.pool.Ping(ctx) }

func (d *postgresDB) pools() []fleet.ConnectionPool {
	s := d.pool.Stat()
	return []fleet.ConnectionPool{{
		Name: "all", Used: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Most: int(s.MaxConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}}
}

func (d *postgresDB) size(ctx context.Context) (databaseSize, error) {
	var s databaseSize
	err := d.db.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&s.all)
	return s, err
}

// shrink does nothing: autovacuum does.
func (*postgresDB) shrink(context.Context) error { return nil }

func (d *postgresDB) close() error {
	err := d.db.Close()
	d.pool.Close()
	return err
}
