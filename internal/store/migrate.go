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
	db     *sql.DB
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
	return migrations{ours: ours, theirs: riverTables[T]{driver, theirs}, db: db}, nil
}

// Migrate brings the database up to date. Processes that do so at the same time wait
// for each other. A database of a newer release is used as it is, where that one says that this one
// may; else it is left alone: Conflict.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.db.migrationLock(ctx, func(ctx context.Context) error {
		m, err := s.db.migrations()
		if err != nil {
			return err
		}
		v, err := m.versions(ctx)
		if err != nil {
			return err
		}
		s.tellNewer(ctx, v)
		if v.have < v.known {
			if _, err := m.ours.Up(ctx); err != nil {
				return err
			}
		}
		if v.engineHave < v.engineKnown {
			return m.theirs.migrate(ctx)
		}
		return nil
	})
	return s.errors.classify(ctx, err, "bring the database up to date")
}

// checkVersion makes sure that the database is not older than this release, nor too new for it.
func (s *Store) checkVersion(ctx context.Context) error {
	m, err := s.db.migrations()
	if err != nil {
		return s.errors.classify(ctx, err, "read the database's version")
	}
	v, err := m.versions(ctx)
	if err != nil {
		return s.errors.classify(ctx, err, "read the database's version")
	}
	if v.have < v.known || v.engineHave < v.engineKnown {
		return fault.New(fault.Conflict, "%s is of an older release", s.errors.database).WithHint("run: pulp-manager migrate")
	}
	s.tellNewer(ctx, v)
	return nil
}

// versions are the newest migrations of a database and those that this release knows: ours, and the engine's.
type versions struct{ have, known, engineHave, engineKnown int64 }

func (v versions) newer() bool { return v.have > v.known || v.engineHave > v.engineKnown }

// tellNewer says that a newer release has been here.
func (s *Store) tellNewer(ctx context.Context, v versions) {
	if v.newer() {
		s.logger.WarnContext(ctx, "the database is of a newer release, which says that this one may work on it",
			"tables", v.have, "known", v.known, "engine_tables", v.engineHave, "engine_known", v.engineKnown)
	}
}

// versions gives the versions; Conflict where tables are so new that this release may not touch them.
func (m migrations) versions(ctx context.Context) (v versions, err error) {
	if v.have, v.known, err = m.ours.GetVersions(ctx); err != nil {
		return v, err
	}
	have, known, err := m.theirs.versions(ctx)
	v.engineHave, v.engineKnown = int64(have), int64(known)
	if err != nil || !v.newer() {
		return v, err
	}
	// A table that is not there is one of a release that does not exist.
	var oldest, engine int64
	err = m.db.QueryRowContext(ctx, "SELECT oldest, engine FROM compatibility WHERE id = 1").Scan(&oldest, &engine)
	if err == nil && v.known >= oldest && v.engineKnown >= engine {
		return v, nil
	}
	return v, fault.Wrap(fault.Conflict, err,
		"the database is of a newer release: its tables have version %d.%d, this release knows %d.%d", v.have, v.engineHave, v.known, v.engineKnown).
		WithHint("run the newer release; or restore a backup from before it was started; or, with the newer release, run `pulp-manager migrate --down-to %d`", v.known)
}

// Downgrade takes back what migrations after a version have made, with all that is stored in it, so that a release that knows no
// more can be started. Nothing else may use the database. Versions below firstRelease are Invalid.
func (s *Store) Downgrade(ctx context.Context, to int64) error {
	err := s.db.migrationLock(ctx, func(ctx context.Context) error {
		m, err := s.db.migrations()
		if err != nil {
			return err
		}
		v, err := m.versions(ctx)
		switch {
		case err != nil:
			return err
		case v.newer():
			return fault.New(fault.Conflict, "only the release that made the tables of version %d can take them back", v.have).WithHint("run its `pulp-manager migrate --down-to`")
		case to < firstRelease || to > v.have:
			return fault.New(fault.Invalid, "there is no release with tables of version %d", to).WithHint("give a version from %d to %d", firstRelease, v.have)
		}
		_, err = m.ours.DownTo(ctx, to)
		return err
	})
	return s.errors.classify(ctx, err, "take back migrations")
}

// firstRelease is the version of the tables below which there was no release.
const firstRelease = 5

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
