// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var scheduleChanges = []contract{
	{name: "a configuration plans new schedules on the store's clock", check: schedulePlanned},
	{name: "a new cron text does not lose a run that is due", check: scheduleDueSurvives},
	{name: "a run that is put off survives a new cron text", check: scheduleHeldSurvives},
	{name: "a schedule that is gone and comes back begins anew", check: scheduleComesBack},
}

// configured applies a configuration with one schedule, and gives that.
func (w *world) configured(hash string, s fleet.Schedule) fleet.Schedule {
	w.Helper()
	s.Kind, s.TaskName, s.MaxRuntime = fleet.KindRegister, "a.test repo registration", time.Hour
	c := config(hash, "a.test")
	c.Schedules = []fleet.ConfiguredSchedule{{ServerName: "a.test", Schedule: s}}
	w.ok(second(w.Apply(w.ctx, c, true)))
	all := value(w.FindSchedules(w.ctx, 0))(w)
	if len(all) != 1 {
		w.Fatalf("schedules %+v", all)
	}
	return all[0]
}

func schedulePlanned(w *world) {
	rules := fleet.Schedule{Cron: "TZ=UTC 0 */6 * * *", Jitter: 3 * time.Hour, Blackouts: []string{"Mon,Tue 01:00-02:00", "2031-01-01..2031-02-01"}, Overlap: fleet.OverlapQueue, Missed: fleet.MissedNone}
	s := w.configured("planned", rules)
	plan, err := cron.ParsePlan(cron.Rules{Cron: s.Cron, Jitter: s.Jitter, Seed: int64(s.ID), Blackouts: s.Blackouts, Drop: true})
	w.ok(err)
	want := plan.Coming(s.NextRun.Add(-time.Microsecond), time.Time{})
	if !s.NextRun.Equal(want.At) || !s.NextDue.Equal(want.Due) || !s.NextRun.After(time.Now()) || time.Until(s.NextDue) > 6*time.Hour {
		w.Errorf("%+v, want %+v", s, want)
	}
	if s.Jitter != rules.Jitter || s.Overlap != rules.Overlap || s.Missed != rules.Missed || len(s.Blackouts) != 2 || s.Blackouts[1] != rules.Blackouts[1] {
		w.Errorf("rules %+v", s)
	}
	rules.Jitter, rules.Blackouts, rules.Overlap, rules.Missed = 0, nil, "", ""
	plain := w.configured("plain", rules)
	if plain.ID != s.ID || plain.Overlap != fleet.OverlapSkip || plain.Missed != fleet.MissedOnce || plain.Blackouts != nil || !plain.NextRun.Equal(plain.NextDue) {
		w.Errorf("plain: %+v", plain)
	}
}

func scheduleDueSurvives(w *world) {
	s := w.due(time.Minute)[0]
	for _, text := range []string{"TZ=UTC 0 4 * * *", "TZ=UTC 0 5 1 1 *"} {
		changed := w.configured("changed to "+text, fleet.Schedule{Cron: text})
		if changed.ID != s.ID || !changed.NextRun.Equal(s.NextRun) || changed.Cron != text {
			w.Errorf("a run that is due: %+v", changed)
		}
	}
	n := newTask("run")
	if !w.fire(s, time.Now().Add(time.Hour), &n, "") {
		w.Error("not fired by who read it before")
	}
	changed := w.configured("changed when nothing is due", fleet.Schedule{Cron: "TZ=UTC 0 4 * * *"})
	if wait := time.Until(changed.NextRun); wait <= 0 || wait > 24*time.Hour || changed.NextRun.UTC().Hour() != 4 || changed.LastTask == 0 {
		w.Errorf("nothing due: %+v", changed)
	}
}

func scheduleHeldSurvives(w *world) {
	s := w.due(time.Minute)[0]
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.ok(second(w.Fire(w.ctx, []fleet.Firing{{Schedule: s, NextRun: later, NextDue: s.NextRun, Outcome: "held"}})))
	changed := w.configured("held", fleet.Schedule{Cron: "TZ=UTC 0 5 1 1 *", Blackouts: []string{"2001-01-01"}})
	if changed.NextRun.After(time.Now().Add(time.Minute)) || !changed.NextDue.Equal(s.NextRun) {
		w.Errorf("nothing holds it any more: %+v", changed)
	}
}

func scheduleComesBack(w *world) {
	s := w.due(time.Minute)[0]
	w.ok(second(w.PauseSchedule(w.ctx, s.ID, fleet.Pause{Reason: "freeze"})))
	w.ok(second(w.Apply(w.ctx, config("gone", "a.test"), true)))
	if all := value(w.FindSchedules(w.ctx, 0))(w); len(all) != 0 {
		w.Fatalf("schedules %+v", all)
	}
	back := w.configured("back", fleet.Schedule{Cron: "TZ=UTC 0 3 * * *"})
	if back.ID == s.ID || !back.NextRun.After(time.Now()) || !back.Pause.At.IsZero() {
		w.Errorf("back: %+v", back)
	}
}
