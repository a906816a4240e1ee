// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// scheduleTarget is what there is one schedule of: a server's group, or its registration.
type scheduleTarget struct{ server, group int64 }

// putSchedules makes the schedules those of the configuration (D10). What they did last, and a pause, stay. One whose rules are
// as before keeps its next run; with other rules a run that has come already still happens.
func (a *application) putSchedules(ctx context.Context) error {
	var there []scheduleRow
	// Locked: one that fires now has moved on before or after, never in between.
	if err := a.locked(a.NewSelect().Model(&there), toChange, "sc").OrderExpr("sc.id").Scan(ctx); err != nil {
		return err
	}
	now, err := a.clock.read(ctx, a)
	if err != nil {
		return err
	}
	old := map[scheduleTarget]scheduleRow{}
	for _, r := range there {
		old[scheduleTarget{r.ServerID, r.GroupID}] = r
	}
	for _, c := range a.wanted.Schedules {
		target, err := a.target(c)
		if err != nil {
			return err
		}
		have, found := old[target]
		delete(old, target)
		if err := a.putSchedule(ctx, c, target, have, found, now); err != nil {
			return err
		}
	}
	for _, r := range old {
		if _, err := a.NewDelete().Model(&r).WherePK().Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *application) target(c fleet.ConfiguredSchedule) (scheduleTarget, error) {
	server, ok := a.servers[string(c.ServerName)]
	if !ok || !a.keeps(string(c.ServerName)) {
		return scheduleTarget{}, fault.New(fault.Invalid, "a schedule is for server %s, which is not configured", c.ServerName)
	}
	target := scheduleTarget{server: server.ID}
	if c.GroupName != "" {
		target.group = a.groups[c.GroupName].ID
		if target.group == 0 {
			return target, fault.New(fault.Invalid, "a schedule of server %s is for group %s, which is not defined", c.ServerName, c.GroupName)
		}
	}
	return target, nil
}

func (a *application) putSchedule(ctx context.Context, c fleet.ConfiguredSchedule, target scheduleTarget, have scheduleRow, found bool, now time.Time) error {
	want := wantedSchedule(have, c.Schedule)
	want.ServerID, want.GroupID = target.server, target.group
	again := !found || want.rules() != have.rules() || have.NextRun.IsZero() && have.PausedAt.IsZero()
	if again {
		want.replanned(c.Schedule, now)
	}
	if found && want == have {
		return nil
	}
	a.changed[string(c.ServerName)] = true
	if err := a.put(ctx, &want, found); err != nil {
		return err
	}
	if found || want.Jitter == 0 || !c.Schedule.NextRun.IsZero() {
		return nil
	}
	want.coming(now) // the jitter depends on the id, which there was none of before
	_, err := a.NewUpdate().Model(&want).Column("next_run", "next_due").WherePK().Exec(ctx)
	return err
}

// replanned sets when a schedule with other rules runs next: as the configuration says where it does.
func (r *scheduleRow) replanned(wanted fleet.Schedule, now time.Time) {
	come := !r.NextRun.IsZero() && !r.NextRun.After(now)
	if !wanted.NextRun.IsZero() && !come && r.PausedAt.IsZero() {
		r.NextRun, r.NextDue = wanted.NextRun, cmp.Or(wanted.NextDue, wanted.NextRun)
		return
	}
	r.planned(now)
}

// rules are what decides when a schedule runs.
func (r scheduleRow) rules() [3]any {
	return [3]any{r.Cron, r.Jitter, r.Missed + "\n" + r.Blackouts}
}

func wantedSchedule(have scheduleRow, s fleet.Schedule) scheduleRow {
	want := have
	want.Kind, want.Cron, want.TaskName, want.Args, want.MaxRuntime = string(s.Kind), s.Cron, s.TaskName, string(s.Args), s.MaxRuntime
	if want.Args == "" {
		want.Args = "{}"
	}
	want.Jitter, want.Blackouts = s.Jitter, strings.Join(s.Blackouts, "\n")
	want.Overlap, want.Missed = string(cmp.Or(s.Overlap, fleet.OverlapSkip)), string(cmp.Or(s.Missed, fleet.MissedOnce))
	return want
}
