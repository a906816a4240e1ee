// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// A pruning's transactions are so small that each takes about batchTime, because others wait for it on SQLite; and it pauses
// after each for as long as that took, or batchPause.
const (
	batchTime             = 20 * time.Millisecond
	batchPause            = 2 * time.Millisecond
	leastBatch, mostBatch = 5, 1000
	firstBatch            = 50
	forgetFailures        = 24 * time.Hour // failed logins; the service itself forgets them sooner
	pruningProblem        = 500            // bytes
)

// pruningRow is the row of prunings.
type pruningRow struct {
	bun.BaseModel `bun:"table:prunings,alias:pr"`

	ID      int64     `bun:"id,pk"`
	Due     time.Time `bun:"due,nullzero"`
	Began   time.Time `bun:"began,nullzero"`
	Ended   time.Time `bun:"ended,nullzero"`
	Failing time.Time `bun:"failing,nullzero"`
	Problem string    `bun:"problem"`
	Removed string    `bun:"removed"`
}

// ClaimPruning implements fleet.Prunings, as one compare-and-set.
func (s *Store) ClaimPruning(ctx context.Context, every time.Duration) (bool, error) {
	var n int64
	err := s.inTx(ctx, "begin to remove old rows", func(ctx context.Context, t tx) (err error) {
		n, err = changed(t.NewUpdate().Model((*pruningRow)(nil)).Set("due = ?", t.in(every)).Set("began = ?", t.now()).
			Where("pr.id = 1 AND pr.due <= ?", t.now()).Exec(ctx))
		return err
	})
	return n == 1, err
}

// Pruning implements fleet.Prunings.
func (s *Store) Pruning(ctx context.Context) (fleet.Pruning, error) {
	var rows []pruningRow
	if err := s.read.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return fleet.Pruning{}, s.errors.classify(ctx, err, "read how old rows were removed")
	}
	if len(rows) == 0 {
		return fleet.Pruning{}, nil
	}
	r := rows[0]
	p := fleet.Pruning{Due: utc(r.Due), Began: utc(r.Began), Ended: utc(r.Ended), Failing: utc(r.Failing), Problem: r.Problem}
	if r.Removed != "" {
		_ = json.Unmarshal([]byte(r.Removed), &p.Removed) // what an other release wrote is not worth an error
	}
	return p, nil
}

// EndPruning implements fleet.Prunings.
func (s *Store) EndPruning(ctx context.Context, removed fleet.Pruned, problem string) error {
	text, err := json.Marshal(removed)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "note what was removed", func(ctx context.Context, t tx) error {
		update := t.NewUpdate().Model((*pruningRow)(nil)).Where("pr.id = 1").Set("problem = ?", storable(problem, pruningProblem))
		if problem == "" {
			update = update.Set("failing = NULL").Set("ended = ?", t.now()).Set("removed = ?", string(text))
		} else {
			update = update.Set("failing = coalesce(failing, ?)", t.now())
		}
		_, err := update.Exec(ctx)
		return err
	})
}

// Prune implements fleet.Prunings.
func (s *Store) Prune(ctx context.Context, r fleet.Retention) (fleet.Pruned, error) {
	p := pruner{Store: s, size: firstBatch}
	if err := p.tasks(ctx, r); err != nil {
		return p.removed, s.errors.classify(ctx, err, "remove old tasks")
	}
	if err := p.audit(ctx, r); err != nil {
		return p.removed, s.errors.classify(ctx, err, "remove old audit entries")
	}
	if err := p.logins(ctx); err != nil {
		return p.removed, s.errors.classify(ctx, err, "remove old logins")
	}
	return p.removed, s.errors.classify(ctx, s.db.shrink(ctx), "give back the space of what was removed")
}

// pruner is one pruning.
type pruner struct {
	*Store
	size    int // of the next transaction, in rows
	removed fleet.Pruned
}

// batch runs one small transaction, learns from how long it took, and makes way for others.
func (p *pruner) batch(ctx context.Context, fn func(context.Context, tx) error) error {
	var began time.Time
	err := p.db.inTx(ctx, func(ctx context.Context, t tx) error {
		began = time.Now()
		return fn(ctx, t)
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	switch {
	case took > batchTime:
		p.size = max(p.size/2, leastBatch)
	case took < batchTime/2:
		p.size = min(p.size+p.size/2, mostBatch)
	}
	timer := time.NewTimer(max(took, batchPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain deletes from a table, whose key is named, batch by batch what a condition finds in an order that an index serves.
func (p *pruner) drain(ctx context.Context, table, key, order string, removed *int64, where string, args ...any) error {
	for {
		var n int64
		size := p.size
		err := p.batch(ctx, func(ctx context.Context, t tx) (err error) {
			old := t.NewSelect().Table(table).Column(key).Where(where, args...).OrderExpr(order).Limit(int64(size))
			n, err = changed(t.NewDelete().Table(table).Where("? IN (?)", bun.Ident(key), old).Exec(ctx))
			return err
		})
		*removed += n
		if err != nil || n < int64(size) {
			return err
		}
	}
}

// audit removes entries that are too old or too many.
func (p *pruner) audit(ctx context.Context, r fleet.Retention) error {
	if r.Audit > 0 {
		if err := p.drain(ctx, "audit", "id", "date, id", &p.removed.Audit, "date < ?", p.clock.in(-r.Audit)); err != nil {
			return err
		}
	}
	if r.Entries <= 0 {
		return nil
	}
	var beyond []int64
	err := p.read.NewSelect().Table("audit").Column("id").OrderExpr("id DESC").Offset(int64(r.Entries)).Limit(1).Scan(ctx, &beyond)
	if err != nil || len(beyond) == 0 {
		return err
	}
	return p.drain(ctx, "audit", "id", "id", &p.removed.Audit, "id <= ?", beyond[0])
}

// logins removes what is over. The service removes it too, but only when somebody logs in or out.
func (p *pruner) logins(ctx context.Context) error {
	if err := p.drain(ctx, "revoked_tokens", "token_id", "until", &p.removed.Logins, "until < ?", p.clock.now()); err != nil {
		return err
	}
	return p.drain(ctx, "login_failures", "key", "last_failure", &p.removed.Logins, "last_failure < ?", p.clock.in(-forgetFailures))
}
