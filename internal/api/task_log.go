// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// TaskLog is what happened to a task.
type TaskLog struct {
	Lines []TaskLogLine `json:"lines" doc:"In the order of time." nullable:"false"`
}

// TaskLogLine is one thing that happened to a task. Its keys are the daemon's log's.
type TaskLogLine struct {
	Time        time.Time `json:"time" doc:"When, by the database's clock. Of a request: when it was sent."`
	Level       string    `json:"level" enum:"info,warn,error" doc:"How severe it is."`
	Msg         string    `json:"msg" doc:"What happened." example:"stage completed"`
	Task        int64     `json:"task" doc:"Id of the task that it happened to: this one or a part of it."`
	Name        string    `json:"name,omitempty" doc:"Name of the part."`
	Worker      string    `json:"worker,omitempty" doc:"Host that runs or ran the task."`
	Server      string    `json:"server,omitempty" doc:"Name of the server that it is about."`
	Stage       string    `json:"stage,omitempty" doc:"Name of the stage."`
	Step        string    `json:"step,omitempty" doc:"What a request is for."`
	Attempt     int       `json:"attempt,omitempty" doc:"Of the request, from 1."`
	Correlation string    `json:"correlation_id,omitempty" doc:"Id that the request was sent with: Pulp's own log has it too."`
	PulpTask    string    `json:"pulp_task,omitempty" doc:"Href of the Pulp task."`
	Why         string    `json:"why,omitempty" doc:"What is said about it, or why it failed and what to do."`
}

// logRoute tells what happened to a task.
func (a *api) logRoute() route {
	return route{
		method: http.MethodGet, path: "/v1/tasks/{id}/log", id: "get-task-log", tag: tagTasks, access: readers, handle: a.getTaskLog,
		summary: "Show a task's log",
		description: "What happened to a task in the order of time: when it and its parts began and ended, its stages, and what it asked Pulp, with the correlation ids that Pulp's own logs have. " +
			"It is made of what is stored, so it is the same whichever machine ran the task.",
		example: exampleTaskLog, errors: []int{http.StatusNotFound},
	}
}

func (a *api) getTaskLog(ctx context.Context, r *request) (any, error) {
	task, stages, err := a.task(ctx, r)
	if err != nil {
		return nil, err
	}
	parts, err := a.Tasks.Children(ctx, task.ID)
	if err != nil {
		return nil, err
	}
	var requests []fleet.PulpRequest
	if a.Requests != nil {
		if requests, err = a.Requests.TaskRequests(ctx, task.ID); err != nil {
			return nil, err
		}
	}
	return a.showTaskLog(ctx, fleet.TaskLog(task, stages, requests, parts))
}

// showTaskLog makes the JSON of a task's log.
func (a *api) showTaskLog(ctx context.Context, lines []fleet.LogLine) (TaskLog, error) {
	log := TaskLog{Lines: make([]TaskLogLine, 0, len(lines))}
	names := map[fleet.ServerID]string{0: ""}
	for _, l := range lines {
		if _, known := names[l.Server]; !known {
			server, err := a.Servers.Server(ctx, l.Server)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return log, err
			}
			names[l.Server] = string(server.Name)
		}
		log.Lines = append(log.Lines, TaskLogLine{
			Time: l.At.UTC(), Level: l.Level, Msg: l.Msg, Task: int64(l.Task), Name: l.Name, Worker: l.Worker, Server: names[l.Server],
			Stage: l.Stage, Step: l.Step, Attempt: l.Attempt, Correlation: l.Correlation, PulpTask: l.PulpTask, Why: strings.ToValidUTF8(l.Why, "\uFFFD"),
		})
	}
	return log, nil
}

// exampleTaskLog is a log in the document.
var exampleTaskLog = TaskLog{Lines: []TaskLogLine{
	{Time: time.Time(exampleMoment), Level: "info", Msg: "stage began", Task: 5, Stage: "sync repo"},
	{
		Time: time.Time(exampleMoment), Level: "info", Msg: "asked Pulp, which is done", Task: 5, Server: "pulp1.example.com", Stage: "sync repo", Step: "sync", Attempt: 1,
		Correlation: "0f5b6f2ac0d94c5a", PulpTask: "/pulp/api/v3/tasks/018f/",
	},
}}
