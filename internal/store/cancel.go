// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Cancel implements fleet.Queue. What never began is confirmed at once.
func (s *Store) Cancel(ctx context.Context, id fleet.TaskID) (fleet.Task, error) {
	var row taskRow
	err := s.inTx(ctx, "cancel a task", func(ctx context.Context, t tx) (err error) {
		row, err = cancelTree(ctx, t, id)
		return err
	})
	if err != nil {
		return fleet.Task{}, err
	}
	return row.task(), nil
}

// cancelTree cancels a task and all below it, and lets somebody confirm that soon.
func cancelTree(ctx context.Context, t tx, id fleet.TaskID) (taskRow, error) {
	root, err := lockTree(ctx, t, id)
	if err != nil {
		return taskRow{}, err
	}
	row, err := cancel(ctx, t, id)
	if err != nil {
		return taskRow{}, err
	}
	if fleet.TaskState(root.State).Final() { // its end may be confirmed already: then nobody looks at it any more
		if err := settle(ctx, t, fleet.TaskID(root.ID)); err != nil {
			return taskRow{}, err
		}
	}
	if root.LeaseOwner == "" && root.JobID != 0 { // nobody holds it
		return row, t.jobs.wake(ctx, root.JobID)
	}
	return row, nil
}

// lockTree reads the root of a task's tree and keeps others from changing it.
func lockTree(ctx context.Context, t tx, id fleet.TaskID) (taskRow, error) {
	var rows []taskRow
	err := t.locked(t.NewSelect().Model(&rows), toChange, "t").
		Where("t.id = (SELECT coalesce(c.root_id, c.id) FROM tasks AS c WHERE c.id = ?)", id).Scan(ctx)
	if err != nil {
		return taskRow{}, err
	}
	if len(rows) == 0 {
		return taskRow{}, fault.New(fault.NotFound, "there is no task %d", id)
	}
	return rows[0], nil
}

func cancel(ctx context.Context, t tx, id fleet.TaskID) (taskRow, error) {
	tree, err := subtree(ctx, t, id)
	if err != nil {
		return taskRow{}, err
	}
	at := slices.IndexFunc(tree, func(r taskRow) bool { return r.ID == int64(id) })
	if state := fleet.TaskState(tree[at].State); state.Final() {
		return taskRow{}, fault.New(fault.Conflict, "task %d is over already: %s", id, state)
	}
	for _, task := range tree {
		if fleet.TaskState(task.State).Final() {
			continue
		}
		if err := recordSync(ctx, t, task, fleet.Canceled); err != nil {
			return taskRow{}, err
		}
	}
	var ids []int64
	for _, task := range tree {
		if !fleet.TaskState(task.State).Final() {
			ids = append(ids, task.ID)
		}
	}
	err = inChunks(ids, func(ids []int64) error {
		_, err := t.NewUpdate().Model((*taskRow)(nil)).Where("t.id IN (?)", bun.List(ids)).
			Set("cancel_confirmed = CASE WHEN state = ? AND ? THEN ? END", fleet.Queued, bun.Safe(neverBegan), t.now()).
			Set("state = ?", fleet.Canceled).Set("cancel_requested = ?", t.now()).
			Set("date_finished = ?", t.now()).Set("date_last_updated = ?", t.now()).Exec(ctx)
		return err
	})
	if err != nil {
		return taskRow{}, err
	}
	if err := waitsForNothing(ctx, t, subtreeIDs(id)); err != nil {
		return taskRow{}, err
	}
	var row taskRow
	err = noted(t.NewSelect().Model(&row)).Where("t.id = ?", id).Scan(ctx)
	return row, err
}

// neverBegan is a condition on a queued task: no process ever held it, and nothing
// was asked of a server for it.
const neverBegan = `lease_owner IS NULL AND NOT EXISTS (SELECT 1 FROM pulp_requests AS q WHERE q.task_id = t.id)`

// subtree gives a task and all below it, top first.
func subtree(ctx context.Context, db bun.IDB, id fleet.TaskID) ([]taskRow, error) {
	var rows []taskRow
	err := db.NewSelect().Model(&rows).Where("t.id IN (?)", subtreeIDs(id)).OrderExpr("t.id").Scan(ctx)
	return rows, err
}

// subtreeIDs is a query for the ids of a task and of all below it.
func subtreeIDs(id fleet.TaskID) any {
	return bun.SafeQuery(`WITH RECURSIVE below (id) AS (
		SELECT CAST(? AS bigint) UNION ALL SELECT c.id FROM tasks AS c JOIN below ON c.parent_id = below.id
	) SELECT id FROM below`, id)
}
