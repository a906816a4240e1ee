// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// noteRow is a row of task_notes.
type noteRow struct {
	bun.BaseModel `bun:"table:task_notes,alias:tn"`

	TaskID      int64     `bun:"task_id,pk"`
	Retries     int       `bun:"retries"`
	NextAttempt time.Time `bun:"next_attempt,nullzero"`
	RetryReason string    `bun:"retry_reason"`
	WaitingFor  string    `bun:"waiting_for"`
	DoneIn      int64     `bun:"done_in,nullzero"`
}

// noted makes a query for tasks (alias t) read what is noted of them too.
func noted(query *bun.SelectQuery) *bun.SelectQuery {
	return query.ColumnExpr("t.*").ColumnExpr("coalesce(tn.retries, 0) AS retries, tn.next_attempt, tn.done_in").
		ColumnExpr("coalesce(tn.retry_reason, '') AS retry_reason, coalesce(tn.waiting_for, '') AS waiting_for").
		Join("LEFT JOIN task_notes AS tn ON tn.task_id = t.id")
}

// Postpone implements fleet.Work.
func (s *Store) Postpone(ctx context.Context, lease fleet.Lease, after time.Duration, why string) error {
	return s.inTx(ctx, fmt.Sprintf("put off task %d", lease.Task), func(ctx context.Context, t tx) error {
		if _, err := fence(ctx, t, lease, toChange); err != nil {
			return err
		}
		row := noteRow{TaskID: int64(lease.Task), Retries: 1, RetryReason: why}
		_, err := t.NewInsert().Model(&row).Value("next_attempt", "?", t.in(after)).On("CONFLICT (task_id) DO UPDATE").
			Set("retries = tn.retries + 1").Set("next_attempt = excluded.next_attempt").Set("retry_reason = excluded.retry_reason").
			Returning("NULL").Exec(ctx)
		if err != nil {
			return err
		}
		return touch(ctx, t, lease.Task)
	})
}

// Note implements fleet.Work.
func (s *Store) Note(ctx context.Context, lease fleet.Lease, id fleet.TaskID, waitingFor string) error {
	return s.inTx(ctx, fmt.Sprintf("note what task %d waits for", id), func(ctx context.Context, t tx) error {
		root, err := fence(ctx, t, lease, toRead)
		if err != nil {
			return err
		}
		if _, err := member(ctx, t, root, id); err != nil {
			return err
		}
		row := noteRow{TaskID: int64(id), WaitingFor: waitingFor}
		_, err = t.NewInsert().Model(&row).On("CONFLICT (task_id) DO UPDATE").Set("waiting_for = excluded.waiting_for").Returning("NULL").Exec(ctx)
		if err != nil {
			return err
		}
		return touch(ctx, t, id)
	})
}

// begun notes that a task goes on now, and gives how often it was put off before.
func begun(ctx context.Context, t tx, id fleet.TaskID) (retries int, err error) {
	var rows []noteRow
	_, err = t.NewUpdate().Model((*noteRow)(nil)).Set("next_attempt = NULL").Where("tn.task_id = ?", id).Returning("*").Exec(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Retries, nil
}

// waitsForNothing forgets what tasks wait for, which are over.
func waitsForNothing(ctx context.Context, t tx, tasks any) error {
	_, err := t.NewUpdate().Model((*noteRow)(nil)).Set("waiting_for = ''").Set("next_attempt = NULL").
		Where("tn.task_id IN (?)", tasks).Where("tn.waiting_for <> '' OR tn.next_attempt IS NOT NULL").Exec(ctx)
	return err
}

// touch tells those who watch a task that something of it has changed.
func touch(ctx context.Context, t tx, id fleet.TaskID) error {
	_, err := t.NewUpdate().Model((*taskRow)(nil)).Set("date_last_updated = ?", t.now()).Where("t.id = ?", id).Exec(ctx)
	return err
}
