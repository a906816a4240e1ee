// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// memory is a store of schedules and tasks, with a clock of its own.
type memory struct {
	fleet.Tasks // what is not below is not asked for

	clock func() time.Time

	mu        sync.Mutex
	schedules map[fleet.ScheduleID]fleet.Schedule
	tasks     map[fleet.TaskID]fleet.Task
	begin     fleet.TaskState // state of new tasks
	fired     []firing
	asked     int                          // how often due schedules were asked for
	broken    error                        // of DueSchedules
	refuse    func(s fleet.Schedule) error // of Fire; may be nil
	taskErr   error                        // of Task
}

// firing is what became of one run of a schedule.
type firing struct {
	Schedule fleet.ScheduleID
	Due, At  time.Time
	Next     time.Time
	Task     *fleet.NewTask // nil: skipped
	Skipped  string
}

func newMemory(clock func() time.Time, schedules ...fleet.Schedule) *memory {
	m := &memory{clock: clock, schedules: map[fleet.ScheduleID]fleet.Schedule{}, tasks: map[fleet.TaskID]fleet.Task{}, begin: fleet.Completed}
	for _, s := range schedules {
		m.schedules[s.ID] = s
	}
	return m
}

func (m *memory) DueSchedules(_ context.Context, limit int) ([]fleet.Schedule, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	now := m.clock()
	var due []fleet.Schedule
	for _, s := range m.schedules {
		if !s.NextRun.IsZero() && !s.NextRun.After(now) {
			due = append(due, s)
		}
	}
	slices.SortFunc(due, func(a, b fleet.Schedule) int { return cmp.Or(a.NextRun.Compare(b.NextRun), cmp.Compare(a.ID, b.ID)) })
	return due[:min(limit, len(due))], now, m.broken
}

func (m *memory) Fire(_ context.Context, s fleet.Schedule, next time.Time, t *fleet.NewTask, skipped string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		if err := m.refuse(s); err != nil {
			return false, err
		}
	}
	row := m.schedules[s.ID]
	if !row.NextRun.Equal(s.NextRun) {
		return false, nil
	}
	m.fired = append(m.fired, firing{s.ID, s.NextRun, m.clock(), next, t, skipped})
	row.NextRun, row.LastRun, row.LastOutcome = next, m.clock(), skipped
	if t != nil {
		row.LastTask, row.LastOutcome = fleet.TaskID(len(m.tasks)+1), string(fleet.Queued)
		m.tasks[row.LastTask] = fleet.Task{ID: row.LastTask, State: m.begin}
	}
	m.schedules[s.ID] = row
	return true, nil
}

func (m *memory) FindSchedules(context.Context, fleet.ServerID) ([]fleet.Schedule, error) {
	return nil, nil
}

func (m *memory) Task(_ context.Context, id fleet.TaskID) (fleet.Task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.taskErr != nil {
		return fleet.Task{}, m.taskErr
	}
	t, ok := m.tasks[id]
	if !ok {
		return t, fault.New(fault.NotFound, "task %d is not there", id)
	}
	return t, nil
}

// end moves a task to a state.
func (m *memory) end(id fleet.TaskID, state fleet.TaskState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tasks[id] = fleet.Task{ID: id, State: state}
}

// firings gives what was fired so far.
func (m *memory) firings() []firing {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.fired)
}

// meeting is a scheduler's view of a store, in which it waits before its first write.
type meeting struct {
	*memory
	once sync.Once
	wait func()
}

func (m *meeting) Fire(ctx context.Context, s fleet.Schedule, next time.Time, t *fleet.NewTask, skipped string) (bool, error) {
	m.once.Do(m.wait)
	return m.memory.Fire(ctx, s, next, t, skipped)
}
