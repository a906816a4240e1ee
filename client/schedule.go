// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
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
}

// Schedules gives one page of the schedules of all servers. The query is the API's.
func (c *Client) Schedules(ctx context.Context, query url.Values) (Page[Schedule], error) {
	return get[Page[Schedule]](ctx, c, "/v1/schedules/", query)
}
