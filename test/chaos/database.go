// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// records is the store's database, read by queries of our own: what the program says of itself is what is judged.
type records struct{ db *sql.DB }

// openRecords opens the database of a data directory, or of a URL.
func openRecords(dataDir, databaseURL string) (*records, error) {
	driver, source := "pgx", databaseURL
	if databaseURL == "" {
		file := url.URL{Scheme: "file", Path: filepath.Join(dataDir, "pulp-manager.db")}
		driver, source = "sqlite", file.String()+"?_busy_timeout=10000&_query_only=1"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &records{db}, nil
}

func (r *records) close() error { return r.db.Close() }

// cut ends all other connections to the database, as a restart does.
func (r *records) cut(ctx context.Context) error {
	_, err := r.db.ExecContext(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	return err
}

// each calls visit for every row of a query.
func (r *records) each(ctx context.Context, query string, visit func(scan func(...any) error) error) error {
	rows, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *records) number(ctx context.Context, query string) (n int, err error) {
	return n, r.db.QueryRowContext(ctx, query).Scan(&n)
}

// pulpRequest is a recorded request.
type pulpRequest struct {
	id, task    int64
	server      string
	step        string
	correlation string
	href, state string
}

// requests gives all recorded requests by their correlation id.
func (r *records) requests(ctx context.Context) (map[string]pulpRequest, error) {
	all := map[string]pulpRequest{}
	err := r.each(ctx, `SELECT q.id, q.task_id, s.name, q.step, q.correlation, q.href, q.state FROM pulp_requests AS q JOIN servers AS s ON s.id = q.server_id`,
		func(scan func(...any) error) error {
			var q pulpRequest
			if err := scan(&q.id, &q.task, &q.server, &q.step, &q.correlation, &q.href, &q.state); err != nil {
				return err
			}
			if before, twice := all[q.correlation]; twice {
				return fmt.Errorf("requests %d and %d have the one correlation id %s", before.id, q.id, q.correlation)
			}
			all[q.correlation] = q
			return nil
		})
	return all, err
}

// lock is a lock that is held.
type lock struct {
	server, repository string
	task               int64
	state              string // of that task
	pulpTask           string
}

func (r *records) locks(ctx context.Context) ([]lock, error) {
	var all []lock
	err := r.each(ctx, `SELECT s.name, l.repository, l.task_id, t.state, l.pulp_task FROM repository_locks AS l
		JOIN servers AS s ON s.id = l.server_id JOIN tasks AS t ON t.id = l.task_id`,
		func(scan func(...any) error) error {
			var l lock
			err := scan(&l.server, &l.repository, &l.task, &l.state, &l.pulpTask)
			all = append(all, l)
			return err
		})
	return all, err
}

// rules are what no row may break, as queries that give the sentence for each that does.
var rules = map[string]string{
	"a final task has children that are not": `SELECT 'task ' || p.id || ' is ' || p.state || ', its child ' || c.id || ' is ' || c.state
		FROM tasks AS c JOIN tasks AS p ON p.id = c.parent_id WHERE p.state NOT IN ('queued', 'running') AND c.state IN ('queued', 'running')`,
	"a completed task has children that did not succeed": `SELECT 'task ' || p.id || ' is completed, its child ' || c.id || ' is ' || c.state
		FROM tasks AS c JOIN tasks AS p ON p.id = c.parent_id WHERE p.state = 'completed' AND c.state NOT IN ('completed', 'skipped')`,
	"a task that failed by its children has none that failed": `SELECT 'task ' || p.id || ' says that children did not succeed'
		FROM tasks AS p WHERE p.parent_id IS NULL AND p.state = 'failed' AND CAST(p.error AS text) LIKE '%look at the failed child%'
		AND NOT EXISTS (SELECT 1 FROM tasks AS c WHERE c.parent_id = p.id AND c.state NOT IN ('completed', 'skipped'))`,
	"a schedule ran twice at once": `SELECT 'tasks ' || a.id || ' and ' || b.id || ' of schedule ' || a.schedule_id FROM tasks AS a JOIN tasks AS b
		ON a.schedule_id = b.schedule_id AND b.id > a.id AND a.parent_id IS NULL AND b.parent_id IS NULL
		WHERE a.state <> 'skipped' AND b.state <> 'skipped' AND (a.date_finished IS NULL OR a.date_finished > b.date_queued)`,
	"a final task has no end, or one that is not has": `SELECT 'task ' || t.id || ' is ' || t.state FROM tasks AS t
		WHERE (t.date_finished IS NULL) <> (t.state IN ('queued', 'running'))`,
}

// settled are further ones, which hold once everything has come to rest.
var settled = map[string]string{
	"a task is not over": `SELECT 'task ' || t.id || ' (' || t.name || ') is ' || t.state || ', owner ' || coalesce(t.lease_owner, 'none') FROM tasks AS t
		WHERE t.state IN ('queued', 'running') AND t.parent_id IS NULL`,
	"a request is open": `SELECT 'request ' || q.id || ' (' || q.step || ') of task ' || q.task_id || ', which is ' || t.state FROM pulp_requests AS q
		JOIN tasks AS t ON t.id = q.task_id WHERE q.state = 'open'`,
	"a cancellation is not confirmed": `SELECT 'task ' || t.id || ' (' || t.name || ')' FROM tasks AS t
		WHERE t.cancel_requested IS NOT NULL AND t.cancel_confirmed IS NULL`,
	"a lease is held by nobody": `SELECT 'task ' || t.id || ' is ' || t.state || ' and leased to ' || t.lease_owner FROM tasks AS t
		WHERE t.lease_owner IS NOT NULL AND t.state NOT IN ('queued', 'running')`,
}

// obey checks rules and gives a sentence for each row that breaks one.
func (r *records) obey(ctx context.Context, rules map[string]string) ([]string, error) {
	var broken []string
	var errs []error
	for rule, query := range rules {
		errs = append(errs, r.each(ctx, query, func(scan func(...any) error) error {
			var text string
			err := scan(&text)
			broken = append(broken, rule+": "+text)
			return err
		}))
	}
	return broken, errors.Join(errs...)
}
