// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// fence makes sure that a lease still counts, until the transaction ends, and gives
// the root task that it is for.
func fence(ctx context.Context, t tx, lease fleet.Lease, how rowLock) (taskRow, error) {
	var rows []taskRow
	query := t.lockedRows("SELECT "+taskColumns+" FROM tasks AS t WHERE t.id = ? AND t.lease_owner = ? AND t.lease_epoch = ?", rowsLocked{how, "t"})
	err := t.ask(ctx, &rows, query, int64(lease.Task), lease.Owner, lease.Epoch)
	if err != nil {
		return taskRow{}, err
	}
	if len(rows) == 0 {
		return taskRow{}, fleet.ErrLeaseLost
	}
	return rows[0], nil
}

// member gives a task of a root's tree, and keeps others from changing it.
func member(ctx context.Context, t tx, root taskRow, id fleet.TaskID) (taskRow, error) {
	if int64(id) == root.ID {
		return root, nil
	}
	var rows []taskRow
	query := t.lockedRows("SELECT "+taskColumns+" FROM tasks AS t WHERE t.id = ? AND t.root_id = ?", rowsLocked{toChange, "t"})
	err := t.ask(ctx, &rows, query, int64(id), root.ID)
	if err != nil {
		return taskRow{}, err
	}
	if len(rows) == 0 {
		return taskRow{}, fault.New(fault.Invalid, "task %d is no part of task %d", id, root.ID)
	}
	return rows[0], nil
}

// fenced makes sure, until the transaction ends, that a lease still counts, and that a task is part of what it is for. It is what
// is asked most, so it asks once and reads nothing else.
func fenced(ctx context.Context, t tx, lease fleet.Lease, id fleet.TaskID) error {
	const root = "SELECT r.id FROM tasks AS r WHERE r.id = ? AND r.lease_owner = ? AND r.lease_epoch = ?"
	const part = "SELECT r.id FROM tasks AS r JOIN tasks AS t ON t.root_id = r.id WHERE r.id = ? AND r.lease_owner = ? AND r.lease_epoch = ? AND t.id = ?"
	var (
		found []int64
		err   error
	)
	if id == lease.Task {
		err = t.ask(ctx, &found, t.lockedRows(root, rowsLocked{toRead, "r"}), int64(lease.Task), lease.Owner, lease.Epoch)
	} else {
		query := t.lockedRows(part, rowsLocked{toRead, "r"}, rowsLocked{toChange, "t"})
		err = t.ask(ctx, &found, query, int64(lease.Task), lease.Owner, lease.Epoch, int64(id))
	}
	if err != nil || len(found) > 0 {
		return err
	}
	top, err := fence(ctx, t, lease, toRead)
	if err != nil {
		return err
	}
	_, err = member(ctx, t, top, id)
	return err
}

// CreateChildren implements fleet.Work. A child without a max_runtime has its parent's. A task that is canceled gets none.
func (s *Store) CreateChildren(ctx context.Context, lease fleet.Lease, parent fleet.TaskID, children []fleet.NewTask) ([]fleet.Task, error) {
	var rows []taskRow
	err := s.inTx(ctx, fmt.Sprintf("create the parts of task %d", parent), func(ctx context.Context, t tx) error {
		root, err := fence(ctx, t, lease, toChange)
		if err != nil {
			return err
		}
		if fleet.TaskState(root.State).Final() { // canceled in this very moment
			return fleet.ErrCanceled
		}
		above, err := member(ctx, t, root, parent)
		if err != nil {
			return err
		}
		rows, err = childRows(ctx, t, parent)
		if err != nil || len(rows) > 0 || len(children) == 0 {
			return err
		}
		before := map[part]taskRow{}
		if root.RetryOf != 0 && above.ID == root.ID {
			if before, err = partsBefore(ctx, t, root); err != nil {
				return err
			}
		}
		rows, err = newChildren(root, above, children, before)
		if err != nil {
			return err
		}
		err = inChunks(rows, func(rows []taskRow) error {
			_, err := t.NewInsert().Model(&rows).ExcludeColumn("id").
				Value("date_queued", "?", t.now()).Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now()).
				Returning("*").Exec(ctx)
			return err
		})
		if err != nil || len(before) == 0 {
			return err
		}
		if err := takeOver(ctx, t, rows, before); err != nil {
			return err
		}
		rows, err = childRows(ctx, t, parent)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b taskRow) int { return a.Ordinal - b.Ordinal })
	return tasks(rows), nil
}

// newChildren makes the rows of a parent's children. Before are those of the task that the root tries again.
func newChildren(root, parent taskRow, children []fleet.NewTask, before map[part]taskRow) ([]taskRow, error) {
	rows := make([]taskRow, len(children))
	for i, c := range children {
		if c.MaxRuntime == 0 {
			c.MaxRuntime = parent.MaxRuntime
		}
		row, err := newTaskRow(c)
		if err != nil {
			return nil, err
		}
		row.ParentID, row.RootID, row.Ordinal = parent.ID, root.ID, i
		row.RetryOf = before[part{row.Kind, row.Name, row.RepositoryID}].ID
		rows[i] = row
	}
	return rows, nil
}

// Transition implements fleet.Work. When a root ends, what is left of its children is
// canceled with it; its lease and locks end too, unless something on a server is not
// known to be final.
func (s *Store) Transition(ctx context.Context, lease fleet.Lease, id fleet.TaskID, to fleet.TaskState, why *fleet.TaskError) (fleet.Task, error) {
	var row taskRow
	err := s.inTx(ctx, fmt.Sprintf("set task %d to %s", id, to), func(ctx context.Context, t tx) error {
		isRoot := id == lease.Task
		how := toRead
		if isRoot {
			how = toChange
		}
		root, err := fence(ctx, t, lease, how)
		if err != nil {
			return err
		}
		if row, err = member(ctx, t, root, id); err != nil {
			return err
		}
		if from := fleet.TaskState(row.State); !from.May(to) {
			return fault.New(fault.Conflict, "task %d is %s and cannot become %s", id, from, to)
		}
		if over := fleet.TaskState(root.State); to == fleet.Running && over.Final() {
			return fault.New(fault.Conflict, "task %d cannot begin: task %d, which it is a part of, is %s", id, lease.Task, over)
		}
		if to.Final() {
			if err := recordSync(ctx, t, row, to); err != nil {
				return err
			}
			var over any = id
			if isRoot {
				over = subtreeIDs(id)
			}
			if err := waitsForNothing(ctx, t, over); err != nil {
				return err
			}
		}
		if row, err = setState(ctx, t, root, id, to, why); err != nil || !to.Final() {
			return err
		}
		if err := freeSlotsOf(ctx, t, id, isRoot); err != nil || !isRoot {
			return err
		}
		if err := endChildren(ctx, t, id); err != nil {
			return err
		}
		return settle(ctx, t, id)
	})
	if err != nil {
		return fleet.Task{}, err
	}
	return row.task(), nil
}

// setState changes a task of a root's tree. A part that starts to run has the worker and the job of its root.
func setState(ctx context.Context, t tx, root taskRow, id fleet.TaskID, to fleet.TaskState, why *fleet.TaskError) (taskRow, error) {
	var rows []taskRow
	stored, err := errorText(why)
	if err != nil {
		return taskRow{}, err
	}
	now := t.present()
	set, args := "state = ?, date_last_updated = ?", []any{string(to), now}
	if to == fleet.Running {
		set += ", date_started = ?, worker_name = ?, worker_job_id = ?"
		args = append(args, now, root.WorkerName, root.WorkerJobID)
	}
	if to.Final() {
		set += ", date_finished = ?"
		args = append(args, now)
	}
	if stored != "" {
		set += ", error = ?"
		args = append(args, stored)
	}
	if err := t.ask(ctx, &rows, "UPDATE tasks SET "+set+" WHERE id = ? RETURNING "+taskPlain, append(args, int64(id))...); err != nil {
		return taskRow{}, err
	}
	return rows[0], nil
}

// endChildren cancels what is left of a root's tree.
func endChildren(ctx context.Context, t tx, root fleet.TaskID) error {
	stored, err := errorText(&fleet.TaskError{Msg: fmt.Sprintf("task %d, which this one is a part of, ended", root)})
	if err != nil {
		return err
	}
	_, err = t.NewUpdate().Model((*taskRow)(nil)).Set("state = ?", fleet.Canceled).Set("error = ?", stored).
		Set("date_finished = ?", t.now()).Set("date_last_updated = ?", t.now()).
		Where("t.root_id = ?", root).Where(unfinished).Exec(ctx)
	return err
}

// settle ends the lease of a root that is over, and frees its locks, if nothing on any
// server is left to be waited for.
func settle(ctx context.Context, t tx, root fleet.TaskID) error {
	n, err := changed(t.NewUpdate().Model((*taskRow)(nil)).Set("lease_owner = NULL").Set("lease_until = NULL").
		Where("t.id = ?", root).Where("NOT (" + unfinished + ")").Where("NOT (" + unconfirmed + ")").Where("NOT " + openInTree).
		Exec(ctx))
	if err != nil || n == 0 {
		return err
	}
	_, err = t.NewUpdate().Model((*taskRow)(nil)).Set("cancel_confirmed = ?", t.now()).
		Where("t.root_id = ?", root).Where(unconfirmed).Exec(ctx)
	if err != nil {
		return err
	}
	_, err = t.NewDelete().Model((*lockRow)(nil)).Where("l.task_id = ? AND l.pulp_task = ''", root).Exec(ctx)
	if err != nil {
		return err
	}
	return freeSlotsOf(ctx, t, root, true) // also of one that was canceled while its process was dead
}

// ConfirmCancel implements fleet.Work. Conflict while a request of the task is open.
func (s *Store) ConfirmCancel(ctx context.Context, lease fleet.Lease, id fleet.TaskID) error {
	return s.inTx(ctx, fmt.Sprintf("confirm the end of task %d", id), func(ctx context.Context, t tx) error {
		root, err := fence(ctx, t, lease, toChange)
		if err != nil {
			return err
		}
		row, err := member(ctx, t, root, id)
		if err != nil {
			return err
		}
		if !fleet.TaskState(row.State).Final() {
			return fault.New(fault.Conflict, "task %d is %s: there is nothing to confirm", id, row.State)
		}
		open, err := t.NewSelect().Model((*requestRow)(nil)).Where("q.state = 'open'").Where("q.task_id IN (?)", subtreeIDs(id)).Count(ctx)
		if err != nil {
			return err
		}
		if open > 0 {
			return fault.New(fault.Conflict, "task %d has %d Pulp tasks that are not known to be final", id, open)
		}
		_, err = t.NewUpdate().Model((*taskRow)(nil)).Set("cancel_confirmed = ?", t.now()).Set("date_last_updated = ?", t.now()).
			Where("t.id = ? OR t.cancel_requested IS NOT NULL", id).Where("t.cancel_confirmed IS NULL").
			Where("t.id IN (?)", subtreeIDs(id)).Exec(ctx)
		if err != nil {
			return err
		}
		if err := waitsForNothing(ctx, t, subtreeIDs(id)); err != nil {
			return err
		}
		if id == lease.Task { // nobody works on them any more
			if err := endChildren(ctx, t, id); err != nil {
				return err
			}
		}
		return settle(ctx, t, lease.Task)
	})
}
