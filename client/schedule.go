// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Schedule is a job that is run again and again.
type Schedule struct {
	ID          int64      `json:"id"`
	ServerID    int64      `json:"pulp_server_id"`
	ServerName  string     `json:"pulp_server_name"`
	GroupID     *int64     `json:"repo_group_id"` // nil: not of a group
	GroupName   *string    `json:"repo_group_name"`
	TaskType    string     `json:"task_type"`
	Cron        string     `json:"cron"`
	NextRun     *time.Time `json:"next_run"`
	LastRun     *time.Time `json:"last_run"` // nil: never yet
	LastTaskID  *int64     `json:"last_task_id"`
	LastOutcome *string    `json:"last_outcome"`
	MaxRuntime  *string    `json:"max_runtime"`

	Jitter      int64      `json:"jitter"` // seconds
	Overlap     string     `json:"overlap"`
	Missed      string     `json:"missed"`
	Blackouts   []string   `json:"blackouts"`
	NextDue     *time.Time `json:"next_due"`
	LastDue     *time.Time `json:"last_due"`
	WaitingTask *int64     `json:"waiting_task_id"`
	Paused      bool       `json:"paused"`
	PausedAt    *time.Time `json:"paused_at"`
	PausedUntil *time.Time `json:"paused_until"` // nil: until it is resumed
	PausedBy    *string    `json:"paused_by"`
	PauseReason *string    `json:"pause_reason"`
}

// ScheduleDetail is a schedule with what it asks for, and when.
type ScheduleDetail struct {
	Schedule
	Args     json.RawMessage `json:"task_args"`
	NextRuns []time.Time     `json:"next_runs"`
	Planned  []PlannedRun    `json:"planned_runs"`
}

// PlannedRun is a run that is to come.
type PlannedRun struct {
	Due      time.Time  `json:"due"`
	Run      *time.Time `json:"run"` // nil: it is left out
	Blackout *string    `json:"blackout"`
}

// Schedules gives one page of the schedules of all servers. The query is the API's.
func (c *Client) Schedules(ctx context.Context, query url.Values) (Page[Schedule], error) {
	return get[Page[Schedule]](ctx, c, "/v1/schedules/", query)
}

// Schedule gives one schedule with its next runs.
func (c *Client) Schedule(ctx context.Context, id int64) (ScheduleDetail, error) {
	return get[ScheduleDetail](ctx, c, schedulePath(id, ""), nil)
}

// RunSchedule queues a schedule's task now.
func (c *Client) RunSchedule(ctx context.Context, id int64) (Task, error) {
	var task Task
	err := c.do(ctx, http.MethodPost, schedulePath(id, "/run"), nil, nil, &task)
	return task, err
}

// PauseSchedule pauses a schedule, until a date as the API takes it; empty: until it is resumed.
func (c *Client) PauseSchedule(ctx context.Context, id int64, reason, until string) (Schedule, error) {
	var s Schedule
	body := map[string]string{"reason": reason}
	if until != "" {
		body["until"] = until
	}
	err := c.do(ctx, http.MethodPost, schedulePath(id, "/pause"), nil, body, &s)
	return s, err
}

// ResumeSchedule ends a schedule's pause.
func (c *Client) ResumeSchedule(ctx context.Context, id int64) (Schedule, error) {
	var s Schedule
	err := c.do(ctx, http.MethodPost, schedulePath(id, "/resume"), nil, nil, &s)
	return s, err
}

func schedulePath(id int64, verb string) string {
	return "/v1/schedules/" + strconv.FormatInt(id, 10) + verb
}
