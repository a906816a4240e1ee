// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// scheduled gives a daemon with one schedule, which has the id 1.
func scheduled(t *testing.T) *fakeDaemon {
	t.Helper()
	d := startDaemon(t)
	_, err := d.store.Apply(t.Context(), fleet.Configuration{
		Hash: "scheduled", Servers: []fleet.ConfiguredServer{{Server: d.primary}, {Server: fleet.Server{Name: "secondary.example.com", Username: "admin"}}},
		Schedules: []fleet.ConfiguredSchedule{{ServerName: d.primary.Name, Schedule: fleet.Schedule{
			Kind: fleet.KindRegister, Cron: "TZ=UTC 0 3 1 1 *", TaskName: "primary.example.com repo registration", MaxRuntime: time.Hour,
			Jitter: time.Hour, Overlap: fleet.OverlapSkip, Blackouts: []string{"Sun"},
		}}},
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestScheduleVerbs(t *testing.T) {
	d := scheduled(t)
	for _, step := range []struct {
		args  string
		exit  int
		wants []string
	}{
		{"schedules show 1", 0, []string{"cron       TZ=UTC 0 3 1 1 *", "jitter     1h0m0s", "blackouts  Sun", "DUE", "-01-01 03:00:00Z", "paused     -"}},
		{"schedules run 1", 0, []string{"task 1 queued: primary.example.com repo registration", "tasks 1 --watch"}},
		{"schedules run 1", client.ExitConflict, []string{"task 1 of the same schedule is still queued"}},
		{"schedules pause 1", client.ExitInvalid, []string{"--reason is missing"}},
		{"schedules pause 1 --reason freeze --until 2001-01-01", client.ExitInvalid, []string{"which is over"}},
		{"schedules pause 1 --reason freeze", 0, []string{"schedule 1 is paused since", "until it is resumed: freeze"}},
		{"schedules", 0, []string{"paused"}},
		{"schedules show 1", 0, []string{"outcome    queued", "task       1", "paused     since"}},
		{"cancel 1", 0, []string{"canceled"}},
		{"schedules run 1 -q", 0, []string{"2\n"}}, // also while it is paused
		{"schedules pause 1 --reason freeze --until 2099-06-01T06:00", 0, []string{"until 2099-06-01 06:00:00Z: freeze"}},
		{"schedules", 0, []string{"2100-01-01", "(paused)"}},
		{"schedules resume 1", 0, []string{"schedule 1 runs next at "}},
		{"schedules resume 1 -q", 0, nil},
		{"schedules run 9", client.ExitNotFound, []string{"there is no schedule 9"}},
		{"schedules pause x --reason y", client.ExitInvalid, []string{`"x" is not the id of a schedule`}},
	} {
		out, err := d.run(t, strings.Fields(step.args)...)
		if exitCode(err) != step.exit {
			t.Fatalf("%s: exit %d, want %d: %v", step.args, exitCode(err), step.exit, err)
		}
		if err != nil {
			out += err.Error()
		}
		for _, want := range step.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is not in:\n%s", step.args, want, out)
			}
		}
	}
	var s client.ScheduleDetail
	out, err := d.run(t, "schedules", "show", "1", "-o", "json")
	if err != nil || json.Unmarshal([]byte(out), &s) != nil || len(s.NextRuns) != 10 || s.Paused || len(s.Planned) != 10 {
		t.Errorf("%v: %s", err, out)
	}
}
