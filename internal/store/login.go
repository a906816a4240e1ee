// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// revocationRow is a row of revoked_tokens.
type revocationRow struct {
	bun.BaseModel `bun:"table:revoked_tokens,alias:rt"`

	TokenID string    `bun:"token_id,pk"`
	User    string    `bun:"user_name"`
	Until   time.Time `bun:"until"`
}

// failureRow is a row of login_failures.
type failureRow struct {
	bun.BaseModel `bun:"table:login_failures,alias:lf"`

	Key      string    `bun:"key,pk"`
	Failures int       `bun:"failures"`
	Last     time.Time `bun:"last_failure,nullzero"`
}

// Revoke implements fleet.Logins.
func (s *Store) Revoke(ctx context.Context, r fleet.Revocation) error {
	return s.inTx(ctx, "end a login", func(ctx context.Context, t tx) error {
		if _, err := t.NewDelete().Model((*revocationRow)(nil)).Where("rt.until < ?", t.now()).Exec(ctx); err != nil {
			return err
		}
		row := revocationRow{TokenID: r.TokenID, User: storable(r.User, auditText), Until: r.Until}
		_, err := t.NewInsert().Model(&row).On("CONFLICT (token_id) DO NOTHING").Exec(ctx)
		return err
	})
}

// Revoked implements fleet.Logins.
func (s *Store) Revoked(ctx context.Context, tokenID string) (bool, error) {
	found, err := s.read.NewSelect().Model((*revocationRow)(nil)).Where("rt.token_id = ?", tokenID).Exists(ctx)
	return found, s.errors.classify(ctx, err, "look whether a login was ended")
}

// FailedLogins implements fleet.Logins.
func (s *Store) FailedLogins(ctx context.Context, keys []string) (map[string]fleet.LoginFailures, time.Time, error) {
	const doing = "look for failed logins"
	var rows []failureRow
	if len(keys) > 0 {
		if err := s.read.NewSelect().Model(&rows).Where("lf.key IN (?)", bun.List(keys)).Scan(ctx); err != nil {
			return nil, time.Time{}, s.errors.classify(ctx, err, doing)
		}
	}
	var now time.Time // after the rows, so none is later
	if err := s.read.NewRaw("SELECT ?", s.clock.now()).Scan(ctx, &now); err != nil {
		return nil, time.Time{}, s.errors.classify(ctx, err, doing)
	}
	all := make(map[string]fleet.LoginFailures, len(rows))
	for _, r := range rows {
		all[r.Key] = fleet.LoginFailures{Key: r.Key, Count: r.Failures, Last: utc(r.Last)}
	}
	return all, utc(now), nil
}

// NoteFailedLogin implements fleet.Logins.
func (s *Store) NoteFailedLogin(ctx context.Context, keys []string, forget time.Duration) error {
	return s.inTx(ctx, "count a failed login", func(ctx context.Context, t tx) error {
		if _, err := t.NewDelete().Model((*failureRow)(nil)).Where("lf.last_failure < ?", t.in(-forget)).Exec(ctx); err != nil {
			return err
		}
		for _, key := range slices.Sorted(slices.Values(keys)) { // in one order, so that two processes do not wait for each other
			row := failureRow{Key: key, Failures: 1}
			_, err := t.NewInsert().Model(&row).Value("last_failure", "?", t.now()).
				On("CONFLICT (key) DO UPDATE").Set("failures = lf.failures + 1").Set("last_failure = excluded.last_failure").Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ClearFailedLogins implements fleet.Logins.
func (s *Store) ClearFailedLogins(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return s.inTx(ctx, "forget failed logins", func(ctx context.Context, t tx) error {
		_, err := t.NewDelete().Model((*failureRow)(nil)).Where("lf.key IN (?)", bun.List(keys)).Exec(ctx)
		return err
	})
}
