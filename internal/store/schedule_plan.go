// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// plan gives the schedule's plan. Rules that cannot be read never run.
func (r scheduleRow) plan() cron.Plan {
	rules := cron.Rules{Cron: r.Cron, Jitter: r.Jitter, Seed: r.ID, Drop: fleet.Missed(r.Missed) == fleet.MissedNone}
	if r.Blackouts != "" {
		rules.Blackouts = strings.Split(r.Blackouts, "\n")
	}
	p, err := cron.ParsePlan(rules)
	if err != nil {
		return cron.Plan{}
	}
	return p
}

// planned sets when the schedule runs next, seen from a moment. A run that has come or been put off already stays: it
// happens, though its rules may be others by now.
func (r *scheduleRow) planned(now time.Time) {
	base := now
	if r.PausedUntil.After(now) {
		base = r.PausedUntil
	}
	switch {
	case !r.PausedAt.IsZero() && r.PausedUntil.IsZero():
		r.NextRun, r.NextDue = time.Time{}, time.Time{}
		return
	case !r.NextRun.IsZero() && !r.NextRun.After(now):
		return
	case !r.NextRun.IsZero() && !r.NextDue.IsZero() && !r.NextDue.After(base):
		if run := r.plan().Run(r.NextDue); !run.Due.IsZero() && !run.Dropped && run.At.Before(r.NextRun) {
			r.NextRun = latest(run.At, base)
		}
		return
	}
	r.coming(base)
}

// coming sets that the schedule runs next at its first run that is due after a moment.
func (r *scheduleRow) coming(after time.Time) {
	run := r.plan().Coming(after, after)
	r.NextRun, r.NextDue = run.At, run.Due
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lockSchedule reads a schedule, keeps others from changing it, and gives the database's time; NotFound.
func lockSchedule(ctx context.Context, t tx, id fleet.ScheduleID) (scheduleRow, time.Time, error) {
	var rows []scheduleRow
	if err := t.locked(whole(t.NewSelect().Model(&rows)), toChange, "sc").Where("sc.id = ?", id).Scan(ctx); err != nil {
		return scheduleRow{}, time.Time{}, err
	}
	if len(rows) == 0 {
		return scheduleRow{}, time.Time{}, noSchedule(id)
	}
	now, err := t.read(ctx, t)
	return rows[0], now, err
}
