// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"strings"
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
	Jitter      time.Duration `bun:"jitter"`
	Overlap     string        `bun:"overlap"`
	Missed      string        `bun:"missed"`
	Blackouts   string        `bun:"blackouts"` // one a line
	NextRun     time.Time     `bun:"next_run,nullzero"`
	NextDue     time.Time     `bun:"next_due,nullzero"`
	LastRun     time.Time     `bun:"last_run,nullzero"`
	LastDue     time.Time     `bun:"last_due,nullzero"`
	LastTaskID  int64         `bun:"last_task_id,nullzero"`
	LastOutcome string        `bun:"last_outcome"`
	WaitingID   int64         `bun:"waiting_task_id,nullzero"`
	PausedAt    time.Time     `bun:"paused_at,nullzero"`
	PausedUntil time.Time     `bun:"paused_until,nullzero"`
	PauseReason string        `bun:"pause_reason"`
	PausedBy    string        `bun:"paused_by"`
	Created     time.Time     `bun:"date_created,nullzero"`
	Updated     time.Time     `bun:"date_last_updated,nullzero"`

	LastState string `bun:"last_state,scanonly"`
}

// lastState is an SQL expression for the state of the newest task of a schedule; empty where it is gone.
const lastState = "coalesce((SELECT t.state FROM tasks AS t WHERE t.id = sc.last_task_id), '')"

// whole selects schedules with the states of their newest tasks.
func whole(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("sc.*, ? AS last_state", bun.Safe(lastState))
}

// DueSchedules implements fleet.Schedules.
func (s *Store) DueSchedules(ctx context.Context, limit int) ([]fleet.Schedule, time.Time, error) {
	now, err := s.clock.read(ctx, s.read)
	if err != nil {
		return nil, time.Time{}, s.errors.classify(ctx, err, "read the database's clock")
	}
	var rows []scheduleRow
	err = whole(s.read.NewSelect().Model(&rows)).Where("sc.next_run <= ?", now).OrderExpr("sc.next_run, sc.id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, time.Time{}, s.errors.classify(ctx, err, "look for due schedules")
	}
	return schedules(rows), now, nil
}

// FindSchedules implements fleet.Schedules. Server 0 means all servers.
func (s *Store) FindSchedules(ctx context.Context, server fleet.ServerID) ([]fleet.Schedule, error) {
	var rows []scheduleRow
	query := whole(s.read.NewSelect().Model(&rows)).OrderExpr("sc.id")
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
		all = append(all, r.schedule())
	}
	return all
}

func (r scheduleRow) schedule() fleet.Schedule {
	s := fleet.Schedule{
		ID: fleet.ScheduleID(r.ID), Server: fleet.ServerID(r.ServerID), Group: fleet.GroupID(r.GroupID),
		Kind: fleet.Kind(r.Kind), Cron: r.Cron, TaskName: r.TaskName, Args: json.RawMessage(r.Args), MaxRuntime: r.MaxRuntime,
		Jitter: r.Jitter, Overlap: fleet.Overlap(r.Overlap), Missed: fleet.Missed(r.Missed),
		NextRun: utc(r.NextRun), NextDue: utc(r.NextDue), LastRun: utc(r.LastRun), LastDue: utc(r.LastDue),
		LastTask: fleet.TaskID(r.LastTaskID), LastState: fleet.TaskState(r.LastState), LastOutcome: r.LastOutcome, Waiting: fleet.TaskID(r.WaitingID),
		Pause: fleet.Pause{At: utc(r.PausedAt), Until: utc(r.PausedUntil), Reason: r.PauseReason, By: r.PausedBy},
	}
	if r.Blackouts != "" {
		s.Blackouts = strings.Split(r.Blackouts, "\n")
	}
	return s
}

// task gives a task of the schedule.
func (r scheduleRow) task() fleet.NewTask {
	return fleet.NewTask{
		Name: r.TaskName, Kind: fleet.Kind(r.Kind), Args: json.RawMessage(r.Args), Server: fleet.ServerID(r.ServerID),
		Schedule: fleet.ScheduleID(r.ID), MaxRuntime: r.MaxRuntime,
	}
}
