// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Task is a task as the API shows it (legacy section 3.5).
type Task struct {
	ID           int64     `json:"id" doc:"Id, as used in paths."`
	Name         string    `json:"name" doc:"What it does, and where."`
	Parent       *string   `json:"parent_task_id" doc:"An id, as text; null: it has no parent."` // D44, kept
	Kind         string    `json:"task_type" doc:"What it is a run of." example:"repo_group_sync"`
	Args         object    `json:"task_args" doc:"What it was asked to do."`
	DateQueued   moment    `json:"date_queued" nullable:"false"`
	DateStarted  moment    `json:"date_started"`
	DateFinished moment    `json:"date_finished"`
	State        string    `json:"state" doc:"Where it is in its life." example:"running"`
	Error        TaskError `json:"error" doc:"Empty where there is none."`
	WorkerName   *string   `json:"worker_name" doc:"Host that runs or ran it; null: not started."`
	WorkerJobID  *string   `json:"worker_job_id" doc:"Id of its job in the queue; null: not started."`

	// What follows the original does not have.
	RetryOf         *int64  `json:"retry_of" doc:"Id of the task it tries again; null: none."`
	DoneIn          *int64  `json:"done_in" doc:"Of a skipped part: id of the task whose work counts for it; null: none."`
	Attempt         int     `json:"attempt" doc:"From 1: how often it was begun. More than once where something did not answer."`
	NextAttempt     instant `json:"next_attempt" doc:"When it goes on by itself; null: it does not wait for that."`
	RetryReason     *string `json:"retry_reason" doc:"Why the attempt before ended; null: there was none."`
	WaitingFor      *string `json:"waiting_for" doc:"What it waits for: a repository that another task changes, a slot, a server that is down, a Pulp worker, its turn, a Pulp task in which nothing changes; or what of it Pulp has not ended yet. Null: nothing, or nobody knows. Lists know less of it."`
	CancelRequested instant `json:"cancel_requested" doc:"When it was canceled; null: it was not."`
	CancelConfirmed instant `json:"cancel_confirmed" doc:"When all that Pulp did for it was known to be over; null: not known, or it ended by itself."`
}

// TaskError says why a task or a stage failed.
type TaskError struct {
	Msg    string `json:"msg,omitempty" doc:"What failed and why."`
	Detail string `json:"detail,omitempty" doc:"What to do about it."`
}

// TaskDetail is a task with its stages.
type TaskDetail struct {
	Task
	Stages []TaskStage `json:"stages" doc:"Its stages, in the order they began." nullable:"false"`
}

// TaskStage is a named step of a task.
type TaskStage struct {
	ID     int64          `json:"id" doc:"Id of the stage."`
	Task   int64          `json:"task_id" doc:"Id of its task."`
	Name   string         `json:"name" doc:"What is done in it."`
	Detail map[string]any `json:"detail" doc:"How far it is: msg, task_href and others."`
	Error  TaskError      `json:"error" doc:"Empty where there is none."`
}

// TaskPatch is a change of a task.
type TaskPatch struct {
	State string `json:"state" doc:"canceled is the only state a task can be moved to." example:"canceled"`
}

// taskList is what tasks can be filtered and sorted by. What follows the original's fields
// tells which server and repository a task is about.
var taskList = &listing{fields: append([]listField{
	{name: "id", kind: numberValue, doc: "id of the task"},
	{name: "name", doc: "name of the task"},
	{name: "parent_task_id", kind: numberValue, doc: "id of the task it is part of; 0: it has none"},
	{name: "state", kind: choiceValue, values: texts(fleet.TaskStates), doc: "where it is in its life"},
	{name: "task_type", kind: choiceValue, values: texts(fleet.Kinds), doc: "what it is a run of"},
	{name: "task_args", doc: "what it was asked to do, as JSON text"},
	{name: "error", doc: "why it failed, as JSON text"},
	{name: "worker_name", doc: "host that ran it"},
	{name: "worker_job_id", doc: "id of its job in the queue"},
	{name: "date_queued", kind: momentValue, doc: "when it was queued"},
	{name: "date_started", kind: momentValue, doc: "when it was started"},
	{name: "date_finished", kind: momentValue, doc: "when it ended"},
	{name: "pulp_server_id", kind: numberValue, doc: "id of the server it is about"},
	{name: "pulp_server_repo_id", kind: numberValue, doc: "id of the server's repository it is about"},
	{name: "repo_id", kind: numberValue, doc: "id of the name of the repository it is about"},
	{name: "retry_of", kind: numberValue, doc: "id of the task it tries again"},
}, sortable("state_id", "task_type_id", "date_created", "date_last_updated")...)}

func (a *api) listTasks(ctx context.Context, r *request) (any, error) {
	page, err := a.Tasks.FindTasks(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showTask)
}

func (a *api) listKinds(context.Context, *request) (any, error) { return texts(fleet.Kinds), nil }

func (a *api) listStates(context.Context, *request) (any, error) { return texts(fleet.TaskStates), nil }

// task gives the task that the path names, with its stages.
func (a *api) task(ctx context.Context, r *request) (task fleet.Task, stages []fleet.Stage, err error) {
	id, err := r.id("id")
	if err != nil {
		return task, nil, err
	}
	if task, err = a.Tasks.Task(ctx, fleet.TaskID(id)); err != nil {
		return task, nil, err
	}
	stages, err = a.Tasks.Stages(ctx, task.ID)
	return task, stages, err
}

func (a *api) getTask(ctx context.Context, r *request) (any, error) {
	task, stages, err := a.task(ctx, r)
	if err != nil {
		return nil, err
	}
	detail, err := showTaskDetail(task, stages)
	if text := a.WaitingFor(ctx, task, stages); text != "" {
		detail.WaitingFor = &text
	}
	return detail, err
}

// showTaskDetail makes the JSON of a task with its stages.
func showTaskDetail(task fleet.Task, stages []fleet.Stage) (TaskDetail, error) {
	shown, err := showTask(task)
	detail := TaskDetail{Task: shown, Stages: make([]TaskStage, 0, len(stages))}
	if text := fleet.WaitingFor(task, stages); text != "" {
		detail.WaitingFor = &text
	}
	for _, s := range stages {
		detail.Stages = append(detail.Stages, showStage(s))
	}
	return detail, err
}

// patchTask cancels a task. Other states, and a task that is over, are answered 400 as
// by the original (legacy section 3.5).
func (a *api) patchTask(ctx context.Context, r *request) (any, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	patch, ok := r.body.(TaskPatch)
	if !ok {
		return nil, fault.New(fault.Internal, "body of a patch is a %T", r.body)
	}
	task, err := a.Tasks.Task(ctx, fleet.TaskID(id))
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	x.entry.Task, x.entry.Server = task.ID, task.Server
	if fleet.TaskState(patch.State) != fleet.Canceled {
		return nil, &answerError{
			status: http.StatusBadRequest, detail: "canceled is the only valid state to move a task to, not " + quote(patch.State),
			problems: []FieldProblem{{"body.state", "must be canceled"}},
		}
	}
	canceled, err := a.Queue.Cancel(ctx, task.ID)
	if fault.Is(err, fault.Conflict) {
		if now, again := a.Tasks.Task(ctx, task.ID); again == nil {
			task = now // it may have ended in between
		}
		return nil, &answerError{
			status: http.StatusBadRequest, detail: "task cannot be moved to canceled when it is in " + string(task.State), err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	return showTask(canceled)
}

// showTask makes the JSON of a task.
func showTask(t fleet.Task) (Task, error) {
	shown := Task{
		ID: int64(t.ID), Name: t.Name, Kind: string(t.Kind), Args: object(t.Args), State: string(t.State), Error: showError(t.Error),
		DateQueued: moment(t.Queued), DateStarted: moment(t.Started), DateFinished: moment(t.Finished),
		WorkerName: textOrNull(t.WorkerName), WorkerJobID: textOrNull(t.WorkerJobID),
		RetryOf: numberOrNull(int64(t.RetryOf)), DoneIn: numberOrNull(int64(t.DoneIn)), Attempt: t.Retries + 1, NextAttempt: instant(t.NextAttempt),
		RetryReason: textOrNull(t.RetryReason), WaitingFor: textOrNull(t.WaitingFor),
		CancelRequested: instant(t.CancelRequested), CancelConfirmed: instant(t.CancelConfirmed),
	}
	if t.Parent != 0 {
		shown.Parent = textOrNull(strconv.FormatInt(int64(t.Parent), 10))
	}
	return shown, nil
}

// showStage makes the JSON of a stage.
func showStage(s fleet.Stage) TaskStage {
	shown := TaskStage{ID: int64(s.ID), Task: int64(s.Task), Name: s.Name, Detail: s.Detail, Error: showError(s.Error)}
	if shown.Detail == nil {
		shown.Detail = map[string]any{}
	}
	return shown
}

func showError(e *fleet.TaskError) TaskError {
	if e == nil {
		return TaskError{}
	}
	return TaskError(*e)
}

// object is a stored JSON object; empty is {}.
type object json.RawMessage

// MarshalJSON writes the object.
func (o object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("{}"), nil
	}
	return o, nil
}

// Schema describes the object.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// exampleTask is a task in the document.
var exampleTask = Task{
	ID: 5, Name: "repo sync pulp1.example.com", Kind: string(fleet.KindRepoGroupSync),
	Args:       object(`{"name":"pulp1.example.com","regex_include":"^ext","max_runtime":"1h","max_concurrent_syncs":2}`),
	DateQueued: exampleMoment, State: string(fleet.Queued), Attempt: 1,
}

// exampleTaskDetail is a running task in the document.
var exampleTaskDetail = func() TaskDetail {
	t := exampleTask
	t.State, t.DateStarted, t.WorkerName = string(fleet.Running), exampleMoment, textOrNull("worker1")
	return TaskDetail{Task: t, Stages: []TaskStage{{ID: 9, Task: 5, Name: "sync repos", Detail: map[string]any{"msg": "2 in progress, 1/3 completed"}}}}
}()

// exampleCanceled is a cancelled task in the document.
var exampleCanceled = func() Task {
	t := exampleTask
	t.State, t.DateFinished, t.CancelRequested = string(fleet.Canceled), exampleMoment, instant(exampleMoment)
	return t
}()
