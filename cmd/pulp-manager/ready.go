// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/health"
	"github.com/pulp/pulp-manager/internal/job"
)

const (
	queuedLong = 10 * time.Minute // a task that is queued for longer is told of
	diskFull   = 64 << 20         // bytes free below which the embedded database cannot work
	diskLow    = 1 << 30
	named      = 5 // at most so many of a kind are named
)

// prober keeps the picture of how servers are.
func (d *daemon) prober(process string) *job.Prober {
	return &job.Prober{
		Servers: d.store, States: d.store, Pulps: d.env.Pulps, Limits: d.env.Limits, Process: process, Log: d.log,
		Each: func() time.Duration { return d.settings().Pulp.ProbeInterval },
	}
}

// explainer tells what tasks wait for.
func (d *daemon) explainer() health.Explainer {
	return health.Explainer{Tasks: d.store, Schedule: d.store.ListedSchedule, Workers: func(ctx context.Context) (int, bool) {
		alive, err := d.aliveIn(ctx, fleet.ProcessWorker)
		return alive, err == nil
	}}
}

// watchdog tells which tasks are stuck.
func (d *daemon) watchdog() *health.Watchdog {
	return &health.Watchdog{
		Attention: d.store, Explainer: d.explainer(), Log: d.log, After: func() time.Duration { return d.settings().Pulp.StuckAfter },
	}
}

// workChecks tell how the work goes on. What is wrong with tasks and with Pulp servers is a warning: this process can do
// its part all the same. Whoever reads this need not be logged in: tasks and servers are named by their ids.
func (d *daemon) workChecks(ctx context.Context) []api.Check {
	checks := []api.Check{d.queueCheck(ctx), d.stuckCheck(ctx), d.serversCheck(ctx)}
	if d.embedded {
		checks = append(checks, diskCheck(d.database.DataDir))
	}
	return checks
}

// failedCheck is a check that could not be made.
func failedCheck(name string, err error) api.Check {
	return api.Check{Name: name, Problem: shown(err)}
}

func (d *daemon) queueCheck(ctx context.Context) api.Check {
	id, waited, err := d.store.OldestQueued(ctx)
	if err != nil {
		return failedCheck("queue", err)
	}
	check := api.Check{Name: "queue", OK: true}
	if waited > queuedLong {
		check.Warning = fmt.Sprintf("task %d is queued for %s: no worker process runs, or all are busy. Look at `pulp-manager tasks`, and start a worker", id, waited.Round(time.Second))
	}
	return check
}

func (d *daemon) stuckCheck(ctx context.Context) api.Check {
	after := d.settings().Pulp.StuckAfter
	stuck, err := d.store.StuckTasks(ctx, after)
	if err != nil {
		return failedCheck("stuck tasks", err)
	}
	check := api.Check{Name: "stuck tasks", OK: true}
	if len(stuck) == 0 {
		return check
	}
	var ids []string
	for _, t := range stuck[:min(len(stuck), named)] {
		ids = append(ids, strconv.FormatInt(int64(t.ID), 10))
	}
	check.Warning = fmt.Sprintf("%d running tasks without any progress for %s: %s. `pulp-manager tasks ID` tells what each waits for", len(stuck), after, enumerated(ids, len(stuck)))
	return check
}

func (d *daemon) serversCheck(ctx context.Context) api.Check {
	states, err := d.store.ServerStates(ctx)
	if err != nil {
		return failedCheck("servers", err)
	}
	check := api.Check{Name: "servers", OK: true}
	var down, idle []string
	for _, id := range slices.Sorted(maps.Keys(states)) {
		switch state := states[id]; {
		case state.Checked.IsZero():
		case !state.Reachable:
			down = append(down, fmt.Sprintf("%d %s", id, since(state.Since)))
		case state.Workers == 0:
			idle = append(idle, fmt.Sprintf("%d %s", id, since(state.NoWorkerSince)))
		}
	}
	var all []string
	if len(down) > 0 {
		all = append(all, fmt.Sprintf("%d servers do not answer, their tasks wait: %s", len(down), enumerated(down, len(down))))
	}
	if len(idle) > 0 {
		all = append(all, fmt.Sprintf("%d servers have no Pulp worker online: %s", len(idle), enumerated(idle, len(idle))))
	}
	if len(all) > 0 {
		check.Warning = strings.Join(all, "; ") + ". See `pulp-manager servers`"
	}
	return check
}

func since(t time.Time) string { return "since " + t.UTC().Format(time.RFC3339) }

// enumerated gives the first few of so many.
func enumerated(some []string, all int) string {
	text := strings.Join(some[:min(len(some), named)], ", ")
	if all > named {
		text += fmt.Sprintf(" and %d more", all-named)
	}
	return text
}

// diskCheck tells whether the embedded database can grow.
func diskCheck(dir string) api.Check {
	check := api.Check{Name: "disk", OK: true}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return api.Check{Name: "disk", Problem: "the data directory cannot be looked at: check that it is there"}
	}
	judgeDisk(&check, dir, fs.Bavail*uint64(fs.Bsize)) //nolint:gosec // a block's size is positive
	return check
}

func judgeDisk(check *api.Check, dir string, free uint64) {
	text := fmt.Sprintf("%d MB free where the database is (%s): make room", free>>20, dir)
	switch {
	case free < diskFull:
		check.OK, check.Problem = false, text
	case free < diskLow:
		check.Warning = text
	}
}
