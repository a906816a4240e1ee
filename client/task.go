// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// Task is one recorded run of a job.
type Task struct {
	ID           int64           `json:"id"`
	Name         string          `json:"name"`
	ParentID     *string         `json:"parent_task_id"` // a number as text; nil: none
	Type         string          `json:"task_type"`
	Args         json.RawMessage `json:"task_args"`
	DateQueued   Time            `json:"date_queued"`
	DateStarted  Time            `json:"date_started"`
	DateFinished Time            `json:"date_finished"`
	State        string          `json:"state"`
	Error        TaskError       `json:"error"` // empty: none
	WorkerName   *string         `json:"worker_name"`
	WorkerJobID  *string         `json:"worker_job_id"`

	RetryOf         *int64  `json:"retry_of"`         // id of the task it tries again; nil: none
	DoneIn          *int64  `json:"done_in"`          // of a skipped part: id of the task whose work counts for it; nil: none
	Attempt         int     `json:"attempt"`          // from 1
	NextAttempt     Time    `json:"next_attempt"`     // when it goes on by itself
	RetryReason     *string `json:"retry_reason"`     // why the attempt before ended; nil: there was none
	WaitingFor      *string `json:"waiting_for"`      // what takes long; nil: nothing
	CancelRequested Time    `json:"cancel_requested"` // when it was canceled
	CancelConfirmed Time    `json:"cancel_confirmed"` // when all that Pulp did for it was known to be over
}

// TaskError says why a task or a stage failed.
type TaskError struct {
	Msg    string `json:"msg,omitempty"`
	Detail string `json:"detail,omitempty"` // what to do about it
}

// TaskDetail is a task with its stages, in the order they began.
type TaskDetail struct {
	Task
	Stages []TaskStage `json:"stages"`
}

// TaskStage is a named step of a task.
type TaskStage struct {
	ID     int64          `json:"id"`
	TaskID int64          `json:"task_id"`
	Name   string         `json:"name"`
	Detail map[string]any `json:"detail"` // how far it is: msg, task_href …
	Error  TaskError      `json:"error"`
}

// The states of a task.
const (
	StateQueued        = "queued"
	StateRunning       = "running"
	StateCompleted     = "completed"
	StateFailed        = "failed"
	StateCanceled      = "canceled"
	StateFailedToStart = "failed_to_start"
	StateSkipped       = "skipped"
)

// Final tells whether the task is over. A state this client does not know counts as over,
// so that nobody waits for ever.
func (t Task) Final() bool { return t.State != StateQueued && t.State != StateRunning }

// Good tells whether the task ended well. A skipped one did.
func (t Task) Good() bool { return t.State == StateCompleted || t.State == StateSkipped }

// Msg gives the stage's message; it may be empty.
func (s TaskStage) Msg() string {
	text, _ := s.Detail["msg"].(string)
	return text
}

// Tasks gives one page of the tasks. The query is the API's: page, page_size, sort_by,
// order_by and filters; All gives all pages.
func (c *Client) Tasks(ctx context.Context, query url.Values) (Page[Task], error) {
	return get[Page[Task]](ctx, c, "/v1/tasks/", query)
}

// Task gives one task with its stages.
func (c *Client) Task(ctx context.Context, id int64) (TaskDetail, error) {
	return get[TaskDetail](ctx, c, taskPath(id), nil)
}

// Children gives a task's children in the order they were created.
func (c *Client) Children(ctx context.Context, parent int64) ([]Task, error) {
	return All(ctx, c.Tasks, url.Values{"parent_task_id": {strconv.FormatInt(parent, 10)}, "sort_by": {"id"}})
}

// Cancel cancels a queued or running task.
func (c *Client) Cancel(ctx context.Context, id int64) (Task, error) {
	var task Task
	err := c.do(ctx, http.MethodPatch, taskPath(id), nil, map[string]string{"state": StateCanceled}, &task)
	return task, err
}

// Retry queues a task that does what is unfinished of one that is over.
func (c *Client) Retry(ctx context.Context, id int64) (Task, error) {
	var task Task
	err := c.do(ctx, http.MethodPost, taskPath(id)+"/retry", nil, nil, &task)
	return task, err
}

func taskPath(id int64) string { return "/v1/tasks/" + strconv.FormatInt(id, 10) }
