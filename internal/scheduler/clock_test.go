// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var errBad = errors.New("it cannot be stored")

// A clock that jumps forward finds what is due once, and no storm; one that is set back runs nothing twice.
func TestClockJumps(t *testing.T) {
	now := moment(t, "2026-11-27T12:00:00Z")
	m := newMemory(func() time.Time { return now }, schedule(1, "TZ=UTC 0 * * * *", now), schedule(2, "TZ=UTC 30 3 * * *", moment(t, "2026-11-28T03:30:00Z")))
	s := New(m, slog.New(slog.DiscardHandler))
	look := func(text string, want int) {
		t.Helper()
		now = moment(t, text)
		before := len(m.fired)
		for range 3 {
			if err := s.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(m.fired) - before; got != want {
			t.Errorf("at %s: %d fired, want %d: %+v", text, got, want, m.fired[before:])
		}
	}
	look("2026-11-27T12:00:00Z", 1)
	look("2026-11-30T09:15:00Z", 2) // three days later: each once
	look("2026-11-30T08:45:00Z", 0) // half an hour back: nothing again
	look("2026-11-30T09:59:00Z", 0)
	look("2026-11-30T10:00:00Z", 1)
	look("2026-11-30T10:01:00Z", 0)
}

// A next run that was worked out while the clock was years ahead is worked out again when it is right.
func TestNextRunIsNotStuckInTheFuture(t *testing.T) {
	now := moment(t, "2031-01-01T00:00:00Z")
	m := newMemory(func() time.Time { return now }, schedule(1, "TZ=UTC 0 3 * * *", now), schedule(2, "TZ=UTC 0 3 1 * *", now), schedule(3, "bogus", time.Time{}))
	s := New(m, slog.New(slog.DiscardHandler))
	if err := s.Tick(t.Context()); err != nil || len(m.fired) != 2 {
		t.Fatalf("%v: %+v", err, m.fired)
	}
	now = moment(t, "2026-11-27T12:00:00Z")
	if err := s.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[fleet.ScheduleID]string{1: "2026-11-28T03:00:00Z", 2: "2026-12-01T03:00:00Z"} {
		if got := m.schedules[id]; !got.NextRun.Equal(moment(t, want)) || got.LastOutcome == "queued" {
			t.Errorf("schedule %d: %+v, want %s", id, got, want)
		}
	}
	if never := m.schedules[3]; !never.NextRun.IsZero() {
		t.Errorf("%+v", never)
	}
	// One that began after the clock was right again sees it too; a pause is no wrong clock.
	paused := m.schedules[1]
	paused.Pause = fleet.Pause{At: now, Until: moment(t, "2026-12-20T00:00:00Z")}
	paused.NextRun, paused.NextDue = moment(t, "2026-12-20T03:00:00Z"), moment(t, "2026-12-20T03:00:00Z")
	wrong := m.schedules[2]
	wrong.NextRun = moment(t, "2040-01-01T03:00:00Z")
	m.schedules[1], m.schedules[2] = paused, wrong
	if err := tick(t, m); err != nil || !m.schedules[2].NextRun.Equal(moment(t, "2026-12-01T03:00:00Z")) || !m.schedules[1].NextRun.Equal(paused.NextRun) {
		t.Errorf("%v: %+v", err, m.schedules)
	}
}
