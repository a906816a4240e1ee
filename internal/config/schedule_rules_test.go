// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestScheduleRules(t *testing.T) {
	f := newFiles(t, smallINI, `
schedule_blackouts: [2026-12-20..2027-01-03]
pulp_servers:
  pulp1:
    credentials: c
    schedule_blackouts:
      - Sun
    repo_config_registration:
      schedule: "@daily"
      timezone: Europe/Berlin
      max_runtime: 1h
      schedule_missed: none
    repo_groups:
      g:
        schedule: " 0 3 * * * "
        schedule_jitter: 20m
        schedule_overlap: queue
        schedule_blackouts: ["Mon-Fri   08:00-18:00 Europe/Berlin"]
        max_concurrent_syncs: 2
        max_runtime: 6h
      h: {max_concurrent_syncs: 2, max_runtime: 6h, schedule: "TZ=UTC 0 4 * * *", schedule_jitter: 90, schedule_blackouts: }
  pulp2:
    credentials: c
    repo_groups:
      g: {max_concurrent_syncs: 2, max_runtime: 6h, schedule: 0 5 * * *}
credentials: {c: {username: u, vault_service_account_mount: m}}
repo_groups: {g: {}, h: {}}
`)
	c, err := Load(f.sources())
	if err != nil {
		t.Fatal(err)
	}
	want := []fleet.ConfiguredSchedule{
		{ServerName: "pulp1", GroupName: "g", Schedule: fleet.Schedule{
			Cron: "0 3 * * *", Jitter: 20 * time.Minute, Overlap: fleet.OverlapQueue, Blackouts: []string{"2026-12-20..2027-01-03", "Sun", "Mon-Fri 08:00-18:00 Europe/Berlin"},
		}},
		{ServerName: "pulp1", GroupName: "h", Schedule: fleet.Schedule{Cron: "TZ=UTC 0 4 * * *", Jitter: 90 * time.Second, Blackouts: []string{"2026-12-20..2027-01-03", "Sun"}}},
		{ServerName: "pulp1", Schedule: fleet.Schedule{Cron: "TZ=Europe/Berlin @daily", Missed: fleet.MissedNone, Blackouts: []string{"2026-12-20..2027-01-03", "Sun"}}},
		{ServerName: "pulp2", GroupName: "g", Schedule: fleet.Schedule{Cron: "0 5 * * *", Blackouts: []string{"2026-12-20..2027-01-03"}}},
	}
	ignore := cmpopts.IgnoreFields(fleet.Schedule{}, "Kind", "TaskName", "Args", "MaxRuntime")
	if diff := cmp.Diff(want, c.Fleet.Schedules, ignore); diff != "" {
		t.Error(diff)
	}
	if got := c.Fleet.Servers[0].Server.Registration.Schedule; got != "TZ=Europe/Berlin @daily" {
		t.Errorf("registration %q: health and lists must see its zone", got)
	}
}

func TestScheduleRuleProblems(t *testing.T) {
	const before = "pulp_servers:\n  p:\n    credentials: c\n    repo_groups:\n      g:\n        max_concurrent_syncs: 2\n        max_runtime: 1h\n"
	const after = "credentials: {c: {username: u, vault_service_account_mount: m}}\nrepo_groups: {g: {}}\n"
	for text, want := range map[string]string{
		"schedule: '@daily', timezone: Mars/Olympus":                                          `:9: server p: group g: timezone there is no time zone "Mars/Olympus"; write one such as Europe/Berlin or UTC`,
		"schedule: '@daily', timezone: Local":                                                 `:9: server p: group g: timezone there is no time zone "Local"`,
		"schedule: 'TZ=UTC @daily', timezone: Europe/Berlin":                                  `:9: server p: group g: timezone and "TZ=UTC @daily" both name a time zone (keep one of them)`,
		"schedule: '@daily', schedule_jitter: 2d":                                             `:9: server p: group g: schedule_jitter: "2d" is not a duration from one second to a day (write seconds ("300"), or a number with d, h, m or s ("20m"))`,
		"schedule: '@daily', schedule_jitter: -1":                                             `:9: server p: group g: schedule_jitter: "-1" is not a duration`,
		"schedule: '@daily', schedule_overlap: kill":                                          `:9: server p: group g: schedule_overlap must be one of skip, queue, cancel, not "kill"`,
		"schedule: '@daily', schedule_missed: all":                                            `:9: server p: group g: schedule_missed must be one of once, none, not "all"`,
		"schedule: '@daily', schedule_blackouts: Sun":                                         `:9: server p: group g: schedule_blackouts must be a list of windows, not text (write one "- Mon-Fri 08:00-18:00" a line below it)`,
		"schedule: '@daily', schedule_blackouts: [[Sun]]":                                     `:9: server p: group g: schedule_blackouts must be texts, not a list`,
		"schedule: '@daily', schedule_blackouts: [Someday]":                                   `:9: server p: group g: schedule_blackouts: window "Someday" cannot be read: "Someday" are no days of the week, hours or dates (write days and hours such as`,
		"schedule: '0 3 * * 1', schedule_missed: none, schedule_blackouts: [Mon 02:00-04:00]": `:8: server p: group g: schedule "0 3 * * 1" never runs: every run falls into a blackout (leave some time`,
		"schedule: '0 3 * * 1', schedule_blackouts: [00:00-24:00]":                            `:8: server p: group g: schedule "0 3 * * 1" never runs: every run falls into a blackout (leave some time`,
		"schedule_jitter: 5m":                                                                 `:8: warning: server p: group g: schedule_jitter has no effect without schedule (add schedule, or remove it)`,
	} {
		lines := ""
		for _, part := range strings.SplitAfter(text, "', ") {
			lines += "        " + strings.ReplaceAll(strings.TrimSuffix(part, ", "), ", schedule_b", "\n        schedule_b") + "\n"
		}
		f := newFiles(t, smallINI, before+lines+after)
		if got := strings.Join(f.problems(), "\n"); !strings.HasPrefix(got, "pulp_config.yml"+want) || strings.Contains(got, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", text, got, want)
		}
	}
}
