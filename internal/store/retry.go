// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Retry implements fleet.Queue. That two ask at once is decided by an index: a task has one retry.
func (s *Store) Retry(ctx context.Context, id fleet.TaskID, keep []string) (fleet.Task, error) {
	var row taskRow
	err := s.inTx(ctx, fmt.Sprintf("retry task %d", id), func(ctx context.Context, t tx) error {
		last, err := lastTry(ctx, t, id)
		if err != nil {
			return err
		}
		if err := mayRetry(id, last); err != nil {
			return err
		}
		next, err := anotherTry(ctx, t, last)
		if err != nil {
			return err
		}
		if row, err = enqueue(ctx, t, next); err != nil {
			return err
		}
		if last.ParentID != 0 || len(keep) == 0 {
			return nil
		}
		return keepStages(ctx, t, last.ID, row.ID, keep)
	})
	var f *fault.Error
	if fault.Is(err, fault.Conflict) && errors.As(err, &f) && f.Err != nil { // the index
		return fleet.Task{}, fault.Wrap(fault.Conflict, err, "task %d is being retried by somebody else in this very moment", id)
	}
	if err != nil {
		return fleet.Task{}, err
	}
	return row.task(), nil
}

// chain is a query for the ids of all that try a task again, and that one's.
func chain(id any) any {
	return bun.SafeQuery(`WITH RECURSIVE tries (id) AS (
		SELECT CAST(? AS bigint) UNION ALL SELECT r.id FROM tasks AS r JOIN tries ON r.retry_of = tries.id
	) SELECT max(id) FROM tries`, id)
}

// lastTry gives the newest task that tries a task again; where there is none, the task. The task itself is kept
// from being tried again by another meanwhile.
func lastTry(ctx context.Context, t tx, id fleet.TaskID) (taskRow, error) {
	var first []taskRow
	if err := t.locked(t.NewSelect().Model(&first), toChange, "t").Where("t.id = ?", id).Scan(ctx); err != nil {
		return taskRow{}, err
	}
	if len(first) == 0 {
		return taskRow{}, fault.New(fault.NotFound, "there is no task %d", id)
	}
	var last taskRow
	err := noted(t.NewSelect().Model(&last)).Where("t.id = (?)", chain(id)).Scan(ctx)
	return last, err
}

// mayRetry tells why nothing is to be tried again.
func mayRetry(asked fleet.TaskID, last taskRow) error {
	state, name := fleet.TaskState(last.State), fmt.Sprintf("task %d", last.ID)
	if int64(asked) != last.ID {
		name = fmt.Sprintf("task %d is tried again by task %d, which", asked, last.ID)
	}
	switch {
	case !state.Final():
		return fault.New(fault.Conflict, "%s is not over: it is %s", name, state).WithHint("wait for it, or cancel it first")
	case state.Good() && last.DoneIn != 0:
		return fault.New(fault.Conflict, "%s is %s: nothing is left to do, task %d has done it", name, state, last.DoneIn)
	case state.Good():
		return fault.New(fault.Conflict, "%s is %s: nothing is left to do", name, state).WithHint("ask for a new run instead")
	}
	return nil
}

// anotherTry is a task to queue that does what an ended one was to do. A part that is tried alone has its root's run time.
func anotherTry(ctx context.Context, t tx, last taskRow) (fleet.NewTask, error) {
	next := fleet.NewTask{
		Name: last.Name, Kind: fleet.Kind(last.Kind), Args: json.RawMessage(last.Args), Server: fleet.ServerID(last.ServerID),
		Repository: fleet.RepositoryID(last.RepositoryID), RetryOf: fleet.TaskID(last.ID), MaxRuntime: last.MaxRuntime,
	}
	if last.RootID != 0 && last.MaxRuntime == fleet.Unlimited {
		err := t.NewSelect().Model((*taskRow)(nil)).Column("t.max_runtime").Where("t.id = ?", last.RootID).Scan(ctx, &next.MaxRuntime)
		return next, err
	}
	return next, nil
}

// keepStages gives a task the stages of another that ended well and need not be run again.
func keepStages(ctx context.Context, t tx, from, to int64, names []string) error {
	var stages []stageRow
	err := t.NewSelect().Model(&stages).Where("st.task_id = ?", from).Where("st.state = ?", fleet.StageCompleted).
		Where("st.name IN (?)", bun.List(names)).OrderExpr("st.id").Scan(ctx)
	if err != nil || len(stages) == 0 {
		return err
	}
	for i := range stages {
		stages[i].TaskID = to
	}
	return insertStages(ctx, t, stages)
}

func insertStages(ctx context.Context, t tx, stages []stageRow) error {
	return inChunks(stages, func(part []stageRow) error {
		_, err := t.NewInsert().Model(&part).ExcludeColumn("id").
			Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now()).Returning("NULL").Exec(ctx)
		return err
	})
}

// part is what makes the parts of two tries of a task the same.
type part struct {
	kind, name string
	repository int64
}

// partsBefore gives the newest tries of the parts of the task that a root tries again.
func partsBefore(ctx context.Context, t tx, root taskRow) (map[part]taskRow, error) {
	var rows []taskRow
	err := noted(t.NewSelect().Model(&rows)).Where(`t.id IN (SELECT max(tries.id) FROM (
		WITH RECURSIVE tries (first, id) AS (
			SELECT c.id, c.id FROM tasks AS c WHERE c.parent_id = ? UNION ALL SELECT tries.first, r.id FROM tasks AS r JOIN tries ON r.retry_of = tries.id
		) SELECT first, id FROM tries) AS tries GROUP BY tries.first)`, root.RetryOf).Scan(ctx)
	before := make(map[part]taskRow, len(rows))
	for _, r := range rows {
		before[part{r.Kind, r.Name, r.RepositoryID}] = r
	}
	return before, err
}

// stageDone is the only stage of a part whose work another task has done.
const stageDone = "done before"

// takeOver makes of parts that were done in an earlier try parts that need not run. They are stored already.
func takeOver(ctx context.Context, t tx, rows []taskRow, before map[part]taskRow) error {
	var ids []int64
	var notes []noteRow
	var stages []stageRow
	for _, r := range rows {
		done := before[part{r.Kind, r.Name, r.RepositoryID}]
		if r.RetryOf == 0 || !fleet.TaskState(done.State).Good() {
			continue
		}
		in := done.ID
		if done.DoneIn != 0 {
			in = done.DoneIn
		}
		stage, err := newStageRow(fleet.Stage{
			Task: fleet.TaskID(r.ID), Name: stageDone, State: fleet.StageCompleted,
			Detail: map[string]any{"msg": fmt.Sprintf("done in task %d", in), "task_id": in},
		})
		if err != nil {
			return err
		}
		ids, stages, notes = append(ids, r.ID), append(stages, stage), append(notes, noteRow{TaskID: r.ID, DoneIn: in})
	}
	if err := insertStages(ctx, t, stages); err != nil {
		return err
	}
	if err := inChunks(notes, func(some []noteRow) error {
		_, err := t.NewInsert().Model(&some).Returning("NULL").Exec(ctx)
		return err
	}); err != nil {
		return err
	}
	return inChunks(ids, func(ids []int64) error {
		_, err := t.NewUpdate().Model((*taskRow)(nil)).Set("state = ?", fleet.Skipped).Set("date_finished = ?", t.now()).
			Where("t.id IN (?)", bun.List(ids)).Exec(ctx)
		return err
	})
}
