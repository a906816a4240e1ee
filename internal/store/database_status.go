// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// databaseSize is in bytes.
type databaseSize struct{ all, free, log int64 }

// DatabaseStatus implements fleet.Prunings.
func (s *Store) DatabaseStatus(ctx context.Context) (fleet.DatabaseStatus, error) {
	status, err := s.databaseStatus(ctx)
	return status, s.errors.classify(ctx, err, "look at the database's size")
}

func (s *Store) databaseStatus(ctx context.Context) (fleet.DatabaseStatus, error) {
	status := fleet.DatabaseStatus{Dialect: string(s.Dialect())}
	size, err := s.db.size(ctx)
	if err != nil {
		return status, err
	}
	status.Bytes, status.Free, status.Log = size.all, size.free, size.log
	if err := s.read.NewRaw("SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(ctx, &status.Version); err != nil {
		return status, err
	}
	names, err := tableNames(ctx, s.read, s.Dialect())
	if err != nil {
		return status, err
	}
	for _, name := range names {
		n, err := s.read.NewSelect().TableExpr("?", bun.Ident(name)).Count(ctx)
		if err != nil {
			return status, err
		}
		status.Tables = append(status.Tables, fleet.TableSize{Name: name, Rows: n})
	}
	var oldest []taskRow // by id: the order in which they were queued
	if err := s.read.NewSelect().Model(&oldest).Column("t.date_queued").OrderExpr("t.id").Limit(1).Scan(ctx); err != nil {
		return status, err
	}
	if len(oldest) > 0 {
		status.Oldest = utc(oldest[0].Queued)
	}
	status.Pruning, err = s.Pruning(ctx)
	return status, err
}

// tableNames gives the tables of a database, the engine's too, by name.
func tableNames(ctx context.Context, db bun.IDB, d Dialect) ([]string, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
	if d == PostgreSQL {
		query = `SELECT table_name::text FROM information_schema.tables
			WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name::text COLLATE "C"`
	}
	var names []string
	err := db.NewRaw(query).Scan(ctx, &names)
	return names, err
}
