// SPDX-License-Identifier: Apache-2.0

package store

import "context"

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
