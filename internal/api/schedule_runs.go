// SPDX-License-Identifier: Apache-2.0

package api

import (
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// PlannedRun is a run that is to come.
type PlannedRun struct {
	Due      time.Time  `json:"due" doc:"When it is due by the cron text."`
	Run      *time.Time `json:"run" doc:"When it happens: later by jitter and blackouts. Null: it falls into a blackout and is left out."`
	Blackout *string    `json:"blackout" doc:"The blackout that it falls into; null: none."`
}

// nextRuns is how many runs a schedule shows.
const nextRuns = 10

// runsOf gives the next runs of a schedule that happen, and the next ones with those that do not.
func runsOf(s fleet.Schedule) (runs []time.Time, planned []PlannedRun) {
	runs, planned = []time.Time{}, []PlannedRun{}
	plan, err := cron.ParsePlan(cron.Rules{
		Cron: s.Cron, Jitter: s.Jitter, Seed: int64(s.ID), Blackouts: s.Blackouts, Drop: s.Missed == fleet.MissedNone,
	})
	if err != nil || s.NextRun.IsZero() { // with rules that cannot be read it has no next run either
		return runs, planned
	}
	first := cron.Run{Due: s.NextRun, At: s.NextRun}
	if !s.NextDue.IsZero() {
		first.Due = s.NextDue
	}
	if run := plan.Run(first.Due); run.At.Equal(first.At) {
		first = run
	}
	for r := first; !r.At.IsZero() && len(planned) < nextRuns; r = plan.Coming(r.At, r.Due) {
		p := PlannedRun{Due: r.Due.UTC(), Run: timeOrNull(r.At), Blackout: textOrNull(r.Blackout)}
		if r.Dropped {
			p.Run = nil
		}
		planned = append(planned, p)
	}
	if first.Dropped {
		first = plan.After(first.At, first.Due)
	}
	for r := first; !r.At.IsZero() && len(runs) < nextRuns; r = plan.After(r.At, r.Due) {
		runs = append(runs, r.At.UTC())
	}
	return runs, planned
}
