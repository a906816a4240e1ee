// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/scheduler"
	"github.com/pulp/pulp-manager/internal/store"
)

const (
	scheduleServers = 100
	scheduleGroups  = 100              // of each server, each with a schedule
	compressedTo    = 15 * time.Second // what an hour is compressed to
)

// schedules measures how late schedules are: the real scheduler, with its own second between two looks, on the real store.
func schedules(ctx context.Context, o options, r *result) error {
	dir := o.keep
	if dir == "" {
		made, err := os.MkdirTemp("", "pulp-manager-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(made) }()
		dir = made
	}
	databases := []struct{ name, url string }{{"SQLite", ""}}
	if o.postgres != "" {
		databases = append(databases, struct{ name, url string }{"PostgreSQL", o.postgres})
	}
	for _, database := range databases {
		s, err := store.Open(ctx, store.Options{DataDir: filepath.Join(dir, "schedules"), DatabaseURL: database.url})
		if err != nil {
			return err
		}
		if err := errors.Join(schedulesOn(ctx, s, database.name, r), s.Close()); err != nil {
			return err
		}
	}
	return nil
}

func schedulesOn(ctx context.Context, s *store.Store, database string, r *result) error {
	if _, err := s.Apply(ctx, fleet.Configuration{Hash: fmt.Sprint("none ", time.Now())}, true); err != nil {
		return err
	}
	const all = scheduleServers * scheduleGroups
	for i, phase := range []struct {
		name string
		span time.Duration
		goal float64
	}{
		{"10,000 schedules within an hour", compressedTo, 2}, {"10,000 schedules in the same moment", 0, 0},
	} {
		// The text is another one for each phase, so that the store takes our next runs. They are after the load is done.
		due := make([]time.Time, all)
		began := time.Now()
		first := began.Add(25 * time.Second)
		for j := range due {
			due[j] = first.Add(phase.span * time.Duration(j) / all).UTC().Truncate(time.Microsecond)
		}
		if _, err := s.Apply(ctx, scheduleConfiguration(i, due), true); err != nil {
			return err
		}
		loaded := time.Since(began)
		if !time.Now().Before(first) {
			return fmt.Errorf("loading took %s, too long", loaded)
		}
		if err := shift(ctx, s, i, due, time.Now().Add(2*time.Second).Sub(first)); err != nil {
			return err
		}
		took, processor, err := runScheduler(ctx, s, due[all-1])
		if err != nil {
			return err
		}
		late, wrong, err := lateness(ctx, s, due)
		if err != nil {
			return err
		}
		what := phase.name + ", " + database
		r.add(figure{
			Name: "lateness p99, " + what, Measured: percentile(late, 99), Unit: "s", Goal: phase.goal, Free: phase.goal == 0,
			Note: fmt.Sprintf("p50 %.2f s, most %.2f s; %.1f s of processor time; loaded in %s", percentile(late, 50), percentile(late, 100), processor.Seconds(), loaded.Round(time.Second)),
		})
		if phase.span == 0 {
			r.add(figure{Name: "until the last of " + what, Measured: took.Seconds(), Unit: "s", Free: true})
		}
		r.add(figure{Name: "runs lost or doubled, " + what, Measured: float64(wrong), Goal: 0})
	}
	return nil
}

// shift moves all next runs by as much, so that none of the time between loading and the first run is waited for.
func shift(ctx context.Context, s *store.Store, phase int, due []time.Time, by time.Duration) error {
	all, err := s.FindSchedules(ctx, 0)
	if err != nil {
		return err
	}
	var firings []fleet.Firing
	for i := range due {
		due[i] = due[i].Add(by).Truncate(time.Microsecond)
	}
	for _, schedule := range all {
		next := due[place(schedule)]
		firings = append(firings, fleet.Firing{Schedule: schedule, NextRun: next, NextDue: next, Outcome: fmt.Sprintf("phase %d", phase)})
	}
	_, err = s.Fire(ctx, firings)
	return err
}

// place is a schedule's place in the order of next runs; servers take turns.
func place(s fleet.Schedule) int {
	var n int
	_, _ = fmt.Sscanf(s.TaskName, "schedule %d", &n) // as scheduleConfiguration names it
	return n
}

func scheduleConfiguration(phase int, due []time.Time) fleet.Configuration {
	c := fleet.Configuration{Hash: fmt.Sprint("phase ", phase, time.Now())}
	for g := range scheduleGroups {
		c.Groups = append(c.Groups, fleet.Group{Name: fmt.Sprintf("group%d", g)})
	}
	for p := range scheduleServers {
		server := fleet.ConfiguredServer{Server: fleet.Server{Name: fleet.ServerName(fmt.Sprintf("pulp%d.example.com", p)), Username: "admin"}}
		for g := range scheduleGroups {
			server.Groups = append(server.Groups, fleet.ServerGroup{Group: c.Groups[g], MaxConcurrentSyncs: 2, MaxRuntime: "1h"})
			n := g*scheduleServers + p
			c.Schedules = append(c.Schedules, fleet.ConfiguredSchedule{ServerName: server.Server.Name, GroupName: c.Groups[g].Name, Schedule: fleet.Schedule{
				Kind: fleet.KindRepoGroupSync, Cron: fmt.Sprintf("TZ=UTC %d 3 1 1 *", phase), TaskName: fmt.Sprintf("schedule %d", n), MaxRuntime: time.Hour,
				Args: []byte(`{"name":"pulp","regex_include":"^ext","max_runtime":"1h","max_concurrent_syncs":2}`), NextRun: due[n], Overlap: fleet.OverlapQueue,
			}})
		}
		c.Servers = append(c.Servers, server)
	}
	return c
}

// runScheduler runs one until nothing is due any more, and tells how long after the last due moment that was.
func runScheduler(ctx context.Context, s *store.Store, last time.Time) (took, processor time.Duration, err error) {
	running, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { scheduler.New(s, slog.New(slog.DiscardHandler)).Run(running) })
	defer done.Wait()
	defer stop()
	before, tick := ownProcessorTime(), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	query := fleet.Query{Page: 1, Size: 1, Filters: []fleet.Filter{{Field: "next_run", Op: fleet.AtMost, Value: last}}}
	for {
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-tick.C:
		}
		if time.Now().Before(last) {
			continue
		}
		page, err := s.FindListedSchedules(ctx, query)
		if err != nil {
			return 0, 0, err
		}
		if len(page.Items) == 0 {
			return time.Since(last), ownProcessorTime() - before, nil
		}
		if time.Since(last) > time.Minute {
			return 0, 0, fmt.Errorf("%d schedules are still due a minute later", page.Total)
		}
	}
}

// lateness gives how late each run was, in seconds, and how many are missing or there more than once.
func lateness(ctx context.Context, s *store.Store, due []time.Time) (late []float64, wrong int, err error) {
	all, err := s.FindSchedules(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	tasks := map[fleet.TaskID]bool{}
	for _, schedule := range all {
		at := due[place(schedule)]
		task := max(schedule.LastTask, schedule.Waiting)
		if task == 0 || tasks[task] || !schedule.LastDue.Equal(at) {
			wrong++
			continue
		}
		tasks[task] = true
		late = append(late, schedule.LastRun.Sub(at).Seconds())
	}
	for page := 1; ; page++ { // that each has one task of this time
		found, err := s.FindTasks(ctx, fleet.Query{Page: page, Size: 5000, Filters: []fleet.Filter{{Field: "date_queued", Op: fleet.AtLeast, Value: due[0].Add(-time.Second)}}})
		if err != nil {
			return nil, 0, err
		}
		for _, t := range found.Items {
			if !tasks[t.ID] {
				wrong++
			}
			delete(tasks, t.ID)
		}
		if len(found.Items) == 0 {
			return late, wrong + len(tasks), nil
		}
	}
}
