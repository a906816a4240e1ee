// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	checkEach = 10 * time.Minute // of the database's clock
	setBack   = time.Minute      // a clock that is so much earlier than before was set
)

// toCheck tells whether next runs must be checked: now and then, and whenever the database's clock was set back.
func (s *Scheduler) toCheck(now time.Time) bool {
	back := now.Before(s.seen.Add(-setBack))
	if back {
		s.log.Warn("the database's clock was set back", "from", s.seen, "to", now)
	}
	s.seen = now
	return back || s.checked.IsZero() || now.Before(s.checked) || now.Sub(s.checked) >= checkEach
}

// check finds schedules whose next run was worked out while the clock was wrong and is later, by more than a period, than the
// one to be expected, and gives them that one.
func (s *Scheduler) check(ctx context.Context, now time.Time) error {
	all, err := s.schedules.FindSchedules(ctx, 0)
	if err != nil {
		return err
	}
	for _, schedule := range all {
		f, wrong := astray(schedule, now)
		if !wrong {
			continue
		}
		fired, err := s.schedules.Fire(ctx, []fleet.Firing{f})
		if err != nil {
			return err
		}
		if fired[0] {
			s.log.Warn("next run was too far away", "schedule", schedule.ID, "name", schedule.TaskName, "was", schedule.NextRun, "next", f.NextRun)
		}
	}
	s.checked = now
	return nil
}

// astray gives the change of a schedule whose next run is too far away.
func astray(schedule fleet.Schedule, now time.Time) (fleet.Firing, bool) {
	base := now
	if schedule.Pause.Until.After(base) {
		base = schedule.Pause.Until
	}
	if !schedule.NextRun.After(base) { // never, or due
		return fleet.Firing{}, false
	}
	plan, err := planOf(schedule)
	if err != nil {
		return fleet.Firing{}, false
	}
	done := schedule.LastDue
	if done.After(base) {
		done = time.Time{}
	}
	next := plan.Coming(base, done)
	if next.At.IsZero() || !schedule.NextRun.After(next.At.Add(plan.Gap(next.Due))) {
		return fleet.Firing{}, false
	}
	return fleet.Firing{
		Schedule: schedule, NextRun: next.At, NextDue: next.Due,
		Outcome: "the next run was set anew, because the clock was wrong when it was worked out: it was " + schedule.NextRun.Format(time.RFC3339),
	}, true
}
