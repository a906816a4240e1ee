// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// readers is how many queries run at once beside the writer.
const readers = 4

// databaseFile is the name of the database in the data directory.
const databaseFile = "pulp-manager.db"

// sqliteDB is a file that one process uses: one connection writes, some read.
type sqliteDB struct {
	file            string
	writer, readers *bun.DB
	client          *river.Client[*sql.Tx] // to queue jobs with
	driver          *kickedDriver
	desk            *desk // where the writer is used
	lock            *fileLock
	errs            classifier
	skew            func() time.Duration // of the clock; nil: none
}

func openSQLite(_ context.Context, o Options) (database, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil || o.DataDir == "" {
		return nil, fault.Wrap(fault.Invalid, err, "data directory %q: not a path", o.DataDir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "data directory %s cannot be made", dir).
			WithHint("make it, owned by the user that runs the daemon")
	}
	file := filepath.Join(dir, databaseFile)
	lock, err := lockFile(file+".lock", dir)
	if err != nil {
		return nil, err
	}
	db, err := newSQLite(file, lock, classifier{database: "the database in " + dir}, o.Logger)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	db.skew = o.Skew
	return db, nil
}

func newSQLite(file string, lock *fileLock, errs classifier, logger *slog.Logger) (*sqliteDB, error) {
	// Made here, so that only its owner can read it.
	made, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be opened", errs.database).
			WithHint("check the disk, and who owns the directory")
	}
	if err := made.Close(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be written", errs.database)
	}
	drv := &sqlite.Driver{}
	if err := drv.RegisterDeterministicScalarFunction("regexp", 2, newSearch().call); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "SQLite takes no function")
	}
	writer := sql.OpenDB(sqliteConnector{driver: drv, dsn: sqliteDSN(file, "_txlock=immediate&_auto_vacuum=incremental&_pragma=journal_size_limit("+strconv.Itoa(walLimit)+")")})
	writer.SetMaxOpenConns(1)
	reader := sql.OpenDB(sqliteConnector{driver: drv, dsn: sqliteDSN(file, "_query_only=1&_pragma=cache_size(-1000)")})
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)

	kicked := newKickedDriver(riversqlite.New(writer))
	client, err := river.NewClient(kicked, &river.Config{Logger: logger})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the engine does not take the database")
	}
	return &sqliteDB{
		file: file, writer: newBun(writer, sqlitedialect.New()), readers: newBun(reader, sqlitedialect.New()),
		client: client, driver: kicked, desk: newDesk(), lock: lock, errs: errs,
	}, nil
}

// sqliteDSN names the file and how each connection is set up.
func sqliteDSN(file, extra string) string {
	return sqliteFile(file) + "?_busy_timeout=10000&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&" + extra
}

// sqliteFile names the file alone.
func sqliteFile(file string) string {
	u := url.URL{Scheme: "file", Path: file}
	return u.String()
}

func (*sqliteDB) dialect() Dialect         { return SQLite }
func (d *sqliteDB) classifier() classifier { return d.errs }
func (d *sqliteDB) reader() *bun.DB        { return d.readers }

func (d *sqliteDB) inTx(ctx context.Context, fn func(context.Context, tx) error) error {
	queue := &riverJobs[*sql.Tx]{client: d.client}
	err := d.desk.do(ctx, func() error {
		return d.writer.RunInTx(ctx, nil, func(ctx context.Context, btx bun.Tx) error {
			queue.tx = btx.Tx
			return fn(ctx, tx{IDB: btx, asker: asker{btx.Tx, d.writer, clock{SQLite, d.skew}}, jobs: queue})
		})
	})
	if err == nil && queue.queued {
		d.driver.kick()
	}
	return err
}

// migrationLock needs nothing more: the file is locked for the life of the process.
func (*sqliteDB) migrationLock(ctx context.Context, fn func(context.Context) error) error {
	return fn(ctx)
}

func (d *sqliteDB) migrations() (migrations, error) {
	return newMigrations(goose.DialectSQLite3, "migrations/sqlite", d.writer.DB, d.driver)
}

func (d *sqliteDB) engine(cfg EngineConfig) (Engine, error) { return newEngine(d.driver, cfg, nil) }

func (*sqliteDB) lookAtClock(context.Context) {} // its clock is ours

func (d *sqliteDB) ping(ctx context.Context) error {
	var one int
	return d.readers.QueryRowContext(ctx, "SELECT 1 FROM sqlite_master LIMIT 1").Scan(&one)
}

func (d *sqliteDB) pools() []fleet.ConnectionPool {
	pool := func(name string, s sql.DBStats) fleet.ConnectionPool {
		return fleet.ConnectionPool{Name: name, Used: s.InUse, Idle: s.Idle, Most: s.MaxOpenConnections, Waits: s.WaitCount, Waited: s.WaitDuration}
	}
	return []fleet.ConnectionPool{pool("read", d.readers.Stats()), pool("write", d.writer.Stats())}
}

func (d *sqliteDB) close() error {
	d.desk.close()
	return errors.Join(d.readers.Close(), d.writer.Close(), d.lock.release())
}
