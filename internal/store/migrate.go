// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/pulp/pulp-manager/internal/fault"
)

//go:embed migrations
var migrationFiles embed.FS

// migrations are the two sets of tables of a database: ours and the engine's.
type migrations struct {
	ours   *goose.Provider
	theirs engineTables
}

// engineTables are the engine's tables.
type engineTables interface {
	versions(ctx context.Context) (have, known int, err error)
	migrate(ctx context.Context) error
}

func newMigrations[T any](dialect goose.Dialect, dir string, db *sql.DB, driver riverdriver.Driver[T]) (migrations, error) {
	files, err := fs.Sub(migrationFiles, dir)
	if err != nil {
		return migrations{}, err
	}
	ours, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return migrations{}, err
	}
	theirs, err := rivermigrate.New(driver, nil)
	if err != nil {
		return migrations{}, err
	}
	return migrations{ours: ours, theirs: riverTables[T]{driver, theirs}}, nil
}

// Migrate brings the database up to date. Processes that do so at the same time wait
// for each other. A database of a newer release is left alone: Conflict.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.db.migrationLock(ctx, func(ctx context.Context) error {
		m, err := s.db.migrations()
		if err != nil {
			return err
		}
		if _, err := m.pending(ctx); err != nil {
			return err
		}
		if _, err := m.ours.Up(ctx); err != nil {
			return err
		}
		return m.theirs.migrate(ctx)
	})
	return s.errors.classify(ctx, err, "bring the database up to date")
}

// checkVersion makes sure that the database is neither older nor newer than this release.
func (s *Store) checkVersion(ctx context.Context) error {
	m, err := s.db.migrations()
	if err != nil {
		return s.errors.classify(ctx, err, "read the database's version")
	}
	pending, err := m.pending(ctx)
	if err != nil {
		return s.errors.classify(ctx, err, "read the database's version")
	}
	if pending {
		return fault.New(fault.Conflict, "%s is of an older release", s.errors.database).WithHint("run: pulp-manager migrate")
	}
	return nil
}

// pending tells whether tables of this release are missing; Conflict where there are
// some of a newer one.
func (m migrations) pending(ctx context.Context) (bool, error) {
	have, known, err := m.ours.GetVersions(ctx)
	if err != nil {
		return false, err
	}
	jobsHave, jobsKnown, err := m.theirs.versions(ctx)
	if err != nil {
		return false, err
	}
	if have > known || jobsHave > jobsKnown {
		return false, fault.New(fault.Conflict,
			"the database is of a newer release: its tables have version %d.%d, this release knows %d.%d", have, jobsHave, known, jobsKnown).
			WithHint("run the newer release, or restore a backup from before it was started")
	}
	return have < known || jobsHave < jobsKnown, nil
}

// riverTables are River's tables.
type riverTables[T any] struct {
	driver   riverdriver.Driver[T]
	migrator *rivermigrate.Migrator[T]
}

// versions asks the driver: the migrator itself refuses to name versions it does not know.
func (t riverTables[T]) versions(ctx context.Context) (have, known int, err error) {
	for _, m := range t.migrator.AllVersions() {
		known = max(known, m.Version)
	}
	exec := t.driver.GetExecutor()
	exists, err := exec.TableExists(ctx, &riverdriver.TableExistsParams{Table: "river_migration"})
	if err != nil || !exists {
		return 0, known, err
	}
	applied, err := exec.MigrationGetByLine(ctx, &riverdriver.MigrationGetByLineParams{Line: riverdriver.MigrationLineMain})
	for _, m := range applied {
		have = max(have, m.Version)
	}
	return have, known, err
}

func (t riverTables[T]) migrate(ctx context.Context) error {
	_, err := t.migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}
