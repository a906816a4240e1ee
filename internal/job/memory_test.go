// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// memory is as much of a store as stages and children need.
type memory struct {
	fleet.Tasks
	fleet.Work
	fleet.Repositories

	mu       sync.Mutex
	stages   map[string]fleet.Stage
	children []fleet.Task
	saves    int
	fail     error // of every write
}

func newMemory() *memory { return &memory{stages: map[string]fleet.Stage{}} }

func (m *memory) Stages(context.Context, fleet.TaskID) ([]fleet.Stage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []fleet.Stage
	for _, s := range m.stages {
		all = append(all, s)
	}
	return all, nil
}

func (m *memory) SaveStage(ctx context.Context, _ fleet.Lease, s fleet.Stage) (fleet.Stage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return s, m.fail
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	m.saves++
	m.stages[s.Name] = s
	return s, nil
}

func (m *memory) CreateChildren(_ context.Context, _ fleet.Lease, parent fleet.TaskID, specs []fleet.NewTask) ([]fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.children == nil {
		for i, s := range specs {
			m.children = append(m.children, fleet.Task{ID: parent + fleet.TaskID(i) + 1, Parent: parent, Name: s.Name, Kind: s.Kind, State: fleet.Queued})
		}
	}
	return append([]fleet.Task(nil), m.children...), nil
}

func (m *memory) Transition(_ context.Context, _ fleet.Lease, id fleet.TaskID, to fleet.TaskState, why *fleet.TaskError) (fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.children {
		c := &m.children[i]
		if c.ID != id {
			continue
		}
		if !c.State.May(to) {
			return *c, fault.New(fault.Conflict, "task %d is %s", id, c.State)
		}
		c.State, c.Error = to, why
		return *c, nil
	}
	return fleet.Task{}, fault.New(fault.NotFound, "no task %d", id)
}

func (m *memory) Task(_ context.Context, id fleet.TaskID) (fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.children {
		if c.ID == id {
			return c, nil
		}
	}
	return fleet.Task{ID: id, State: fleet.Running}, nil
}

// run begins an attempt at a root task of a memory.
func (m *memory) run(t *testing.T, catalog ...Definition) *Run {
	t.Helper()
	env := &Env{Tasks: m, Work: m, Catalog: catalog, Logger: slog.New(slog.DiscardHandler)}
	r, err := NewRun(t.Context(), env, fleet.Task{ID: 1, State: fleet.Running}, fleet.Lease{Task: 1, Owner: "x", Epoch: 1},
		func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return r
}
