// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Fire implements fleet.Schedules. However many there are, it takes a handful of statements. Each schedule may be
// there once.
func (s *Store) Fire(ctx context.Context, all []fleet.Firing) ([]bool, error) {
	var fired []bool
	if len(all) == 0 {
		return nil, nil
	}
	doing := fmt.Sprintf("fire %d schedules", len(all))
	if len(all) == 1 {
		doing = fmt.Sprintf("fire schedule %d", all[0].Schedule.ID)
	}
	err := s.inTx(ctx, doing, func(ctx context.Context, t tx) (err error) {
		if fired, err = asGiven(ctx, t, all); err != nil {
			return err
		}
		var mine []fleet.Firing
		for i, f := range all {
			if fired[i] {
				mine = append(mine, f)
			}
		}
		return inChunks(mine, func(part []fleet.Firing) error { return fire(ctx, t, part) })
	})
	if err != nil {
		return nil, err
	}
	return fired, nil
}

// asGiven tells which schedules still are as they were read, and keeps others from changing them.
func asGiven(ctx context.Context, t tx, all []fleet.Firing) ([]bool, error) {
	ids := make([]int64, len(all))
	for i, f := range all {
		ids[i] = int64(f.Schedule.ID)
	}
	slices.Sort(ids)
	there := map[fleet.ScheduleID]scheduleRow{}
	err := inChunks(ids, func(ids []int64) error {
		var rows []scheduleRow
		err := t.locked(t.NewSelect().Model(&rows).Column("sc.id", "sc.next_run", "sc.last_task_id", "sc.waiting_task_id"), toChange, "sc").
			Where("sc.id IN (?)", bun.List(ids)).OrderExpr("sc.id").Scan(ctx)
		for _, r := range rows {
			there[fleet.ScheduleID(r.ID)] = r
		}
		return err
	})
	same := make([]bool, len(all))
	for i, f := range all {
		r, ok := there[f.Schedule.ID]
		same[i] = ok && !r.NextRun.IsZero() && r.NextRun.Equal(f.Schedule.NextRun) &&
			fleet.TaskID(r.LastTaskID) == f.Schedule.LastTask && fleet.TaskID(r.WaitingID) == f.Schedule.Waiting
	}
	return same, err
}

func fire(ctx context.Context, t tx, all []fleet.Firing) error {
	if err := cancelFormer(ctx, t, all); err != nil {
		return err
	}
	queued, err := fireTasks(ctx, t, all)
	if err != nil {
		return err
	}
	return moveOn(ctx, t, all, queued)
}

// cancelFormer cancels the tasks that new ones replace.
func cancelFormer(ctx context.Context, t tx, all []fleet.Firing) error {
	for _, f := range all {
		for _, id := range f.Cancel {
			if _, err := cancelTree(ctx, t, id); err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) { // it is over
				return err
			}
		}
	}
	return nil
}

// fireTasks writes the tasks, hands those to run to the engine, and gives the queued ones by schedule.
func fireTasks(ctx context.Context, t tx, all []fleet.Firing) (map[fleet.ScheduleID]int64, error) {
	var queue, skip []taskRow
	behind := map[int64]bool{} // by schedule
	for _, f := range all {
		switch {
		case f.Task != nil:
			task := *f.Task
			task.Schedule = f.Schedule.ID
			row, err := newTaskRow(task)
			if err != nil {
				return nil, err
			}
			queue, behind[row.ScheduleID] = append(queue, row), f.Behind != 0
		case f.Skipped != "":
			row, err := skippedTask(f)
			if err != nil {
				return nil, err
			}
			skip = append(skip, row)
		}
	}
	for rows, finished := range map[*[]taskRow]bool{&queue: false, &skip: true} {
		if len(*rows) == 0 {
			continue
		}
		insert := t.NewInsert().Model(rows).ExcludeColumn("id").
			Value("date_queued", "?", t.now()).Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now())
		if finished {
			insert = insert.Value("date_finished", "?", t.now())
		}
		if _, err := insert.Returning("id, schedule_id").Exec(ctx); err != nil {
			return nil, err
		}
	}
	queued := map[fleet.ScheduleID]int64{}
	var now, later []fleet.TaskID
	for _, row := range queue {
		queued[fleet.ScheduleID(row.ScheduleID)] = row.ID
		if behind[row.ScheduleID] {
			later = append(later, fleet.TaskID(row.ID))
		} else {
			now = append(now, fleet.TaskID(row.ID))
		}
	}
	return queued, giveJobs(ctx, t, now, later)
}

// skippedTask is the task that a schedule did not queue.
func skippedTask(f fleet.Firing) (taskRow, error) {
	s := f.Schedule
	row, err := newTaskRow(fleet.NewTask{
		Name: s.TaskName, Kind: s.Kind, Args: s.Args, Server: s.Server, Schedule: s.ID, MaxRuntime: s.MaxRuntime,
	})
	if err != nil {
		return row, err
	}
	row.State = string(fleet.Skipped)
	row.Error, err = errorText(&fleet.TaskError{Msg: f.Skipped})
	return row, err
}

// giveJobs hands tasks to the engine: some now, others once they are woken.
func giveJobs(ctx context.Context, t tx, now, later []fleet.TaskID) error {
	jobs, err := t.jobs.insertMany(ctx, now, later)
	if err != nil || len(jobs) == 0 {
		return err
	}
	var values strings.Builder
	var args []any
	for task, job := range jobs {
		fmt.Fprintf(&values, "%s(?, ?)", comma(len(args)))
		args = append(args, task, job)
	}
	_, err = t.NewRaw("WITH v (task, job) AS (VALUES "+values.String()+") UPDATE tasks SET job_id = v.job FROM v WHERE tasks.id = v.task", args...).Exec(ctx)
	return err
}

func comma(before int) string {
	if before == 0 {
		return ""
	}
	return ", "
}

// moveOn stores what became of the runs and when the next ones are.
func moveOn(ctx context.Context, t tx, all []fleet.Firing, queued map[fleet.ScheduleID]int64) error {
	var values strings.Builder
	var args []any
	for _, f := range all {
		last, waiting, outcome := int64(f.Schedule.LastTask), int64(f.Schedule.Waiting), f.Outcome
		ran := f.Task != nil || f.Skipped != ""
		switch {
		case f.Task != nil && f.Behind != 0:
			waiting, outcome = queued[f.Schedule.ID], cmp.Or(outcome, fmt.Sprintf("waits until task %d is over", f.Behind))
		case f.Task != nil:
			last, waiting, outcome = queued[f.Schedule.ID], 0, cmp.Or(outcome, string(fleet.Queued))
		}
		due := f.Schedule.LastDue
		if ran {
			due = f.Schedule.NextDue
			if due.IsZero() || due.After(f.Schedule.NextRun) { // the release before does not know it
				due = f.Schedule.NextRun
			}
		}
		fmt.Fprintf(&values, "%s(?, ?, ?, ?, ?, ?, ?, ?)", comma(len(args)))
		args = append(args, f.Schedule.ID, ran, nullTime(f.NextRun), nullTime(f.NextDue), nullTime(due), last, waiting, cmp.Or(outcome, f.Skipped))
	}
	moment := "?"
	if t.dialect == PostgreSQL { // texts in VALUES are no times there
		moment = "CAST(? AS timestamptz)"
	}
	as := func(column string) any { return bun.Safe(strings.Replace(moment, "?", "v."+column, 1)) }
	args = append(args, as("next_run"), as("next_due"), as("last_due"), t.now(), t.now())
	_, err := t.NewRaw(`WITH v (id, ran, next_run, next_due, last_due, last_task, waiting, outcome) AS (VALUES `+values.String()+`)
		UPDATE schedules SET next_run = ?, next_due = ?, last_due = ?, last_run = CASE WHEN v.ran THEN ? ELSE schedules.last_run END,
			last_task_id = nullif(v.last_task, 0), waiting_task_id = nullif(v.waiting, 0), last_outcome = v.outcome, date_last_updated = ?
		FROM v WHERE schedules.id = v.id`, args...).Exec(ctx)
	return err
}

func nullTime(at time.Time) bun.NullTime { return bun.NullTime{Time: at} }
