// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(s *fleet.Schedule)
		now     string
		next    string
		queued  bool
		outcome string // begins so
	}{
		"on time":     {nil, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", true, "queued"},
		"within ten":  {nil, "2026-11-27T03:10:00Z", "2026-11-28T03:00:00Z", true, "queued"},
		"late":        {nil, "2026-11-27T04:00:00Z", "2026-11-28T03:00:00Z", true, "queued late: the run due at 2026-11-27T03:00:00Z was missed"},
		"days late":   {nil, "2026-11-30T04:00:00Z", "2026-12-01T03:00:00Z", true, "queued; makes up for 4 missed runs since 2026-11-27T03:00:00Z"},
		"much late":   {func(s *fleet.Schedule) { s.Cron = "TZ=UTC * * * * *" }, "2026-11-30T04:00:00Z", "2026-11-30T04:01:00Z", true, "queued; makes up for more than 1000 missed runs"},
		"not made up": {func(s *fleet.Schedule) { s.Missed = fleet.MissedNone }, "2026-11-27T04:00:00Z", "2026-11-28T03:00:00Z", false, "skipped: the run due at 2026-11-27T03:00:00Z was missed, it was only found at 2026-11-27T04:00:00Z"},
		"none, on time": {
			func(s *fleet.Schedule) { s.Missed = fleet.MissedNone }, "2026-11-27T03:09:00Z", "2026-11-28T03:00:00Z", true, "queued",
		},
		"late into a blackout": {
			func(s *fleet.Schedule) { s.Blackouts = []string{"Fri 04:00-05:30"} }, "2026-11-27T04:00:00Z", "2026-11-27T05:30:00Z", false,
			"the run due at 2026-11-27T03:00:00Z is held until 2026-11-27T05:30:00Z: blackout Fri 04:00-05:30",
		},
		"held": {
			func(s *fleet.Schedule) {
				s.Blackouts, s.NextRun = []string{"Fri 01:00-05:30"}, s.NextRun.Add(150*time.Minute)
			}, "2026-11-27T05:30:00Z", "2026-11-28T03:00:00Z", true,
			"queued; the run due at 2026-11-27T03:00:00Z was held by the blackout Fri 01:00-05:30",
		},
		"left out in a blackout": {
			func(s *fleet.Schedule) { s.Blackouts, s.Missed = []string{"Fri 01:00-05:30"}, fleet.MissedNone }, "2026-11-27T03:00:00Z", "2026-11-28T03:00:00Z", false,
			"skipped: the run due at 2026-11-27T03:00:00Z falls into the blackout Fri 01:00-05:30",
		},
		"of the release before": {func(s *fleet.Schedule) { s.NextDue = time.Time{} }, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", true, "queued"},
		"busy": {
			func(s *fleet.Schedule) { s.LastTask, s.LastState = 7, fleet.Running }, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", false,
			"skipped: task 7 of the same schedule is still running",
		},
		"busy, queue": {
			func(s *fleet.Schedule) { s.LastTask, s.LastState, s.Overlap = 7, fleet.Running, fleet.OverlapQueue }, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", true,
			"waits until task 7 of the same schedule is over",
		},
		"one waits already": {
			func(s *fleet.Schedule) {
				s.LastTask, s.LastState, s.Overlap, s.Waiting = 7, fleet.Running, fleet.OverlapQueue, 8
			}, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", false, "skipped: task 8 of the same schedule waits already",
		},
		"busy, cancel": {
			func(s *fleet.Schedule) {
				s.LastTask, s.LastState, s.Overlap, s.Waiting = 7, fleet.Running, fleet.OverlapCancel, 8
			}, "2026-11-27T03:00:01Z", "2026-11-28T03:00:00Z", true, "queued; task 7 of the same schedule was cancelled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := schedule(1, "TZ=UTC 0 3 * * *", moment(t, "2026-11-27T03:00:00Z")) // a Friday
			s.NextDue, s.Overlap, s.Missed = s.NextRun, fleet.OverlapSkip, fleet.MissedOnce
			if c.change != nil {
				c.change(&s)
			}
			f := decide(s, moment(t, c.now))
			if !f.NextRun.Equal(moment(t, c.next)) || (f.Task != nil) != c.queued || !strings.HasPrefix(f.Outcome, c.outcome) || strings.HasPrefix(c.outcome, "skipped") != (f.Skipped != "") {
				t.Errorf("%+v", f)
			}
			if want := s.Overlap == fleet.OverlapQueue && c.queued; (f.Behind == 7) != want {
				t.Errorf("behind %d", f.Behind)
			}
			if want := s.Overlap == fleet.OverlapCancel; slices.Equal(f.Cancel, []fleet.TaskID{8, 7}) != want {
				t.Errorf("cancels %v", f.Cancel)
			}
		})
	}
}

// A held run that is due again within the window is one run.
func TestHeldRunsAreOne(t *testing.T) {
	now := moment(t, "2026-11-27T08:00:00Z") // a Friday
	s := schedule(1, "TZ=UTC */10 * * * *", now)
	s.NextDue, s.Missed, s.Blackouts = now, fleet.MissedOnce, []string{"Mon-Fri 08:00-18:00"}
	m := newMemory(func() time.Time { return now }, s)
	for ; now.Before(moment(t, "2026-11-27T18:15:00Z")); now = now.Add(time.Minute) {
		if err := tick(t, m); err != nil {
			t.Fatal(err)
		}
	}
	var runs []string
	for _, f := range m.fired {
		if f.Task != nil {
			runs = append(runs, f.At.Format("15:04"))
		}
	}
	if !slices.Equal(runs, []string{"18:00", "18:10"}) {
		t.Errorf("ran at %v", runs)
	}
}

// Exactly one run waits behind a task that takes long, and begins when that is over.
func TestOneRunWaits(t *testing.T) {
	now := start
	s := schedule(1, "TZ=UTC */5 * * * *", now)
	s.Overlap = fleet.OverlapQueue
	m := newMemory(func() time.Time { return now }, s)
	m.begin = fleet.Running
	for range 59 {
		if err := tick(t, m); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	first, waits := m.schedules[1].LastTask, m.schedules[1].Waiting
	if len(m.tasks) != 2 || waits == 0 || m.tasks[waits].State != fleet.Queued {
		t.Fatalf("tasks %v, waiting %d", m.tasks, waits)
	}
	m.end(first, fleet.Failed)
	if err := tick(t, m); err != nil || m.schedules[1].LastTask != waits || m.schedules[1].Waiting != 0 {
		t.Errorf("%+v, %v", m.schedules[1], err)
	}
}

// One schedule that cannot be fired keeps none of its batch from it.
func TestOneBadOfABatch(t *testing.T) {
	now := start
	var all []fleet.Schedule
	for id := range fleet.ScheduleID(40) {
		all = append(all, schedule(id+1, "TZ=UTC */5 * * * *", now))
	}
	m := newMemory(still(&now), all...)
	m.refuse = func(s fleet.Schedule) error {
		if s.ID == 17 {
			return errBad
		}
		return nil
	}
	err := tick(t, m)
	if err == nil || !strings.Contains(err.Error(), "schedule 17 (repo sync pulp-1)") || len(m.fired) != 39 {
		t.Errorf("%d fired, %v", len(m.fired), err)
	}
}
