// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // driver pgx
	_ "modernc.org/sqlite"             // driver sqlite
)

func say(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }

// oneMachine goes from the older release to this one and back, on one SQLite database, each time in the middle of a sync.
func oneMachine(ctx context.Context, dir string, older, newer release) error {
	f, err := newFleet(dir)
	if err != nil {
		return err
	}
	defer f.close()
	at := setting{dir: dir}
	d, err := start(ctx, older, at, "serve")
	if err != nil {
		return err
	}
	if err := f.furnish(ctx, d); err != nil {
		return errors.Join(err, d.stop())
	}
	steps := []struct {
		from, to release
		end      func(*daemon) error
		how      string
	}{
		{older, newer, (*daemon).stop, "stopped"},
		{newer, older, (*daemon).stop, "stopped"},
		{older, newer, (*daemon).kill, "killed"},
		{newer, older, (*daemon).kill, "killed"},
		{older, newer, (*daemon).stop, "stopped"},
	}
	for _, step := range steps {
		sync, err := f.begin(ctx, d)
		if err != nil {
			return errors.Join(err, d.stop())
		}
		if err := step.end(d); err != nil {
			return err
		}
		left := repositories - f.synced(sync.began)
		if d, err = startOrDowngrade(ctx, step.to, newer, at); err != nil {
			return err
		}
		if err := sync.end(ctx, d); err != nil {
			return errors.Join(fmt.Errorf("%s %s, then %s: %w", step.from.name, step.how, step.to.name, err), d.stop())
		}
		say("%s %s with %d of %d repositories to go, then %s: all completed, each synced once", step.from.name, step.how, left, repositories, step.to.name)
	}
	return d.stop()
}

// known finds in a refusal the version of the tables that a release knows.
var known = regexp.MustCompile(`this release knows (\d+)\.`)

// startOrDowngrade starts a release. One that refuses tables of a newer one, as releases did before they could say which may
// use them, gets those that it knows, from the newer one.
func startOrDowngrade(ctx context.Context, r, newer release, at setting) (*daemon, error) {
	d, err := start(ctx, r, at, "serve")
	if !errors.Is(err, errRefused) {
		return d, err
	}
	found := known.FindStringSubmatch(err.Error())
	if found == nil {
		return nil, err
	}
	say("%s refuses the newer tables; taking them back with `migrate --down-to %s`", r.name, found[1])
	if _, err := output(ctx, at.dir, "env", append(append(environment(), newer.binary, "migrate", "--down-to", found[1]), at.flags()...)...); err != nil {
		return nil, err
	}
	return start(ctx, r, at, "serve")
}

// newerTables lets this release work on tables that the next one has added to.
func newerTables(ctx context.Context, dir string, _, newer release) error {
	f, err := newFleet(dir)
	if err != nil {
		return err
	}
	defer f.close()
	at := setting{dir: dir}
	d, err := start(ctx, newer, at, "serve")
	if err != nil {
		return err
	}
	if err := f.furnish(ctx, d); err != nil {
		return errors.Join(err, d.stop())
	}
	sync, err := f.begin(ctx, d)
	if err := errors.Join(err, d.stop()); err != nil {
		return err
	}
	if err := addTo(ctx, "sqlite", filepath.Join(dir, "data", "pulp-manager.db")); err != nil {
		return err
	}
	if d, err = start(ctx, newer, at, "serve"); err != nil {
		return err
	}
	if err := errors.Join(sync.end(ctx, d), d.stop()); err != nil {
		return err
	}
	if !strings.Contains(d.said(), "newer release") {
		return errors.New("it does not say that the tables are of a newer release")
	}
	say("this release on tables with more columns and a later version: all completed, each synced once")
	return nil
}

// addTo does to a database what migrations of later releases will: they only add.
func addTo(ctx context.Context, driver, dsn string) (err error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'river%'"
	if driver == "pgx" {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_name NOT LIKE 'river%'"
	}
	tables, err := tablesOf(ctx, db, query)
	if err != nil {
		return err
	}
	var statements []string
	for _, table := range tables {
		statements = append(statements, "ALTER TABLE "+table+" ADD COLUMN novelty text", "ALTER TABLE "+table+" ADD COLUMN novelties integer NOT NULL DEFAULT 1")
	}
	for _, statement := range append(statements, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func tablesOf(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, err
		}
		if table != "goose_db_version" {
			tables = append(tables, table)
		}
	}
	return tables, rows.Err()
}

// sideBySide lets workers of two releases work on one PostgreSQL database at the same time: the older one beside this one, where it can,
// and this one beside the next one.
func sideBySide(ctx context.Context, dir, url string, older, newer release) error {
	f, err := newFleet(dir)
	if err != nil {
		return err
	}
	defer f.close()
	at := setting{dir: dir, postgres: url}
	var running []*daemon
	defer func() {
		for _, d := range running {
			_ = d.stop()
		}
	}()
	run := func(r release, role string) (*daemon, error) {
		d, err := start(ctx, r, at, role)
		if err == nil {
			running = append(running, d)
		}
		return d, err
	}
	first := older
	if !older.tolerant {
		say("%s cannot work beside a newer release: its processes are stopped first; from this one on they need not be", older.name)
		first = newer
		if err := olderFirst(ctx, f, at, older, newer); err != nil {
			return err
		}
	}
	api, err := run(first, "api")
	if err != nil {
		return err
	}
	if _, err = run(first, "scheduler"); err != nil {
		return err
	}
	worker, err := run(first, "worker")
	if err != nil {
		return err
	}
	if older.tolerant {
		err = f.furnish(ctx, api)
	}
	if err != nil {
		return err
	}
	sync, err := f.begin(ctx, api)
	if err != nil {
		return err
	}
	if !older.tolerant { // the next release's tables, while this one works
		if err := addTo(ctx, "pgx", url); err != nil {
			return err
		}
	}
	if _, err := run(newer, "worker"); err != nil {
		return err
	}
	if err := until(ctx, "the first worker to go on", func() (bool, error) { return f.synced(sync.began) >= repositories/2, nil }); err != nil {
		return err
	}
	if err := worker.stop(); err != nil {
		return err
	}
	left := repositories - f.synced(sync.began)
	newAPI, err := run(newer, "api")
	if err != nil {
		return err
	}
	if err := sync.end(ctx, newAPI); err != nil {
		return err
	}
	say("tables changed under a running sync, its worker stopped with %d of %d to go: all completed, each synced once", left, repositories)
	if _, err := run(first, "worker"); err != nil { // both at once again
		return err
	}
	for _, d := range []*daemon{api, newAPI} {
		sync, err := f.begin(ctx, d)
		if err == nil {
			err = sync.end(ctx, d)
		}
		if err != nil {
			return fmt.Errorf("asked of the API of %s: %w", d.release.name, err)
		}
	}
	say("syncs asked of either API, with workers of both: all completed, each synced once")
	return nil
}

// olderFirst furnishes the fleet with the older release, which is stopped in the middle of a sync; this one goes on.
func olderFirst(ctx context.Context, f *fleet, at setting, older, newer release) error {
	processes := func(r release) (api *daemon, all []*daemon, err error) {
		for _, role := range []string{"api", "scheduler", "worker"} {
			d, err := start(ctx, r, at, role)
			if err != nil {
				return nil, all, err
			}
			all = append(all, d)
		}
		return all[0], all, nil
	}
	stop := func(all []*daemon) (err error) {
		for _, d := range all {
			err = errors.Join(err, d.stop())
		}
		return err
	}
	api, all, err := processes(older)
	if err != nil {
		return errors.Join(err, stop(all))
	}
	var sync midSync
	if err = f.furnish(ctx, api); err == nil {
		sync, err = f.begin(ctx, api)
	}
	if err := errors.Join(err, stop(all)); err != nil {
		return err
	}
	if api, all, err = processes(newer); err == nil {
		err = sync.end(ctx, api)
	}
	if err := errors.Join(err, stop(all)); err != nil {
		return err
	}
	say("%s stopped, then %s: all completed, each synced once", older.name, newer.name)
	return nil
}
