// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/pulp/pulp-manager/internal/fault"
)

// replacedSuffix is at the end of the name of the database that was there before.
const replacedSuffix = ".replaced"

// sqliteTime is how times are stored.
const sqliteTime = "2006-01-02 15:04:05.999999-07:00"

// restoreSQLite makes a new file beside the database, which takes its name in the end.
type restoreSQLite struct {
	options RestoreOptions
	lock    *fileLock // of the data directory
	file    string    // the database
	dir     string    // with the new one
	store   *Store    // the new one; nil: closed
	tx      *sql.Tx
}

func openRestoreSQLite(ctx context.Context, o RestoreOptions, head BackupHead) (_ restoreTarget, err error) {
	r := &restoreSQLite{options: o, file: filepath.Join(o.DataDir, databaseFile)}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "data directory %s cannot be made", o.DataDir).WithHint("make it, owned by the user that runs the daemon")
	}
	if r.lock, err = lockFile(r.file+".lock", o.DataDir); err != nil {
		return nil, err
	}
	if err := mayReplaceSQLite(ctx, r.file, o); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp(o.DataDir, ".restore-"); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "data directory %s cannot be written", o.DataDir)
	}
	db, err := openSQLite(ctx, Options{DataDir: r.dir, Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	r.store = &Store{db: db, read: db.reader(), clock: clock{dialect: SQLite}, errors: db.classifier(), logger: o.Logger}
	err = r.prepare(ctx, head)
	return r, r.store.errors.classify(ctx, err, "make a database to restore to")
}

// mayReplaceSQLite makes sure that nothing is lost.
func mayReplaceSQLite(ctx context.Context, file string, o RestoreOptions) error {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) || o.Force {
		return nil
	}
	db := sql.OpenDB(sqliteConnector{driver: &sqlite.Driver{}, dsn: sqliteFile(file) + "?mode=rw&_busy_timeout=10000"})
	defer func() { _ = db.Close() }()
	var tables, used int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name IN ('servers', 'tasks')").Scan(&tables)
	if err == nil && tables == 2 {
		err = db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM servers) + (SELECT count(*) FROM tasks)").Scan(&used)
	}
	if err != nil || used > 0 { // one that cannot be read may hold something
		return notEmpty("the database in " + o.DataDir)
	}
	return nil
}

// prepare makes the tables as the backup has them, empty, and begins the transaction that fills them.
func (r *restoreSQLite) prepare(ctx context.Context, head BackupHead) error {
	m, err := r.store.db.migrations()
	if err != nil {
		return err
	}
	_, known, err := m.ours.GetVersions(ctx)
	if err != nil {
		return err
	}
	if err := tooNew(head, known); err != nil {
		return err
	}
	if _, err := m.ours.UpTo(ctx, head.Version); err != nil {
		return err
	}
	// Rows come table by table; what refers to what is looked at in the end.
	if _, err := m.db.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	if r.tx, err = m.db.BeginTx(ctx, nil); err != nil {
		return err
	}
	for _, t := range head.Tables {
		if _, err := r.tx.ExecContext(ctx, "DELETE FROM "+quoted(t.Name)); err != nil { // what migrations put there
			return fault.Wrap(fault.Conflict, err, "the backup has table %s, for which this release has no place", t.Name)
		}
	}
	return nil
}

func (r *restoreSQLite) columns(ctx context.Context, table string) ([]BackupColumn, error) {
	columns, err := columnsOf(ctx, r.tx, SQLite, table)
	return columns, r.store.errors.classify(ctx, err, "look at the tables")
}

func (r *restoreSQLite) load(ctx context.Context, table string, columns []BackupColumn, rows [][]any) error {
	err := r.insert(ctx, table, columns, rows)
	return unfit(r.store.errors.classify(ctx, err, "restore table "+table), table)
}

func (r *restoreSQLite) insert(ctx context.Context, table string, columns []BackupColumn, rows [][]any) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoted(c.Name)
	}
	places := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	insert, err := r.tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", quoted(table), strings.Join(names, ", "), places))
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, row := range rows {
		for i, v := range row {
			if t, ok := v.(time.Time); ok {
				row[i] = t.UTC().Format(sqliteTime)
			}
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

func (r *restoreSQLite) commit(ctx context.Context, tables []BackupTable, before func() error) error {
	err := r.finish(ctx, tables)
	if err != nil {
		return r.store.errors.classify(ctx, err, "restore the database")
	}
	if err := r.store.Migrate(ctx); err != nil {
		return err
	}
	err = r.store.Close() // which leaves no log
	r.store = nil
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the restored database cannot be closed")
	}
	if err := before(); err != nil {
		return err
	}
	return r.replace(ctx)
}

// finish ends the transaction, if all is as it should be.
func (r *restoreSQLite) finish(ctx context.Context, tables []BackupTable) error {
	for _, t := range tables {
		if t.Sequence == 0 {
			continue
		}
		if _, err := r.tx.ExecContext(ctx, "DELETE FROM sqlite_sequence WHERE name = ?", t.Name); err != nil {
			return err
		}
		_, err := r.tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) SELECT ?, max(?, coalesce((SELECT max(id) FROM %s), 0))", quoted(t.Name)), t.Name, t.Sequence)
		if err != nil {
			return err
		}
	}
	if _, err := r.tx.ExecContext(ctx, noProcesses); err != nil {
		return err
	}
	var table string
	err := r.tx.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	if err == nil {
		return damaged(nil, "rows of table %s name some that are not there", table)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err = r.tx.Commit()
	r.tx = nil
	return err
}

// replace gives the new file the database's name. The one that was there keeps another.
func (r *restoreSQLite) replace(ctx context.Context) error {
	fail := func(err error) error {
		return fault.Wrap(fault.Unavailable, err, "the restored database cannot take its place in %s", r.options.DataDir).WithHint("check the disk, and who owns the directory")
	}
	if _, err := os.Stat(r.file); err == nil {
		// A log that is left belongs to the old one: it goes into it now. A file that is no database has none.
		if db := sql.OpenDB(sqliteConnector{driver: &sqlite.Driver{}, dsn: sqliteFile(r.file) + "?mode=rw&_busy_timeout=10000"}); db != nil {
			_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
			_ = db.Close()
		}
		_ = os.Remove(r.file + replacedSuffix)
		if err := os.Link(r.file, r.file+replacedSuffix); err != nil {
			return fail(err)
		}
		for _, end := range []string{"-wal", "-shm"} {
			if err := os.Remove(r.file + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(err)
			}
		}
	}
	if err := os.Rename(filepath.Join(r.dir, databaseFile), r.file); err != nil {
		return fail(err)
	}
	if dir, err := os.Open(r.options.DataDir); err == nil { // that it is there after a power cut too
		_ = dir.Sync()
		_ = dir.Close()
	}
	return nil
}

func (r *restoreSQLite) close() {
	if r.tx != nil {
		_ = r.tx.Rollback()
	}
	if r.store != nil {
		_ = r.store.Close()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
	if r.lock != nil {
		_ = r.lock.release()
	}
}
