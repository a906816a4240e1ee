// SPDX-License-Identifier: Apache-2.0

// Package scheduler turns schedules into tasks. Any number of schedulers may run: each
// run of a schedule is claimed by one of them. All is decided on the database's clock.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// tickEach is how often a scheduler looks for schedules that are due; batch is how many it fires in one transaction.
const (
	tickEach = time.Second
	batch    = 250
)

// Scheduler queues tasks when their schedules are due.
type Scheduler struct {
	schedules fleet.Schedules
	log       *slog.Logger

	seen    time.Time // the database's clock when it was last looked at
	checked time.Time // and when the next runs were last checked
}

// New makes a scheduler.
func New(schedules fleet.Schedules, log *slog.Logger) *Scheduler {
	return &Scheduler{schedules: schedules, log: log}
}

// Run looks for due schedules until the context ends.
func (s *Scheduler) Run(ctx context.Context) {
	ticker := time.NewTicker(tickEach)
	defer ticker.Stop()
	for {
		if err := s.Tick(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("schedules not looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tick fires every schedule that is due now, each once, however many of its runs were missed. One that
// cannot be fired keeps none of the others from it.
func (s *Scheduler) Tick(ctx context.Context) error {
	if _, err := s.schedules.Tend(ctx); err != nil {
		return err
	}
	var errs []error
	for {
		due, now, err := s.schedules.DueSchedules(ctx, batch)
		if err == nil && s.toCheck(now) {
			err = s.check(ctx, now)
		}
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := s.fire(ctx, due, now); err != nil {
			errs = append(errs, err)
		}
		if len(due) < batch || len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
}

// fire moves schedules on: all in one transaction, or, where one of them is in the way, each in one of its own.
func (s *Scheduler) fire(ctx context.Context, due []fleet.Schedule, now time.Time) error {
	all := make([]fleet.Firing, len(due))
	for i, schedule := range due {
		all[i] = decide(schedule, now)
	}
	fired, err := s.schedules.Fire(ctx, all)
	if err == nil {
		s.tell(all, fired)
		return nil
	}
	if len(all) == 1 || ctx.Err() != nil || fault.Is(err, fault.Unavailable) {
		return failed(all[0], err)
	}
	var errs []error
	for i := range all {
		fired, err := s.schedules.Fire(ctx, all[i:i+1])
		if err != nil {
			errs = append(errs, failed(all[i], err))
			continue
		}
		s.tell(all[i:i+1], fired)
	}
	return errors.Join(errs...)
}

func failed(f fleet.Firing, err error) error {
	return fmt.Errorf("schedule %d (%s): %w", f.Schedule.ID, f.Schedule.TaskName, err)
}

func (s *Scheduler) tell(all []fleet.Firing, fired []bool) {
	for i, f := range all {
		if fired[i] {
			s.log.Info("schedule fired", "schedule", f.Schedule.ID, "name", f.Schedule.TaskName, "due", f.Schedule.NextRun, "next", f.NextRun, "outcome", f.Outcome)
		}
	}
}
