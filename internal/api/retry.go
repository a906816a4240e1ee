// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// retryRoute queues a task again.
func (a *api) retryRoute() route {
	return route{
		method: http.MethodPost, path: "/v1/tasks/{id}/retry", id: "retry-task", tag: tagTasks, access: admins, handle: a.retryTask,
		summary: "Retry a task",
		description: "Queues a task that does what is unfinished of one that is over: what failed or was canceled runs again, its parts that ended well are skipped and say in which task they were done (`done_in`). " +
			"Where it was retried already, the newest retry is what is tried again. 409 while that is not over, and where nothing is left to do. " +
			"The sync of a single repository can be retried without its group.",
		status: http.StatusCreated, example: exampleRetry, errors: []int{http.StatusNotFound, http.StatusConflict},
	}
}

func (a *api) retryTask(ctx context.Context, r *request) (any, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	task, err := a.Tasks.Task(ctx, fleet.TaskID(id))
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	x.entry.Task, x.entry.Server = task.ID, task.Server
	definition := a.jobOf(task.Kind)
	if task.Parent != 0 && !definition.Alone {
		return nil, fault.New(fault.Conflict, "task %d is a part of task %d, without which it cannot run", task.ID, task.Parent).
			WithHint("retry task %d: its parts that ended well are not run again", task.Parent)
	}
	retried, err := a.Queue.Retry(ctx, task.ID, definition.Keeps)
	if err != nil {
		return nil, err
	}
	return showTask(retried)
}

// jobOf gives the job of a kind; a zero one where there is none.
func (a *api) jobOf(kind fleet.Kind) job.Definition {
	for _, d := range a.Jobs {
		if d.Kind == kind {
			return d
		}
	}
	return job.Definition{}
}

// numberOrNull gives null for zero.
func numberOrNull(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// exampleRetry is a task in the document that tries another one again.
var exampleRetry = func() Task {
	t := exampleTask
	t.ID, t.RetryOf = 6, numberOrNull(exampleTask.ID)
	return t
}()
