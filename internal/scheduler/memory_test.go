// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// memory is a store of schedules and tasks, with a clock of its own.
type memory struct {
	clock func() time.Time

	mu        sync.Mutex
	schedules map[fleet.ScheduleID]fleet.Schedule
	tasks     map[fleet.TaskID]fleet.Task
	begin     fleet.TaskState // state of new tasks
	fired     []firing
	asked     int                          // how often due schedules were asked for
	broken    error                        // of DueSchedules
	refuse    func(s fleet.Schedule) error // of Fire; may be nil
}

// firing is what became of one run of a schedule.
type firing struct {
	Schedule fleet.ScheduleID
	Due, At  time.Time
	Next     time.Time
	Task     *fleet.NewTask // nil: skipped
	Skipped  string
	Outcome  string
	Behind   fleet.TaskID
	Cancel   []fleet.TaskID
}

func newMemory(clock func() time.Time, schedules ...fleet.Schedule) *memory {
	m := &memory{clock: clock, schedules: map[fleet.ScheduleID]fleet.Schedule{}, tasks: map[fleet.TaskID]fleet.Task{}, begin: fleet.Completed}
	for _, s := range schedules {
		m.schedules[s.ID] = s
	}
	return m
}

// whole gives a schedule with the state of its newest task.
func (m *memory) whole(s fleet.Schedule) fleet.Schedule {
	s.LastState = m.tasks[s.LastTask].State
	return s
}

func (m *memory) DueSchedules(_ context.Context, limit int) ([]fleet.Schedule, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	now := m.clock()
	var due []fleet.Schedule
	for _, s := range m.schedules {
		if !s.NextRun.IsZero() && !s.NextRun.After(now) {
			due = append(due, m.whole(s))
		}
	}
	slices.SortFunc(due, func(a, b fleet.Schedule) int { return cmp.Or(a.NextRun.Compare(b.NextRun), cmp.Compare(a.ID, b.ID)) })
	return due[:min(limit, len(due))], now, m.broken
}

func (m *memory) Fire(_ context.Context, all []fleet.Firing) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range all {
		if m.refuse != nil {
			if err := m.refuse(f.Schedule); err != nil {
				return nil, err
			}
		}
	}
	done := make([]bool, len(all))
	for i, f := range all {
		row, ok := m.schedules[f.Schedule.ID]
		if done[i] = ok && row.NextRun.Equal(f.Schedule.NextRun) && row.LastTask == f.Schedule.LastTask && row.Waiting == f.Schedule.Waiting; done[i] {
			m.schedules[row.ID] = m.fireOne(row, f)
		}
	}
	return done, nil
}

// fireOne does what the store does.
func (m *memory) fireOne(row fleet.Schedule, f fleet.Firing) fleet.Schedule {
	m.fired = append(m.fired, firing{row.ID, row.NextRun, m.clock(), f.NextRun, f.Task, f.Skipped, f.Outcome, f.Behind, f.Cancel})
	for _, id := range f.Cancel {
		m.tasks[id] = fleet.Task{ID: id, State: fleet.Canceled}
	}
	if f.Task != nil || f.Skipped != "" {
		row.LastDue, row.LastRun = dueOf(row), m.clock()
	}
	row.NextRun, row.NextDue, row.LastOutcome = f.NextRun, f.NextDue, f.Outcome
	if f.Task == nil {
		return row
	}
	id := fleet.TaskID(len(m.tasks) + 1000)
	if f.Behind != 0 {
		m.tasks[id] = fleet.Task{ID: id, State: fleet.Queued}
		row.Waiting = id
		return row
	}
	m.tasks[id] = fleet.Task{ID: id, State: m.begin}
	row.LastTask, row.Waiting = id, 0
	return row
}

func (m *memory) Tend(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for id, s := range m.schedules {
		if s.Waiting != 0 && (m.tasks[s.LastTask].State == "" || m.tasks[s.LastTask].State.Final()) {
			s.LastTask, s.Waiting = s.Waiting, 0
			n++
		}
		if !s.Pause.Until.IsZero() && !s.Pause.Until.After(m.clock()) {
			s.Pause = fleet.Pause{}
			n++
		}
		m.schedules[id] = s
	}
	return n, m.broken
}

func (m *memory) FindSchedules(context.Context, fleet.ServerID) ([]fleet.Schedule, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []fleet.Schedule
	for _, s := range m.schedules {
		all = append(all, m.whole(s))
	}
	return all, nil
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

func (m *meeting) Fire(ctx context.Context, all []fleet.Firing) ([]bool, error) {
	m.once.Do(m.wait)
	return m.memory.Fire(ctx, all)
}
