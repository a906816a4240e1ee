// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's name of PostgreSQL
	_ "modernc.org/sqlite"             // and of SQLite

	"github.com/pulp/pulp-manager/internal/store"
)

// How large the fleet of `lists` is.
const (
	listServers      = 100
	listRepositories = 5000 // a server
	listTasks        = 100_000
)

// listStore makes a store with the fleet of `lists`: names are shared by all servers, as where they mirror each other, or all
// different. An empty url means SQLite in dir.
func listStore(ctx context.Context, dir, url string, shared bool) (_ *store.Store, err error) {
	s, err := store.Open(ctx, store.Options{DataDir: dir, DatabaseURL: url})
	if err != nil {
		return nil, err
	}
	driver, address := "sqlite", "file:"+filepath.Join(dir, "pulp-manager.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	if url != "" {
		driver, address = "pgx", url
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	db.SetMaxOpenConns(1)
	err = fillLists(ctx, db, s.Dialect(), shared)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// fillLists writes the rows in bulk: in SQL alone, so that none of them goes through this program.
func fillLists(ctx context.Context, db *sql.DB, dialect store.Dialect, shared bool) error {
	names, name := listRepositories, "1 + i % @repos"
	if !shared {
		names, name = listServers*listRepositories, "1 + i"
	}
	statements := []string{
		"DELETE FROM tasks", "DELETE FROM repositories", "DELETE FROM repository_names", "DELETE FROM server_groups", "DELETE FROM schedules", "DELETE FROM servers",
		`@series(@servers)
		INSERT INTO servers (id, name, username, credential_mount, password_ref, url, content_origin, mirror_url, domain, description, snapshot_supported,
			max_concurrent_snapshots, registered, registration_schedule, registration_max_runtime, registration_include, registration_exclude, health,
			date_created, date_last_updated)
		SELECT 1 + i, 'pulp' || (1 + i) || '.example.com', 'admin', 'accounts', '', '', '', '', '', '', @true, 0, @false, '', '', '', '', 'green', '@now', '@now' FROM series`,
		fmt.Sprintf(`@series(%d) INSERT INTO repository_names (id, name)
		SELECT 1 + i, CASE i %% 10 WHEN 0 THEN 'int-' ELSE 'ext-' END || CASE i %% 3 WHEN 0 THEN 'debian-' WHEN 1 THEN 'rocky-' ELSE 'files-' END || i FROM series`, names),
		`@series(@servers * @repos) INSERT INTO repositories (id, server_id, name_id, type, href, remote_href, remote_feed, distribution_href, latest_version,
			served_version, health, health_date, last_attempt, last_attempt_state, last_success, base_path, packages, packages_version, owned, date_created, date_last_updated)
		SELECT 1 + i, 1 + i / @repos, ` + name + `, CASE i % 3 WHEN 0 THEN 'deb' WHEN 1 THEN 'rpm' ELSE 'file' END,
			'/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-' || i || '/', '/pulp/api/v3/remotes/deb/apt/01a207af-d92d-7a31-987a-' || i || '/',
			'https://upstream.example.com/' || (i % @repos) || '/', '/pulp/api/v3/distributions/deb/apt/01a207af-de96-70ed-8cfb-' || i || '/',
			'/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-' || i || '/versions/3/',
			'/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-' || i || '/versions/3/',
			CASE WHEN i % 50 = 0 THEN 'red' WHEN i % 20 = 0 THEN 'amber' ELSE 'green' END, '@now', '@now', 'completed', '@now',
			'base/' || (i % @repos), i % 70000, 'counted', @true, '@now', '@now' FROM series`,
		`@series(@tasks) INSERT INTO tasks (id, name, parent_id, root_id, ordinal, kind, args, state, server_id, repository_id, max_runtime,
			date_queued, date_started, date_finished, worker_name, worker_job_id, date_created, date_last_updated)
		SELECT 1 + i, CASE WHEN i % 100 = 0 THEN 'repo sync pulp' ELSE 'sync of ext-debian-' || i || ' on pulp' END || (1 + i % @servers) || '.example.com',
			CASE WHEN i % 100 = 0 THEN NULL ELSE i - i % 100 + 1 END, CASE WHEN i % 100 = 0 THEN NULL ELSE i - i % 100 + 1 END, i % 100,
			CASE WHEN i % 100 = 0 THEN 'repo_group_sync' ELSE 'repo_sync' END, '{"name":"x","max_runtime":"6h","regex_include":"^ext"}',
			CASE WHEN i % 40 = 0 THEN 'failed' ELSE 'completed' END, 1 + i % @servers, 1 + (i * 5) % (@servers * @repos), 21600000000000,
			'@now', '@now', '@now', 'worker-' || (i % 4), '' || i, '@now', '@now' FROM series`,
	}
	if dialect == store.PostgreSQL { // as its autovacuum does by itself; SQLite has no such thing, and the daemon does without
		statements = append(statements, "VACUUM ANALYZE")
	}
	words := strings.NewReplacer("@servers", fmt.Sprint(listServers), "@repos", fmt.Sprint(listRepositories), "@tasks", fmt.Sprint(listTasks),
		"@now", "2026-11-23 09:14:46.123456+00:00", "@true", "true", "@false", "false")
	for _, statement := range statements {
		text := words.Replace(series(dialect, statement))
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("load the fleet: %w: %.200s", err, text)
		}
	}
	return nil
}

// series writes @series(n) as the dialect has it: a table `series` with the numbers i from 0 to n-1.
func series(dialect store.Dialect, statement string) string {
	rest, ok := strings.CutPrefix(statement, "@series(")
	if !ok {
		return statement
	}
	n, rest, _ := strings.Cut(rest, ")")
	with := "WITH RECURSIVE series (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i + 1 < " + n + ") "
	if dialect == store.PostgreSQL {
		with = "WITH series AS (SELECT i FROM generate_series(0, " + n + " - 1) AS i) "
	}
	return with + strings.TrimSpace(rest)
}
