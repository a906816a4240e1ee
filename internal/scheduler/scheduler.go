// SPDX-License-Identifier: Apache-2.0

// Package scheduler turns schedules into tasks. Any number of schedulers may run: each
// run of a schedule is claimed by one of them.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// tickEach is how often a scheduler looks for schedules that are due; batch is how many it takes at a time.
const (
	tickEach = time.Second
	batch    = 100
)

// Scheduler queues tasks when their schedules are due.
type Scheduler struct {
	schedules fleet.Schedules
	tasks     fleet.Tasks
	log       *slog.Logger
}

// New makes a scheduler.
func New(schedules fleet.Schedules, tasks fleet.Tasks, log *slog.Logger) *Scheduler {
	return &Scheduler{schedules: schedules, tasks: tasks, log: log}
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
	for {
		due, now, err := s.schedules.DueSchedules(ctx, batch)
		if err != nil {
			return err
		}
		var errs []error
		for _, schedule := range due {
			if err := s.fire(ctx, schedule, now); err != nil {
				errs = append(errs, fmt.Errorf("schedule %d (%s): %w", schedule.ID, schedule.TaskName, err))
			}
		}
		if len(due) < batch || len(errs) > 0 {
			return errors.Join(errs...)
		}
	}
}

// fire queues the schedule's task, or notes why not, and moves it on to its next run.
func (s *Scheduler) fire(ctx context.Context, schedule fleet.Schedule, now time.Time) error {
	var next time.Time // zero: never again, with a cron text that cannot be read
	parsed, err := cron.Parse(schedule.Cron)
	if err == nil {
		next = parsed.Next(now)
	}
	why, err := s.overlap(ctx, schedule)
	if err != nil {
		return err
	}
	task := &fleet.NewTask{
		Name: schedule.TaskName, Kind: schedule.Kind, Args: schedule.Args, Server: schedule.Server,
		Schedule: schedule.ID, MaxRuntime: schedule.MaxRuntime,
	}
	if why != "" {
		task = nil
	}
	won, err := s.schedules.Fire(ctx, schedule, next, task, why)
	if err != nil || !won {
		return err
	}
	s.log.Info("schedule fired", "schedule", schedule.ID, "name", schedule.TaskName, "due", schedule.NextRun, "next", next, "skipped", why)
	return nil
}

// overlap says why a schedule must not run now: its previous task is not over.
func (s *Scheduler) overlap(ctx context.Context, schedule fleet.Schedule) (string, error) {
	if schedule.LastTask == 0 {
		return "", nil
	}
	last, err := s.tasks.Task(ctx, schedule.LastTask)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil || last.State.Final() {
		return "", err
	}
	return fmt.Sprintf("skipped: task %d of the same schedule is still %s", last.ID, last.State), nil
}
