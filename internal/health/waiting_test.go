// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// taskMemory is a store of tasks with their stages.
type taskMemory struct {
	fleet.Tasks
	fleet.Attention

	parts  []fleet.Task
	stages map[fleet.TaskID][]fleet.Stage
	stuck  []fleet.Task
}

func (m *taskMemory) FindTasks(context.Context, fleet.Query) (fleet.Page[fleet.Task], error) {
	return fleet.Page[fleet.Task]{Items: m.parts, Total: len(m.parts)}, nil
}

func (m *taskMemory) Stages(_ context.Context, id fleet.TaskID) ([]fleet.Stage, error) {
	return m.stages[id], nil
}

func (m *taskMemory) StuckTasks(context.Context, time.Duration) ([]fleet.Task, error) {
	return m.stuck, nil
}

// waits is a running stage that waits for something; empty: it does not.
func waits(what string) []fleet.Stage {
	s := fleet.Stage{State: fleet.StageRunning, Detail: map[string]any{"msg": "on"}}
	if what != "" {
		s.Detail[fleet.WaitingKey] = what
	}
	return []fleet.Stage{{State: fleet.StageCompleted, Detail: map[string]any{fleet.WaitingKey: "what is over"}}, s}
}

// TestWaitingFor: what a task waits for, in words, or nothing.
func TestWaitingFor(t *testing.T) {
	t.Parallel()
	workers := func(n int) func(context.Context) (int, bool) {
		return func(context.Context) (int, bool) { return n, true }
	}
	root := fleet.Task{ID: 1, State: fleet.Running, Owner: "me"}
	parts := []fleet.Task{{ID: 2, Parent: 1, State: fleet.Running}, {ID: 3, Parent: 1, State: fleet.Running}}
	for _, c := range []struct {
		name   string
		task   fleet.Task
		stages []fleet.Stage
		e      Explainer
		memory taskMemory
		want   string // empty: nothing
	}{
		{name: "over", task: fleet.Task{ID: 1, State: fleet.Completed}, stages: waits("x")},
		{name: "runs", task: root, stages: waits("")},
		{name: "a stage waits", task: root, stages: waits("server a, down since x"), want: "server a, down since x"},
		{name: "a queued part", task: fleet.Task{ID: 2, Parent: 1, State: fleet.Queued}, want: "its turn: task 1 (/v1/tasks/1)"},
		{name: "queued", task: fleet.Task{ID: 1, State: fleet.Queued, Queued: noon}, want: "a worker process to begin it, queued since 2026-03-01T12:00:00Z"},
		{name: "no worker", task: fleet.Task{ID: 1, State: fleet.Queued}, e: Explainer{Workers: workers(0)}, want: "none is alive"},
		{name: "busy workers", task: fleet.Task{ID: 1, State: fleet.Queued}, e: Explainer{Workers: workers(2)}, want: "a free place in a worker process"},
		{name: "nobody has it", task: fleet.Task{ID: 1, State: fleet.Running}, stages: waits("x"), want: "a process to go on with it"},
		{
			name: "its next attempt", want: "its next attempt, 3, at 2026-03-01T12:00:00Z: the vault is sealed",
			task: fleet.Task{ID: 1, State: fleet.Running, Retries: 2, NextAttempt: noon, RetryReason: "the vault is sealed"},
		},
		{
			name: "behind another of its schedule", task: fleet.Task{ID: 2, State: fleet.Queued, Schedule: 5}, want: "task 1 (/v1/tasks/1) of the same schedule to be over",
			e: Explainer{Schedule: func(context.Context, fleet.ScheduleID) (fleet.ListedSchedule, error) {
				return fleet.ListedSchedule{Schedule: fleet.Schedule{LastTask: 1, Waiting: 2}}, nil
			}},
		},
		{name: "a part that runs", task: parts[0], stages: waits("")},
		{
			name: "all parts wait", task: root, stages: waits(""), want: "its parts, all of which wait: task 2 (/v1/tasks/2) for a slot",
			memory: taskMemory{parts: parts, stages: map[fleet.TaskID][]fleet.Stage{2: waits("a slot"), 3: waits("a lock")}},
		},
		{
			name: "one part goes on", task: root, stages: waits(""),
			memory: taskMemory{parts: parts, stages: map[fleet.TaskID][]fleet.Stage{2: waits("a slot"), 3: waits("")}},
		},
	} {
		c.e.Tasks = &c.memory
		got := c.e.WaitingFor(t.Context(), c.task, c.stages)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestWatchdog: a stuck task is told once with what it waits for, and once more when it goes on.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	stuck := fleet.Task{ID: 7, State: fleet.Running, Owner: "me"}
	m := &taskMemory{stuck: []fleet.Task{stuck}, stages: map[fleet.TaskID][]fleet.Stage{7: waits("server a, down since x")}}
	w := Watchdog{Attention: m, Explainer: Explainer{Tasks: m}, After: func() time.Duration { return time.Hour }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m.stuck = nil
	for range 2 {
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	text := log.String()
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, `task=7`) || !strings.Contains(text, "server a, down since x") || !strings.Contains(text, "stuck no more") {
		t.Errorf("log:\n%s", text)
	}
}
