// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func noSchedule(id fleet.ScheduleID) error {
	return fault.New(fault.NotFound, "there is no schedule %d", id)
}

// RunSchedule implements fleet.ScheduleControl.
func (s *Store) RunSchedule(ctx context.Context, id fleet.ScheduleID) (fleet.Task, error) {
	var task taskRow
	err := s.inTx(ctx, fmt.Sprintf("run schedule %d", id), func(ctx context.Context, t tx) error {
		row, _, err := lockSchedule(ctx, t, id)
		if err != nil {
			return err
		}
		if err := letIn(ctx, t, &row); err != nil {
			return err
		}
		o := row.schedule().Overlapping()
		if o.Why != "" {
			return fault.New(fault.Conflict, "schedule %d cannot run now: %s", id, o.Why).
				WithHint("wait until it is over, or cancel it; schedule_overlap in pulp_config.yml says what else may happen")
		}
		if err := cancelFormer(ctx, t, []fleet.Firing{{Cancel: o.Cancel}}); err != nil {
			return err
		}
		if task, err = newTaskRow(row.task()); err != nil {
			return err
		}
		if err := insertTask(ctx, t, &task); err != nil {
			return err
		}
		now, later := []fleet.TaskID{fleet.TaskID(task.ID)}, []fleet.TaskID(nil)
		row.LastOutcome = string(fleet.Queued)
		if o.Behind != 0 {
			now, later = later, now
			row.WaitingID, row.LastOutcome = task.ID, fmt.Sprintf("waits until task %d is over", o.Behind)
		} else {
			row.LastTaskID, row.WaitingID = task.ID, 0
		}
		if err := giveJobs(ctx, t, now, later); err != nil {
			return err
		}
		_, err = t.NewUpdate().Model(&row).Column("last_task_id", "waiting_task_id", "last_outcome", "last_run", "date_last_updated").
			Value("last_run", "?", t.now()).Value("date_last_updated", "?", t.now()).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fleet.Task{}, err
	}
	return task.task(), nil
}

// PauseSchedule implements fleet.ScheduleControl. What keeps a paused schedule from running is that its next run is none, or one
// after the pause.
func (s *Store) PauseSchedule(ctx context.Context, id fleet.ScheduleID, p fleet.Pause) (fleet.ListedSchedule, error) {
	return s.replan(ctx, id, "pause", func(row *scheduleRow, now time.Time) error {
		until := p.Until.UTC().Truncate(time.Microsecond)
		if p.Until.IsZero() {
			until = time.Time{}
		} else if !until.After(now) {
			return fault.New(fault.Invalid, "the pause would end at %s, which is over: it is %s", until.Format(time.RFC3339), now.Format(time.RFC3339))
		}
		row.PausedAt, row.PausedUntil, row.PauseReason, row.PausedBy = now, until, p.Reason, p.By
		if until.IsZero() {
			row.NextRun, row.NextDue = time.Time{}, time.Time{}
		} else {
			row.coming(until)
		}
		return nil
	})
}

// ResumeSchedule implements fleet.ScheduleControl.
func (s *Store) ResumeSchedule(ctx context.Context, id fleet.ScheduleID) (fleet.ListedSchedule, error) {
	return s.replan(ctx, id, "resume", func(row *scheduleRow, now time.Time) error {
		if row.PausedAt.IsZero() {
			return nil
		}
		row.endPause()
		row.coming(now)
		return nil
	})
}

func (r *scheduleRow) endPause() {
	r.PausedAt, r.PausedUntil, r.PauseReason, r.PausedBy = time.Time{}, time.Time{}, "", ""
}

// replan changes whether and when a schedule runs next.
func (s *Store) replan(ctx context.Context, id fleet.ScheduleID, what string, change func(*scheduleRow, time.Time) error) (fleet.ListedSchedule, error) {
	err := s.inTx(ctx, fmt.Sprintf("%s schedule %d", what, id), func(ctx context.Context, t tx) error {
		row, now, err := lockSchedule(ctx, t, id)
		if err != nil {
			return err
		}
		if err := change(&row, now); err != nil {
			return err
		}
		_, err = t.NewUpdate().Model(&row).
			Column("next_run", "next_due", "paused_at", "paused_until", "pause_reason", "paused_by", "date_last_updated").
			Value("date_last_updated", "?", t.now()).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		return fleet.ListedSchedule{}, err
	}
	return s.ListedSchedule(ctx, id)
}

// formerOver is a condition: the task before the one that waits is over, or gone.
const formerOver = "(sc.waiting_task_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tasks AS t WHERE t.id = sc.last_task_id AND t.state IN ('queued', 'running')))"

// Tend implements fleet.Schedules.
func (s *Store) Tend(ctx context.Context) (int, error) {
	var waiting, paused []fleet.ScheduleID
	err := s.read.NewSelect().Model((*scheduleRow)(nil)).Column("sc.id").Where(formerOver).OrderExpr("sc.id").Scan(ctx, &waiting)
	if err == nil {
		err = s.read.NewSelect().Model((*scheduleRow)(nil)).Column("sc.id").Where("sc.paused_until <= ?", s.clock.now()).Scan(ctx, &paused)
	}
	if err != nil {
		return 0, s.errors.classify(ctx, err, "look for schedules that wait")
	}
	for _, id := range waiting {
		err := s.inTx(ctx, fmt.Sprintf("let the next task of schedule %d begin", id), func(ctx context.Context, t tx) error {
			row, _, err := lockSchedule(ctx, t, id)
			if err != nil {
				return err
			}
			return letIn(ctx, t, &row)
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return 0, err
		}
	}
	if len(paused) == 0 {
		return len(waiting), nil
	}
	err = s.inTx(ctx, "end pauses", func(ctx context.Context, t tx) error {
		return inChunks(paused, func(ids []fleet.ScheduleID) error {
			_, err := t.NewUpdate().Model((*scheduleRow)(nil)).Set("paused_at = NULL").Set("paused_until = NULL").Set("pause_reason = ''").Set("paused_by = ''").
				Set("date_last_updated = ?", t.now()).Where("sc.id IN (?)", bun.List(ids)).Where("sc.paused_until <= ?", t.now()).Exec(ctx)
			return err
		})
	})
	return len(waiting) + len(paused), err
}

// letIn lets the task that waits begin if the one before is over. One that was cancelled meanwhile is forgotten.
func letIn(ctx context.Context, t tx, row *scheduleRow) error {
	if last := fleet.TaskState(row.LastState); row.WaitingID == 0 || row.LastTaskID != 0 && last != "" && !last.Final() {
		return nil
	}
	var next []taskRow
	if err := t.NewSelect().Model(&next).Where("t.id = ?", row.WaitingID).Scan(ctx); err != nil {
		return err
	}
	row.WaitingID = 0
	if len(next) == 1 && !fleet.TaskState(next[0].State).Final() {
		row.LastTaskID, row.LastState, row.LastOutcome = next[0].ID, next[0].State, string(fleet.Queued)
		if err := t.jobs.wake(ctx, next[0].JobID); err != nil {
			return err
		}
	}
	_, err := t.NewUpdate().Model(row).Column("last_task_id", "waiting_task_id", "last_outcome", "date_last_updated").
		Value("date_last_updated", "?", t.now()).WherePK().Exec(ctx)
	return err
}
