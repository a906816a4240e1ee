// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// planOf reads a schedule's rules.
func planOf(s fleet.Schedule) (cron.Plan, error) {
	return cron.ParsePlan(cron.Rules{
		Cron: s.Cron, Jitter: s.Jitter, Seed: int64(s.ID), Blackouts: s.Blackouts, Drop: s.Missed == fleet.MissedNone,
	})
}

// decide says what becomes of a schedule that is due. It is the only place that does.
func decide(s fleet.Schedule, now time.Time) fleet.Firing {
	f := fleet.Firing{Schedule: s}
	due := dueOf(s)
	plan, err := planOf(s)
	if err == nil { // else never again, with rules that cannot be read
		if window, until := plan.Held(now); window != "" && s.Missed != fleet.MissedNone && !until.IsZero() {
			f.NextRun, f.NextDue, f.Outcome = until, due, held(due, until, window)
			return f
		}
		next := plan.Coming(now, due)
		f.NextRun, f.NextDue = next.At, next.Due
	}
	if f.Skipped = skipped(s, plan, due, now); f.Skipped == "" {
		f.Skipped = overlap(s, &f)
	}
	if f.Skipped != "" {
		f.Behind, f.Cancel, f.Outcome = 0, nil, f.Skipped
		return f
	}
	f.Task = &fleet.NewTask{
		Name: s.TaskName, Kind: s.Kind, Args: s.Args, Server: s.Server, Schedule: s.ID, MaxRuntime: s.MaxRuntime,
	}
	if f.Outcome == "" {
		f.Outcome = string(fleet.Queued) + late(s, plan, due, now)
	}
	return f
}

// dueOf gives when a schedule's run is due by its cron text.
func dueOf(s fleet.Schedule) time.Time {
	if s.NextDue.IsZero() || s.NextDue.After(s.NextRun) { // the release before stores none
		return s.NextRun
	}
	return s.NextDue
}

func held(due, until time.Time, window string) string {
	return fmt.Sprintf("the run due at %s is held until %s: blackout %s", due.Format(time.RFC3339), until.Format(time.RFC3339), window)
}

// skipped says why a run that no other one makes up for is left out: it is too late, or in a blackout.
func skipped(s fleet.Schedule, plan cron.Plan, due, now time.Time) string {
	if s.Missed != fleet.MissedNone || plan.String() == "" {
		return ""
	}
	if run := plan.Run(due); run.Dropped && run.At.Equal(s.NextRun) {
		return fmt.Sprintf("skipped: the run due at %s falls into the blackout %s", due.Format(time.RFC3339), run.Blackout)
	}
	if plan.Missed(due, s.NextRun, now) {
		return fmt.Sprintf("skipped: the run due at %s was missed, it was only found at %s (schedule_missed is none)", due.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if window, _ := plan.Held(now); window != "" {
		return fmt.Sprintf("skipped: the run due at %s would fall into the blackout %s", due.Format(time.RFC3339), window)
	}
	return ""
}

// overlap says why a schedule must not run now, or what becomes of its previous task, which is not over.
func overlap(s fleet.Schedule, f *fleet.Firing) string {
	o := s.Overlapping()
	switch f.Behind, f.Cancel = o.Behind, o.Cancel; {
	case o.Why != "":
		return "skipped: " + o.Why
	case o.Behind != 0:
		f.Outcome = fmt.Sprintf("waits until task %d of the same schedule is over", o.Behind)
	case len(o.Cancel) > 0:
		f.Outcome = fmt.Sprintf("queued; task %d of the same schedule was cancelled", o.Cancel[len(o.Cancel)-1])
	}
	return ""
}

// mostMissed is how many missed runs are counted.
const mostMissed = 1000

// late says of a run that is late why, and how many it makes up for.
func late(s fleet.Schedule, plan cron.Plan, due, now time.Time) string {
	if plan.String() == "" {
		return ""
	}
	if plan.Missed(due, s.NextRun, now) {
		switch n := plan.Count(due, now, mostMissed); {
		case n == 0:
			return fmt.Sprintf(" late: the run due at %s was missed", due.Format(time.RFC3339))
		case n == mostMissed:
			return fmt.Sprintf("; makes up for more than %d missed runs since %s", n, due.Format(time.RFC3339))
		default:
			return fmt.Sprintf("; makes up for %d missed runs since %s", n+1, due.Format(time.RFC3339))
		}
	}
	if run := plan.Run(due); run.Blackout != "" {
		return fmt.Sprintf("; the run due at %s was held by the blackout %s", due.Format(time.RFC3339), run.Blackout)
	}
	return ""
}
