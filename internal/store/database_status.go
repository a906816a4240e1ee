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
	var names []string
	if err := s.read.NewRaw(listTables[s.Dialect()]).Scan(ctx, &names); err != nil {
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
