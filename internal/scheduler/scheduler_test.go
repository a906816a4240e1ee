// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var start = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

// still is a clock that a test moves by itself.
func still(at *time.Time) func() time.Time { return func() time.Time { return *at } }

func schedule(id fleet.ScheduleID, cron string, next time.Time) fleet.Schedule {
	return fleet.Schedule{
		ID: id, Server: 3, Group: 4, Kind: fleet.KindRepoGroupSync, Cron: cron, TaskName: "repo sync pulp-1",
		Args: json.RawMessage(`{"a":1}`), MaxRuntime: time.Hour, NextRun: next,
	}
}

func tick(t *testing.T, m *memory) error {
	t.Helper()
	return New(m, slog.New(slog.DiscardHandler)).Tick(t.Context())
}

func TestTickQueuesTheTask(t *testing.T) {
	now := start
	due := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMemory(still(&now), schedule(1, "TZ=UTC */10 * * * *", due), schedule(2, "TZ=UTC */10 * * * *", start.Add(time.Second)))
	if err := tick(t, m); err != nil {
		t.Fatal(err)
	}
	want := []firing{{Schedule: 1, Due: due, At: now, Next: due.Add(10 * time.Minute), Task: &fleet.NewTask{
		Name: "repo sync pulp-1", Kind: fleet.KindRepoGroupSync, Args: json.RawMessage(`{"a":1}`), Server: 3, Schedule: 1, MaxRuntime: time.Hour,
	}, Outcome: "queued"}}
	if diff := cmp.Diff(want, m.fired); diff != "" {
		t.Error(diff)
	}
}

// Runs that were missed, by days without a scheduler, are made up once.
func TestMissedRunsAreMadeUpOnce(t *testing.T) {
	now := start
	for cron, next := range map[string]time.Time{
		"TZ=UTC */5 * * * *": time.Date(2026, 3, 1, 12, 5, 0, 0, time.UTC),
		"TZ=UTC 0 3 * * *":   time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC),
		"TZ=UTC 0 0 1 1 *":   time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		m := newMemory(still(&now), schedule(1, cron, now.AddDate(0, 0, -10)))
		for range 3 {
			if err := tick(t, m); err != nil {
				t.Fatal(err)
			}
		}
		if len(m.fired) != 1 || m.fired[0].Task == nil || !m.fired[0].Next.Equal(next) {
			t.Errorf("%s: %+v, want one run, and the next at %v", cron, m.fired, next)
		}
	}
}

func TestOverlapIsSkipped(t *testing.T) {
	const cron = "TZ=UTC */5 * * * *"
	for _, state := range fleet.TaskStates {
		now := start
		s := schedule(1, cron, now)
		s.LastTask = 7
		m := newMemory(still(&now), s)
		m.end(7, state)
		if err := tick(t, m); err != nil {
			t.Fatal(err)
		}
		if len(m.fired) != 1 || !m.fired[0].Next.After(now) {
			t.Fatalf("%s: %+v", state, m.fired)
		}
		f := m.fired[0]
		if skip := state == fleet.Queued || state == fleet.Running; (f.Task == nil) != skip {
			t.Errorf("%s: queued %v", state, f.Task)
		} else if want := "skipped: task 7 of the same schedule is still " + string(state); skip && f.Skipped != want {
			t.Errorf("%s: %q, want %q", state, f.Skipped, want)
		} else if !skip && f.Skipped != "" {
			t.Errorf("%s: queued and %q", state, f.Skipped)
		}

		// A skipped run does not hide the task that is still running.
		now = f.Next
		if err := tick(t, m); err != nil {
			t.Fatal(err)
		}
		if again := m.fired[1]; (f.Task == nil) != (again.Task == nil) {
			t.Errorf("%s, the run after: %+v", state, again)
		}
		m.end(7, fleet.Failed)
		now = m.fired[1].Next
		if err := tick(t, m); err != nil || m.fired[2].Task == nil {
			t.Errorf("%s, when it is over: %+v, %v", state, m.fired[2], err)
		}
	}
}

func TestLastTaskNotKnown(t *testing.T) {
	now := start
	s := schedule(1, "TZ=UTC */5 * * * *", now)
	s.LastTask = 7 // it was cleaned up
	m := newMemory(still(&now), s)
	if err := tick(t, m); err != nil || len(m.fired) != 1 || m.fired[0].Task == nil {
		t.Errorf("a task that is gone: %+v, %v", m.fired, err)
	}
}

// A cron text that cannot be read, or never comes true, is fired at most once and never looked at again.
func TestUnreadableCronNeverLoops(t *testing.T) {
	for _, cron := range []string{"", "bogus", "* * * *", "61 * * * *", "0 0 30 2 *", "TZ=Nowhere/At * * * * *"} {
		now := start
		var schedules []fleet.Schedule
		for id := range fleet.ScheduleID(2 * batch) {
			schedules = append(schedules, schedule(id+1, cron, now))
		}
		m := newMemory(still(&now), schedules...)
		for range 3 {
			if err := tick(t, m); err != nil {
				t.Fatal(err)
			}
			now = now.AddDate(1, 0, 0)
		}
		if len(m.fired) != 2*batch || m.asked > 6 {
			t.Errorf("%q: %d firings of %d schedules, asked %d times", cron, len(m.fired), 2*batch, m.asked)
		}
		for _, f := range m.fired {
			if !f.Next.IsZero() {
				t.Fatalf("%q: next at %v", cron, f.Next)
			}
		}
	}
}

func TestTickTakesAllThatAreDue(t *testing.T) {
	now := start
	var schedules []fleet.Schedule
	for id := range fleet.ScheduleID(2*batch + 50) {
		schedules = append(schedules, schedule(id+1, "TZ=UTC 0 3 * * *", now))
	}
	m := newMemory(still(&now), schedules...)
	if err := tick(t, m); err != nil || len(m.fired) != 2*batch+50 {
		t.Errorf("%d of %d, %v", len(m.fired), 2*batch+50, err)
	}
}

// Two schedulers that see the same run due fire it once.
func TestTwoSchedulersNeverDouble(t *testing.T) {
	now := start
	var schedules []fleet.Schedule
	for id := range fleet.ScheduleID(20) {
		schedules = append(schedules, schedule(id+1, "TZ=UTC */5 * * * *", now))
	}
	m := newMemory(still(&now), schedules...)
	var read, done sync.WaitGroup
	read.Add(2)
	for range 2 {
		done.Go(func() {
			view := &meeting{memory: m, wait: func() { read.Done(); read.Wait() }} // both have read what is due
			if err := New(view, slog.New(slog.DiscardHandler)).Tick(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	count := map[fleet.ScheduleID]int{}
	for _, f := range m.firings() {
		count[f.Schedule]++
	}
	for _, s := range schedules {
		if count[s.ID] != 1 {
			t.Errorf("schedule %d: %d runs", s.ID, count[s.ID])
		}
	}
}

// A day with two schedulers, of which one comes and goes: each run happens once, within two seconds of its time.
func TestRunForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		m := newMemory(time.Now, schedule(1, "TZ=UTC */15 * * * *", began.Add(15*time.Minute)), schedule(2, "TZ=UTC 30 3 * * *", began.Add(3*time.Hour+30*time.Minute)))
		run := func(ctx context.Context) { New(m, slog.New(slog.DiscardHandler)).Run(ctx) }
		var all sync.WaitGroup
		day, stop := context.WithTimeout(t.Context(), 24*time.Hour+time.Minute)
		defer stop()
		all.Go(func() { run(day) })
		all.Go(func() {
			for day.Err() == nil {
				some, end := context.WithTimeout(day, 47*time.Minute+700*time.Millisecond)
				run(some)
				end()
			}
		})
		all.Wait()
		runs := map[fleet.ScheduleID][]time.Time{}
		for _, f := range m.fired {
			runs[f.Schedule] = append(runs[f.Schedule], f.Due)
			if late := f.At.Sub(f.Due); late < 0 || late > 2*time.Second {
				t.Errorf("schedule %d ran %v late", f.Schedule, late)
			}
		}
		for i, due := range runs[1] {
			if want := began.Add(time.Duration(i+1) * 15 * time.Minute); !due.Equal(want) {
				t.Fatalf("run %d is due at %v, want %v", i, due, want)
			}
		}
		if len(runs[1]) != 96 || len(runs[2]) != 1 {
			t.Errorf("%d and %d runs, want 96 and 1", len(runs[1]), len(runs[2]))
		}
	})
}

// A store that cannot be read for a while is said, and looked at again.
func TestRunGoesOnAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newMemory(time.Now, schedule(1, "TZ=UTC */5 * * * *", time.Now().Add(-time.Hour)))
		m.broken = errors.New("connection refused")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(m, slog.New(slog.NewTextHandler(&log, nil))).Run(ctx)
		}()
		synctest.Wait()
		if !strings.Contains(log.String(), "connection refused") || len(m.firings()) > 0 {
			t.Errorf("log %q, fired %v", log.String(), m.firings())
		}
		m.mu.Lock()
		m.broken = nil
		m.mu.Unlock()
		wait(2 * time.Second)
		if len(m.firings()) != 1 {
			t.Errorf("fired %v", m.firings())
		}
		stop()
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("still running")
		}
	})
}

// wait lets time pass, within synctest.
func wait(d time.Duration) { <-time.After(d) }

// A store that goes while it is asked, because the process stops, is no error to say.
func TestRunStopsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newMemory(time.Now)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		m.broken = context.Canceled
		New(m, slog.New(slog.NewTextHandler(&log, nil))).Run(ctx)
		if log.Len() > 0 {
			t.Errorf("%s", log.String())
		}
	})
}

// A run that another scheduler took in between is neither an error nor said to be ours.
func TestLostRace(t *testing.T) {
	now := start
	var log bytes.Buffer
	m := newMemory(still(&now), schedule(1, "TZ=UTC */5 * * * *", now))
	view := &meeting{memory: m, wait: func() {
		if err := tick(t, m); err != nil {
			t.Error(err)
		}
	}}
	if err := New(view, slog.New(slog.NewTextHandler(&log, nil))).Tick(t.Context()); err != nil || len(m.fired) != 1 || log.Len() > 0 {
		t.Errorf("%+v, %v, log %q", m.fired, err, log.String())
	}
}

// A run that could not be stored stays due.
func TestFireFails(t *testing.T) {
	now := start
	m := newMemory(still(&now), schedule(1, "TZ=UTC */5 * * * *", now))
	gone := errors.New("database gone")
	m.refuse = func(fleet.Schedule) error { return gone }
	if err := tick(t, m); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	m.refuse = nil
	if err := tick(t, m); err != nil || len(m.fired) != 1 {
		t.Errorf("%+v, %v", m.fired, err)
	}
}
