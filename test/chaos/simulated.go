// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// simulated is a whole run on the simulated fleet.
func simulated(ctx context.Context, o options) (err error) {
	plan := planOf(o.seed, o.lasts, o.servers, o.database != "")
	if err := writePlan(o, plan); err != nil {
		return err
	}
	binary, err := build(ctx, o.dir)
	if err != nil {
		return err
	}
	f, err := newFleet(o.seed, o.servers, o.repositories)
	if err != nil {
		return err
	}
	defer f.end()
	if err := f.configure(o.dir); err != nil {
		return err
	}
	listen, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	found := &findings{tell: func(text string) { say("broken: %s", text) }}
	c := newCluster(binary, o.dir, o.database, listen, found.add)
	defer c.stop()
	if err := c.start(); err != nil {
		return err
	}
	r, err := openRecords(filepath.Join(o.dir, "data"), o.database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	w := newWatcher(f, found)
	l, err := newLoad(o.seed, f, w, c.url)
	if err != nil {
		return err
	}
	s := newStorm(o.seed, f, c)
	if o.database != "" {
		s.cut = r.cut
	}
	watched := begin(ctx, func(ctx context.Context) { w.run(ctx, 10*time.Millisecond) })
	defer watched()
	disturbed(ctx, o, s, l, f, plan)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := errors.Join(s.calm(), f.schedule(o.dir, false)); err != nil {
		return err
	}
	if err := rest(ctx, o, r, 0, found); err != nil {
		return err
	}
	if err := f.invariants(ctx, r, false, found); err != nil {
		return err
	}
	if err := l.undisturbed(ctx, found); err != nil {
		return fmt.Errorf("the undisturbed round: %w", err)
	}
	if err := rest(ctx, o, r, 0, found); err != nil {
		return err
	}
	f.equal(w, found)
	if err := errors.Join(f.invariants(ctx, r, true, found), l.lost(ctx, r, found)); err != nil {
		return err
	}
	watched()
	tasks, err := r.number(ctx, "SELECT count(*) FROM tasks")
	if err != nil {
		return err
	}
	say("asked for: %s; %d answers did not arrive; %d times a repository was read", l.summary(), l.unanswered, w.reads)
	return verdict(o, s.counts, tasks, found)
}

// begin runs something until the function it gives is called.
func begin(ctx context.Context, run func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { run(ctx) })
	return func() { cancel(); wg.Wait() }
}

// disturbed carries out the plan while work is asked for and upstream changes.
func disturbed(ctx context.Context, o options, s *storm, l *load, f *simulatedFleet, plan []event) {
	say("%d events in %s on %d servers with %d repositories each", len(plan), o.lasts, o.servers, o.repositories)
	asking := begin(ctx, l.run)
	defer asking()
	changing := begin(ctx, func(ctx context.Context) { f.upstream.run(ctx, o.seed, o.lasts) })
	defer changing()
	forgetting := begin(ctx, func(ctx context.Context) {
		for pause(ctx, 10*time.Second) == nil {
			for _, server := range f.servers {
				server.ForgetRequests() // or the log of a long run fills the memory
			}
		}
	})
	defer forgetting()
	began := time.Now()
	s.carryOut(ctx, plan)
	_ = pause(ctx, o.lasts-time.Since(began))
}

// mostGenerations bounds how often a repository changes: each version stays on all servers.
const mostGenerations = 20

// run changes one repository after the other, by chance.
func (u *upstream) run(ctx context.Context, seed uint64, lasts time.Duration) {
	by := chance(seed, 3)
	every := max(500*time.Millisecond, lasts/time.Duration(mostGenerations*len(u.repositories)))
	for pause(ctx, every) == nil {
		u.change(u.repositories[by.IntN(len(u.repositories))])
	}
}

// rest waits until nothing is under way and only so many schedules are left. What still is when the time is over is found by the invariants.
func rest(ctx context.Context, o options, r *records, schedules int, found *findings) error {
	began := time.Now()
	for {
		quiet, err := rested(ctx, r)
		if left, err := r.number(ctx, "SELECT count(*) FROM schedules"); quiet && err == nil && left <= schedules {
			say("at rest after %.1f s", time.Since(began).Seconds())
			return nil
		}
		if time.Since(began) > o.settle {
			found.add("not at rest within %s", o.settle)
			return err
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// writePlan prints the plan's size and keeps it beside the artefacts.
func writePlan(o options, plan []event) error {
	text := ""
	for _, e := range plan {
		text += e.String() + "\n"
	}
	say("the plan is in %s", filepath.Join(o.dir, "plan"))
	return os.WriteFile(filepath.Join(o.dir, "plan"), []byte(text), 0o600)
}
