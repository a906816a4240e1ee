// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// mostStuck is how many stuck tasks are given at most.
const mostStuck = 100

// still is a condition on a task (alias t): nothing of it or its parts has changed since a moment.
const still = `t.date_last_updated < ?0 AND NOT EXISTS (SELECT 1 FROM task_stages AS st WHERE st.task_id = t.id AND st.date_last_updated >= ?0)
	AND NOT EXISTS (SELECT 1 FROM tasks AS c WHERE c.root_id = t.id AND (c.date_last_updated >= ?0
		OR EXISTS (SELECT 1 FROM task_stages AS st WHERE st.task_id = c.id AND st.date_last_updated >= ?0)))`

// StuckTasks implements fleet.Attention.
func (s *Store) StuckTasks(ctx context.Context, after time.Duration) ([]fleet.Task, error) {
	var rows []taskRow
	err := s.read.NewSelect().Model(&rows).Where("t.state = ?", fleet.Running).Where(still, s.clock.in(-after)).
		OrderExpr("t.id").Limit(mostStuck).Scan(ctx)
	return tasks(rows), s.errors.classify(ctx, err, "look for stuck tasks")
}

// OldestQueued implements fleet.Attention.
func (s *Store) OldestQueued(ctx context.Context) (fleet.TaskID, time.Duration, error) {
	var rows []struct {
		ID     int64     `bun:"id"`
		Queued time.Time `bun:"date_queued"`
		Now    time.Time `bun:"now"`
	}
	err := s.read.NewSelect().Model((*taskRow)(nil)).Column("t.id", "t.date_queued").ColumnExpr("? AS now", s.clock.now()).
		Where("t.parent_id IS NULL AND "+unfinished).Where("t.state = ?", fleet.Queued).
		Where("NOT EXISTS (SELECT 1 FROM schedules AS w WHERE w.waiting_task_id = t.id)").OrderExpr("t.id").Limit(1).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return 0, 0, s.errors.classify(ctx, err, "look at the queue")
	}
	return fleet.TaskID(rows[0].ID), max(rows[0].Now.Sub(rows[0].Queued), 0), nil
}
