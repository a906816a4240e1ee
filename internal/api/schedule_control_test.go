// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestRunScheduleNow(t *testing.T) {
	m := newMemory()
	h := New(m.options())
	got := ask(t, h, http.MethodPost, "/v1/schedules/2/run", "")
	if task := m.tasks[len(m.tasks)-1]; got.status != http.StatusCreated || !strings.Contains(got.body, `"state":"queued"`) || task.Kind != fleet.KindRepoGroupSync || task.Server != 2 {
		t.Errorf("answered %d: %s; queued %+v", got.status, got.body, task)
	}
	m.schedules[1].LastState = fleet.Running
	if got := ask(t, h, http.MethodPost, "/v1/schedules/2/run", ""); got.status != http.StatusConflict || !strings.Contains(got.body, "task 1 of the same schedule is still running") {
		t.Errorf("while it runs: answered %d: %s", got.status, got.body)
	}
	for target, want := range map[string]int{"/v1/schedules/99/run": http.StatusNotFound, "/v1/schedules/x/run": http.StatusUnprocessableEntity} {
		if got := ask(t, h, http.MethodPost, target, ""); got.status != want {
			t.Errorf("%s: answered %d: %s", target, got.status, got.body)
		}
	}
}

func TestPauseAndResumeSchedule(t *testing.T) {
	m := newMemory()
	h := New(m.options())
	got := ask(t, h, http.MethodPost, "/v1/schedules/2/pause", `{"reason":"moving house","until":"2026-11-30T06:00"}`)
	want := fleet.Pause{At: day, Reason: "moving house", Until: time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)}
	if got.status != http.StatusOK || m.schedules[1].Pause != want || !strings.Contains(got.body, `"paused":true`) ||
		!strings.Contains(got.body, `"paused_until":"2026-11-30T06:00:00Z","paused_by":null,"pause_reason":"moving house"`) {
		t.Errorf("answered %d: %s; pause %+v", got.status, got.body, m.schedules[1].Pause)
	}
	if got := ask(t, h, http.MethodPost, "/v1/schedules/2/resume", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"paused":false`) || !m.schedules[1].Pause.At.IsZero() {
		t.Errorf("answered %d: %s", got.status, got.body)
	}
	for body, says := range map[string]string{
		"": "body", `{}`: "body.reason", `{"reason":""}`: "body.reason", `{"reason":"x","until":"tomorrow"}`: "body.until", `{"reason":"x","till":"2026-11-30"}`: "body.till",
	} {
		if got := ask(t, h, http.MethodPost, "/v1/schedules/2/pause", body); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, says) {
			t.Errorf("%s: answered %d: %s", body, got.status, got.body)
		}
	}
	if got := ask(t, h, http.MethodPost, "/v1/schedules/99/pause", `{"reason":"x"}`); got.status != http.StatusNotFound {
		t.Errorf("answered %d: %s", got.status, got.body)
	}
}

// The next runs are those that happen; the planned ones tell of all that are due.
func TestNextRunsShowJitterAndBlackouts(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	s := fleet.Schedule{
		ID: 3, Cron: "TZ=UTC 0 */6 * * *", Blackouts: []string{"Mon-Fri 08:00-17:00"}, Missed: fleet.MissedOnce,
		NextRun: at("2026-11-27T06:00:00Z"), NextDue: at("2026-11-27T06:00:00Z"), // a Friday
	}
	runs, planned := runsOf(s)
	if len(runs) != nextRuns || len(planned) != nextRuns || !runs[1].Equal(at("2026-11-27T17:00:00Z")) || !planned[1].Due.Equal(at("2026-11-27T12:00:00Z")) ||
		planned[1].Blackout == nil || *planned[1].Blackout != "Mon-Fri 08:00-17:00" {
		t.Errorf("held: %v, %+v", runs, planned)
	}
	s.Missed = fleet.MissedNone
	runs, planned = runsOf(s)
	if !runs[1].Equal(at("2026-11-27T18:00:00Z")) || planned[1].Run != nil || planned[1].Blackout == nil || len(runs) != nextRuns {
		t.Errorf("left out: %v, %+v", runs, planned)
	}
	s.Blackouts, s.Jitter = nil, 2*time.Hour
	s.NextRun = s.NextRun.Add(time.Minute)
	runs, planned = runsOf(s)
	late := 0
	for _, p := range planned[1:] {
		by := p.Run.Sub(p.Due)
		if by < 0 || by >= s.Jitter {
			t.Errorf("put off by %s", by)
		}
		if by > 0 {
			late++
		}
	}
	if !slices.IsSortedFunc(runs, time.Time.Compare) || late < 5 || !runs[0].Equal(s.NextRun) {
		t.Errorf("with jitter: %v", runs)
	}
}
