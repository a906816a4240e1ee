// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/riverqueue/river/riverdriver"
)

// InTx runs statements in one transaction, for tests of the past.
func InTx(ctx context.Context, s *Store, fn func(exec func(query string, args ...any) error) error) error {
	return s.db.inTx(ctx, func(ctx context.Context, t tx) error {
		return fn(func(query string, args ...any) error {
			_, err := t.NewRaw(query, args...).Exec(ctx)
			return err
		})
	})
}

// Read reads rows.
func Read[T any](ctx context.Context, s *Store, query string, args ...any) ([]T, error) {
	var rows []T
	err := s.read.NewRaw(query, args...).Scan(ctx, &rows)
	return rows, err
}

// CleanJobs removes the engine's jobs that were over before a moment, as its own cleaner does.
func CleanJobs(ctx context.Context, s *Store, before time.Time) (int, error) {
	params := &riverdriver.JobDeleteBeforeParams{
		CancelledDoDelete: true, CancelledFinalizedAtHorizon: before, CompletedDoDelete: true, CompletedFinalizedAtHorizon: before,
		DiscardedDoDelete: true, DiscardedFinalizedAtHorizon: before, Max: 1000,
	}
	if db, ok := s.db.(*postgresDB); ok {
		return db.driver.GetExecutor().JobDeleteBefore(ctx, params)
	}
	return s.db.(*sqliteDB).driver.GetExecutor().JobDeleteBefore(ctx, params)
}
