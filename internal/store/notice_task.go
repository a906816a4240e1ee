// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// endedRow is a root that is over.
type endedRow struct {
	taskRow `bun:",extend"`

	Scheduled bool `bun:"scheduled,scanonly"`
}

// EndedTasks implements fleet.Notices.
func (s *Store) EndedTasks(ctx context.Context, since time.Time) ([]fleet.EndedTask, error) {
	ended, err := s.endedTasks(ctx, since)
	return ended, s.errors.classify(ctx, err, "look for tasks that ended")
}

func (s *Store) endedTasks(ctx context.Context, since time.Time) ([]fleet.EndedTask, error) {
	var rows []endedRow
	err := s.read.NewSelect().Model(&rows).ColumnExpr("t.*").ColumnExpr(stillScheduled, bun.Ident("t")).
		Where("t.date_finished >= ? AND t.parent_id IS NULL", since).
		Where("t.state IN (?)", bun.List([]fleet.TaskState{fleet.Completed, fleet.Failed, fleet.FailedToStart})).
		OrderExpr("t.date_finished, t.id").Scan(ctx)
	if err != nil {
		return nil, err
	}
	ended := make([]fleet.EndedTask, len(rows))
	at := map[int64]int{}
	var bad []int64
	for i, r := range rows {
		ended[i] = fleet.EndedTask{Task: r.task(), Scheduled: r.Scheduled}
		if !ended[i].State.Good() {
			at[r.ID], bad = i, append(bad, r.ID)
		}
	}
	err = inChunks(bad, func(ids []int64) error {
		var parts []taskRow
		err := s.read.NewSelect().Model(&parts).Where("t.parent_id IN (?)", bun.List(ids)).
			Where("t.state IN (?)", bun.List([]fleet.TaskState{fleet.Failed, fleet.FailedToStart})).OrderExpr("t.parent_id, t.ordinal").Scan(ctx)
		for _, p := range parts {
			e := &ended[at[p.ParentID]]
			if e.Failed++; len(e.Parts) < noticeParts {
				e.Parts = append(e.Parts, p.task())
			}
		}
		return err
	})
	return ended, err
}
