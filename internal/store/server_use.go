// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// useRow is a row of server_uses.
type useRow struct {
	bun.BaseModel `bun:"table:server_uses,alias:su"`

	ServerID    int64     `bun:"server_id,pk"`
	Process     string    `bun:"process,pk"`
	Breaker     string    `bun:"breaker"`
	Since       time.Time `bun:"since,nullzero"`
	Why         string    `bun:"why"`
	Waiting     int       `bun:"waiting"`
	Syncs       int       `bun:"syncs"`
	Concurrency int       `bun:"concurrency"`
	Updated     time.Time `bun:"updated,nullzero"`
}

// SaveServerUses implements fleet.ServerStates. What processes that died have told goes with it.
func (s *Store) SaveServerUses(ctx context.Context, process string, uses []fleet.ServerUse) error {
	return s.inTx(ctx, "store how servers are used", func(ctx context.Context, t tx) error {
		_, err := t.NewDelete().Model((*useRow)(nil)).Where("su.process = ? OR su.updated < ?", process, t.in(-fleet.UseTime)).Exec(ctx)
		if err != nil {
			return err
		}
		for _, u := range uses {
			row := useRow{
				ServerID: int64(u.Server), Process: process, Breaker: string(u.Breaker), Why: storable(u.Why, auditText),
				Waiting: u.Waiting, Syncs: u.Syncs, Concurrency: u.Concurrency,
			}
			insert := t.NewInsert().Model(&row).Value("updated", "?", t.now())
			if !u.Since.IsZero() { // by the store's clock, whatever the process's
				insert = insert.Value("since", "?", t.in(-time.Since(u.Since)))
			}
			if _, err := insert.Returning("NULL").Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// serverUses gives, for each server in use, what all processes together tell: the worst breaker, the sums of the rest.
func (s *Store) serverUses(ctx context.Context) (map[fleet.ServerID]fleet.ServerUse, error) {
	var rows []useRow
	err := s.read.NewSelect().Model(&rows).Join("JOIN servers AS s ON s.id = su.server_id AND s.removed IS NULL").
		Where("su.updated >= ?", s.clock.in(-fleet.UseTime)).OrderExpr("su.server_id, su.process").Scan(ctx)
	all := map[fleet.ServerID]fleet.ServerUse{}
	for _, r := range rows {
		u, ok := all[fleet.ServerID(r.ServerID)]
		if !ok {
			u = fleet.ServerUse{Server: fleet.ServerID(r.ServerID), Breaker: fleet.BreakerClosed}
		}
		if worse(fleet.BreakerState(r.Breaker), u.Breaker) {
			u.Breaker, u.Why = fleet.BreakerState(r.Breaker), r.Why
		}
		if since := utc(r.Since); !since.IsZero() && (u.Since.IsZero() || since.Before(u.Since)) {
			u.Since = since
		}
		u.Waiting, u.Syncs, u.Concurrency = u.Waiting+r.Waiting, u.Syncs+r.Syncs, u.Concurrency+r.Concurrency
		all[u.Server] = u
	}
	return all, err
}

// worse tells whether a breaker holds back more than another.
func worse(a, b fleet.BreakerState) bool {
	rank := map[fleet.BreakerState]int{fleet.BreakerHalfOpen: 1, fleet.BreakerOpen: 2}
	return rank[a] > rank[b]
}
