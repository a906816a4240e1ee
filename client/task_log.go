// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"time"
)

// TaskLog is what happened to a task, in the order of time.
type TaskLog struct {
	Lines []TaskLogLine `json:"lines"`
}

// TaskLogLine is one thing that happened to a task. What does not apply is empty.
type TaskLogLine struct {
	Time        time.Time `json:"time"`
	Level       string    `json:"level"` // "info", "warn" or "error"
	Msg         string    `json:"msg"`
	Task        int64     `json:"task"` // that it happened to: the task or a part of it
	Name        string    `json:"name,omitempty"`
	Worker      string    `json:"worker,omitempty"`
	Server      string    `json:"server,omitempty"`
	Stage       string    `json:"stage,omitempty"`
	Step        string    `json:"step,omitempty"`
	Attempt     int       `json:"attempt,omitempty"`
	Correlation string    `json:"correlation_id,omitempty"`
	PulpTask    string    `json:"pulp_task,omitempty"`
	Why         string    `json:"why,omitempty"`
}

// TaskLog gives what happened to a task.
func (c *Client) TaskLog(ctx context.Context, id int64) (TaskLog, error) {
	return get[TaskLog](ctx, c, taskPath(id)+"/log", nil)
}
