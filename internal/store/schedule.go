// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// scheduleRow is a row of schedules.
type scheduleRow struct {
	bun.BaseModel `bun:"table:schedules,alias:sc"`

	ID          int64         `bun:"id,pk,autoincrement"`
	ServerID    int64         `bun:"server_id"`
	GroupID     int64         `bun:"group_id,nullzero"` // 0: the server's registration
	Kind        string        `bun:"kind"`
	Cron        string        `bun:"cron"`
	TaskName    string        `bun:"task_name"`
	Args        string        `bun:"args"`
	MaxRuntime  time.Duration `bun:"max_runtime"`
	NextRun     time.Time     `bun:"next_run,nullzero"`
	LastRun     time.Time     `bun:"last_run,nullzero"`
	LastTaskID  int64         `bun:"last_task_id,nullzero"`
	LastOutcome string        `bun:"last_outcome"`
	Created     time.Time     `bun:"date_created,nullzero"`
	Updated     time.Time     `bun:"date_last_updated,nullzero"`

	Now time.Time `bun:"now,scanonly"` // when it was read
}

// DueSchedules implements fleet.Schedules.
func (s *Store) DueSchedules(ctx context.Context, limit int) ([]fleet.Schedule, time.Time, error) {
	var now time.Time
	if err := s.read.NewRaw("SELECT ?", s.clock.now()).Scan(ctx, &now); err != nil {
		return nil, time.Time{}, s.errors.classify(ctx, err, "read the database's clock")
	}
	var rows []scheduleRow
	err := s.read.NewSelect().Model(&rows).Where("sc.next_run <= ?", now).OrderExpr("sc.next_run, sc.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, time.Time{}, s.errors.classify(ctx, err, "look for due schedules")
	}
	return schedules(rows), utc(now), nil
}

// Fire implements fleet.Schedules.
func (s *Store) Fire(ctx context.Context, schedule fleet.Schedule, next time.Time, n *fleet.NewTask, skipped string) (bool, error) {
	var fired bool
	err := s.inTx(ctx, fmt.Sprintf("fire schedule %d", schedule.ID), func(ctx context.Context, t tx) error {
		moved, err := changed(t.NewUpdate().Model((*scheduleRow)(nil)).
			Set("next_run = ?", bun.NullTime{Time: next}).Set("last_run = ?", t.now()).Set("date_last_updated = ?", t.now()).
			Where("sc.id = ? AND sc.next_run = ?", schedule.ID, schedule.NextRun).Exec(ctx))
		fired = err == nil && moved == 1
		if !fired {
			return err
		}
		outcome := t.NewUpdate().Model((*scheduleRow)(nil)).Where("sc.id = ?", schedule.ID)
		if n == nil {
			if err := noteSkipped(ctx, t, schedule, skipped); err != nil {
				return err
			}
			_, err = outcome.Set("last_outcome = ?", skipped).Exec(ctx)
			return err
		}
		task := *n
		task.Schedule = schedule.ID
		row, err := enqueue(ctx, t, task)
		if err != nil {
			return err
		}
		_, err = outcome.Set("last_outcome = ?", fleet.Queued).Set("last_task_id = ?", row.ID).Exec(ctx)
		return err
	})
	return fired && err == nil, err
}

// noteSkipped writes the task that a schedule did not queue.
func noteSkipped(ctx context.Context, t tx, s fleet.Schedule, why string) error {
	row, err := newTaskRow(fleet.NewTask{
		Name: s.TaskName, Kind: s.Kind, Args: s.Args, Server: s.Server, Schedule: s.ID, MaxRuntime: s.MaxRuntime,
	})
	if err != nil {
		return err
	}
	row.State = string(fleet.Skipped)
	if row.Error, err = errorText(&fleet.TaskError{Msg: why}); err != nil {
		return err
	}
	return insertTask(ctx, t, &row)
}

// FindSchedules implements fleet.Schedules. Server 0 means all servers.
func (s *Store) FindSchedules(ctx context.Context, server fleet.ServerID) ([]fleet.Schedule, error) {
	var rows []scheduleRow
	query := s.read.NewSelect().Model(&rows).OrderExpr("sc.id")
	if server != 0 {
		query = query.Where("sc.server_id = ?", server)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read schedules")
	}
	return schedules(rows), nil
}

func schedules(rows []scheduleRow) []fleet.Schedule {
	all := make([]fleet.Schedule, 0, len(rows))
	for _, r := range rows {
		all = append(all, fleet.Schedule{
			ID: fleet.ScheduleID(r.ID), Server: fleet.ServerID(r.ServerID), Group: fleet.GroupID(r.GroupID),
			Kind: fleet.Kind(r.Kind), Cron: r.Cron, TaskName: r.TaskName, Args: json.RawMessage(r.Args), MaxRuntime: r.MaxRuntime,
			NextRun: utc(r.NextRun), LastRun: utc(r.LastRun), LastTask: fleet.TaskID(r.LastTaskID), LastOutcome: r.LastOutcome,
		})
	}
	return all
}
