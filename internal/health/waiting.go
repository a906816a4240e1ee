// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Explainer tells what tasks wait for, from what the store knows.
type Explainer struct {
	Tasks fleet.Tasks
	// Workers counts the processes alive that run tasks; known is false where nobody can tell. May be nil.
	Workers func(ctx context.Context) (alive int, known bool)
	// Schedule gives a schedule. May be nil.
	Schedule func(ctx context.Context, id fleet.ScheduleID) (fleet.ListedSchedule, error)
}

// partsLooked is how many running parts of a task are looked at.
const partsLooked = 20

// WaitingFor tells what a task waits for; empty: nothing, or it is over.
func (e Explainer) WaitingFor(ctx context.Context, t fleet.Task, stages []fleet.Stage) string {
	switch {
	case t.State.Final():
		return ""
	case t.State == fleet.Queued && t.Parent != 0:
		return fmt.Sprintf("its turn: task %d (/v1/tasks/%d) runs only so many of its parts at a time", t.Parent, t.Parent)
	case t.State == fleet.Queued:
		return e.begin(ctx, t)
	case t.Parent == 0 && t.Owner == "":
		return again(t)
	}
	if text := fleet.WaitingFor(t, stages); text != "" {
		return text
	}
	return e.parts(ctx, t)
}

// begin tells why a task has not begun.
func (e Explainer) begin(ctx context.Context, t fleet.Task) string {
	since := t.Queued.UTC().Format(time.RFC3339)
	if before := e.behind(ctx, t); before != 0 {
		return fmt.Sprintf("task %d (/v1/tasks/%d) of the same schedule to be over", before, before)
	}
	alive, known := 0, false
	if e.Workers != nil {
		alive, known = e.Workers(ctx)
	}
	switch {
	case known && alive == 0:
		return fmt.Sprintf("a worker process, queued since %s: none is alive; start `pulp-manager worker` (or serve)", since)
	case known:
		return fmt.Sprintf("a free place in a worker process, queued since %s (%d alive)", since, alive)
	}
	return fmt.Sprintf("a worker process to begin it, queued since %s", since)
}

// behind gives the task of the same schedule that a task waits for; 0: none.
func (e Explainer) behind(ctx context.Context, t fleet.Task) fleet.TaskID {
	if e.Schedule == nil || t.Schedule == 0 {
		return 0
	}
	s, err := e.Schedule(ctx, t.Schedule)
	if err != nil || s.Waiting != t.ID {
		return 0
	}
	return s.LastTask
}

// again tells why nobody works on a task that has begun.
func again(t fleet.Task) string {
	if !t.NextAttempt.IsZero() {
		return fmt.Sprintf("its next attempt, %d, at %s: %s", t.Retries+1, t.NextAttempt.UTC().Format(time.RFC3339), t.RetryReason)
	}
	return "a process to go on with it: the one before gave it back"
}

// parts tells what all running parts of a task wait for.
func (e Explainer) parts(ctx context.Context, t fleet.Task) string {
	if t.Parent != 0 {
		return ""
	}
	page, err := e.Tasks.FindTasks(ctx, fleet.Query{Page: 1, Size: partsLooked, Filters: []fleet.Filter{
		{Field: "parent_task_id", Value: int64(t.ID)}, {Field: "state", Value: string(fleet.Running)},
	}})
	if err != nil || len(page.Items) == 0 {
		return ""
	}
	first := ""
	for _, part := range page.Items {
		stages, err := e.Tasks.Stages(ctx, part.ID)
		text := fleet.WaitingFor(part, stages)
		if err != nil || text == "" {
			return ""
		}
		if first == "" {
			first = fmt.Sprintf("its parts, all of which wait: task %d (/v1/tasks/%d) for %s", part.ID, part.ID, text)
		}
	}
	return first
}
