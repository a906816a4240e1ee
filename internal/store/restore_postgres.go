// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pulp/pulp-manager/internal/fault"
)

// restorePostgres makes all tables anew in one transaction.
type restorePostgres struct {
	options RestoreOptions
	conn    *pgx.Conn
	tx      pgx.Tx
	errs    classifier
	foreign []string // statements that add the foreign keys, which are away while rows come
}

func openRestorePostgres(ctx context.Context, o RestoreOptions, head BackupHead) (_ restoreTarget, err error) {
	cfg, errs, err := postgresConfig(Options{DatabaseURL: o.DatabaseURL})
	if err != nil {
		return nil, err
	}
	r := &restorePostgres{options: o, errs: errs}
	defer func() {
		if err != nil {
			r.end(ctx)
		}
	}()
	if r.conn, err = pgx.ConnectConfig(ctx, cfg.ConnConfig); err == nil {
		r.tx, err = r.conn.Begin(ctx)
	}
	if err == nil {
		err = r.prepare(ctx, head)
	}
	return r, errs.classify(ctx, err, "make tables to restore to")
}

// prepare makes the tables as the backup has them, empty.
func (r *restorePostgres) prepare(ctx context.Context, head BackupHead) error {
	files, known, err := postgresMigrations()
	if err != nil {
		return err
	}
	if err := tooNew(head, known); err != nil {
		return err
	}
	if err := r.mayReplace(ctx, known); err != nil {
		return err
	}
	names, err := r.texts(ctx, listTables[PostgreSQL])
	if err != nil {
		return err
	}
	for _, name := range names {
		statement := "DROP TABLE " + quoted(name) + " CASCADE"
		if !ours(name) && name != "goose_db_version" {
			if statement = "DELETE FROM " + quoted(name); name != "river_job" {
				continue
			}
		}
		if _, err := r.tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := r.migrate(ctx, files, head.Version); err != nil {
		return err
	}
	for _, t := range head.Tables {
		if _, err := r.tx.Exec(ctx, "DELETE FROM "+quoted(t.Name)); err != nil { // what migrations put there
			return fault.Wrap(fault.Conflict, err, "the backup has table %s, for which this release has no place", t.Name)
		}
	}
	return r.dropForeign(ctx)
}

// leaving is how long the server may take to note that a connection has ended.
const leaving = 3 * time.Second

// others gives how many other connections of ours there are. Those that end just now are waited for.
func (r *restorePostgres) others(ctx context.Context) (n int, err error) {
	for until := time.Now().Add(leaving); ; {
		if _, err := r.tx.Exec(ctx, "SELECT pg_stat_clear_snapshot()"); err != nil { // else it is as at the first look
			return 0, err
		}
		err := r.tx.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'pulp-manager%'`).Scan(&n)
		if err != nil || n == 0 || time.Now().After(until) {
			return n, err
		}
		if _, err := r.tx.Exec(ctx, "SELECT pg_sleep(0.1)"); err != nil {
			return 0, err
		}
	}
}

// mayReplace makes sure that nothing is lost and that nobody is disturbed.
func (r *restorePostgres) mayReplace(ctx context.Context, known int64) error {
	if _, err := r.tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationKey)); err != nil {
		return err
	}
	others, err := r.others(ctx)
	if err != nil {
		return err
	}
	if others > 0 {
		return fault.New(fault.Conflict, "%s is in use: pulp-manager has %d connections to it", r.errs.database, others).
			WithHint("stop all its processes, on all machines, and try again")
	}
	has := func(table string) (there bool, err error) {
		err = r.tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there)
		return there, err
	}
	if there, err := has("goose_db_version"); err != nil || !there {
		return err
	}
	var version, used int64
	if err := r.tx.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version); err != nil {
		return err
	}
	if version > known {
		return fault.New(fault.Conflict, "%s is of a newer release", r.errs.database).WithHint("restore with that release, or to an empty database")
	}
	if there, err := has("tasks"); err != nil || !there {
		return err
	}
	if err := r.tx.QueryRow(ctx, "SELECT count(*) FROM tasks WHERE lease_until > statement_timestamp() AND lease_owner IS NOT NULL").Scan(&used); err != nil {
		return err
	}
	if used > 0 {
		return fault.New(fault.Conflict, "%s is in use: %d tasks are being worked on", r.errs.database, used).
			WithHint("stop all processes of pulp-manager, on all machines, and try again half a minute later")
	}
	if err := r.tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM servers) + (SELECT count(*) FROM tasks)").Scan(&used); err != nil {
		return err
	}
	if used > 0 && !r.options.Force {
		return notEmpty(r.errs.database)
	}
	return nil
}

// numbered is the beginning of a migration's file name.
var numbered = regexp.MustCompile(`^\d+`)

// migrationFile is a migration as the transaction of a restore needs it.
type migrationFile struct {
	version int64
	up      string
}

func postgresMigrations() (all []migrationFile, newest int64, err error) {
	files, err := fs.Glob(migrationFiles, "migrations/postgres/*.sql")
	if err != nil {
		return nil, 0, err
	}
	for _, file := range files {
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, 0, err
		}
		version, err := strconv.ParseInt(numbered.FindString(path.Base(file)), 10, 64)
		if err != nil {
			return nil, 0, err
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		all, newest = append(all, migrationFile{version, up}), max(newest, version)
	}
	return all, newest, nil
}

// gooseTable is goose's own, which it makes outside of any transaction of ours.
const gooseTable = `CREATE TABLE goose_db_version (
	id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now())`

// migrate makes the tables of a version.
func (r *restorePostgres) migrate(ctx context.Context, files []migrationFile, to int64) error {
	if _, err := r.tx.Exec(ctx, gooseTable); err != nil {
		return err
	}
	for _, file := range append([]migrationFile{{version: 0, up: "SELECT 1"}}, files...) {
		if file.version > to {
			continue
		}
		if _, err := r.tx.Exec(ctx, file.up, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("migration %d: %w", file.version, err)
		}
		if _, err := r.tx.Exec(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)", file.version); err != nil {
			return err
		}
	}
	return nil
}

// dropForeign takes the foreign keys away until all rows are there.
func (r *restorePostgres) dropForeign(ctx context.Context) error {
	statements, err := r.texts(ctx, `SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY oid`)
	if err != nil {
		return err
	}
	r.foreign = statements
	drops, err := r.texts(ctx, `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
		FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY oid`)
	if err != nil {
		return err
	}
	for _, drop := range drops {
		if _, err := r.tx.Exec(ctx, drop); err != nil {
			return err
		}
	}
	return nil
}

func (r *restorePostgres) texts(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := r.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (r *restorePostgres) columns(ctx context.Context, table string) ([]BackupColumn, error) {
	rows, err := r.tx.Query(ctx, listColumns[PostgreSQL], table)
	if err != nil {
		return nil, r.errs.classify(ctx, err, "look at the tables")
	}
	columns, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c BackupColumn, err error) {
		var typ string
		err = row.Scan(&c.Name, &typ)
		c.Kind = kinds[typ]
		return c, err
	})
	return columns, r.errs.classify(ctx, err, "look at the tables")
}

func (r *restorePostgres) load(ctx context.Context, table string, columns []BackupColumn, rows [][]any) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	_, err := r.tx.CopyFrom(ctx, pgx.Identifier{table}, names, pgx.CopyFromRows(rows))
	return unfit(r.errs.classify(ctx, err, "restore table "+table), table)
}

func (r *restorePostgres) commit(ctx context.Context, tables []BackupTable, before func() error) error {
	err := r.finish(ctx, tables)
	if err == nil {
		err = before()
	}
	if err == nil {
		err = r.tx.Commit(ctx)
	}
	if err != nil {
		return r.errs.classify(ctx, err, "restore the database")
	}
	s, err := Open(ctx, Options{DatabaseURL: r.options.DatabaseURL, Logger: r.options.Logger}) // which brings it up to date
	if err != nil {
		return err
	}
	return s.Close()
}

func (r *restorePostgres) finish(ctx context.Context, tables []BackupTable) error {
	for _, t := range tables {
		if t.Sequence == 0 {
			continue
		}
		_, err := r.tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence($1, 'id'), greatest($2, (SELECT max(id) FROM %s)))", quoted(t.Name)), t.Name, t.Sequence)
		if err != nil {
			return err
		}
	}
	for _, statement := range append([]string{noProcesses}, r.foreign...) {
		if _, err := r.tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (r *restorePostgres) close() { r.end(context.Background()) }

// end undoes what was not committed.
func (r *restorePostgres) end(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if r.tx != nil {
		_ = r.tx.Rollback(ctx)
	}
	if r.conn != nil {
		_ = r.conn.Close(ctx)
	}
}
