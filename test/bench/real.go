// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const (
	realRepositories = 20
	realConcurrency  = 2
	manyDefinitions  = 100
)

// ours is what one round of the daemon came to.
type ours struct {
	Ready             float64            `json:"ready_seconds"`
	Register          phase              `json:"first_registration"`
	RegisterNoChange  phase              `json:"no_change_registration"`
	First             phase              `json:"first_sync"`
	NoChange          phase              `json:"no_change_sync"`
	Requests          map[string]counted `json:"requests"`
	Memory            float64            `json:"memory_mb"`
	MemoryMost        float64            `json:"memory_most_mb"`
	ManyFirst         float64            `json:"first_registration_100_seconds,omitempty"`
	ManyNoChange      []float64          `json:"no_change_registration_100_seconds,omitempty"`
	ManyNoChangeCount counted            `json:"no_change_registration_100_requests"`
}

// round is one run of the floor and one of the daemon, on the same server made anew for both.
type round struct {
	Load  string   `json:"load"`
	Floor floorRun `json:"floor"`
	Ours  ours     `json:"ours"`
}

// realServer measures on a real Pulp server with one worker, the floor and the daemon in turn within each round, because other
// work on the machine changes from minute to minute.
func realServer(ctx context.Context, o options, r *result) error {
	dir, binary, remove, err := workspace(ctx, o, "real")
	if err != nil {
		return err
	}
	defer remove()
	l, err := startLab(ctx, o.root, o.server)
	if err != nil {
		return err
	}
	defer l.stop(context.WithoutCancel(ctx))
	var rounds []round
	for i := range o.rounds {
		one, err := l.round(ctx, binary, filepath.Join(dir, fmt.Sprint(i)), i%2 == 1, i == o.rounds-1)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		rounds = append(rounds, one)
		r.Details["rounds"] = rounds
	}
	realFigures(r, rounds)
	return nil
}

// round runs both on a server made anew. With daemonFirst the daemon goes first in each pair, with many it also registers more
// definitions.
func (l *lab) round(ctx context.Context, binary, dir string, daemonFirst, many bool) (one round, err error) {
	if err := l.reset(ctx); err != nil {
		return one, err
	}
	one.Load = load()
	if err := l.warm(ctx); err != nil {
		return one, err
	}
	f, err := newFloor(ctx, l.url, l.upstream, "floor", realRepositories, realConcurrency)
	if err != nil {
		return one, err
	}
	if err := configure(dir, l.server(), l.upstream, realRepositories); err != nil {
		return one, err
	}
	d, err := serve(ctx, binary, dir)
	if err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	run := &one.Ours
	run.Ready, run.Requests = d.ready.Seconds(), map[string]counted{}
	step := func(name string, into *phase, do func() (float64, error)) func() error {
		return func() (err error) {
			var requests counted
			if *into, requests, err = l.watch(ctx, do); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			run.Requests[name] = requests
			say("  %-24s %6.2f s, Pulp's own %6.2f s, %v", name, into.Wall, into.Own, requests)
			return nil
		}
	}
	part := func(name string, into *phase, do func(context.Context) (phase, error)) func() error {
		return func() (err error) {
			*into, err = do(ctx)
			say("  %-24s %6.2f s, Pulp's own %6.2f s, %d requests", "floor: "+name, into.Wall, into.Own, into.Requests)
			return err
		}
	}
	register := func() (float64, error) { return d.register(ctx, l.server()) }
	sync := func() (float64, error) { return d.sync(ctx, l.server(), realConcurrency) }
	floorFirst := both(part("first sync", &one.Floor.First, f.sync), part("publish", &one.Floor.Publish, f.publish))
	ourFirst := both(step("first registration", &run.Register, register), step("first sync", &run.First, sync))
	floorAgain := part("no-change sync", &one.Floor.NoChange, f.sync)
	ourAgain := step("no-change sync", &run.NoChange, sync)
	order := []func() error{floorFirst, ourFirst, floorAgain, ourAgain}
	if daemonFirst {
		order = []func() error{ourFirst, floorFirst, ourAgain, floorAgain}
	}
	for _, do := range append(order, step("no-change registration", &run.RegisterNoChange, register)) {
		if err := do(); err != nil {
			return one, err
		}
	}
	run.Memory, run.MemoryMost = d.memory()
	if many {
		err = l.many(ctx, d, run)
	}
	return one, err
}

func both(a, b func() error) func() error {
	return func() error {
		if err := a(); err != nil {
			return err
		}
		return b()
	}
}

// warm syncs one repository of each type before the clock runs: what whoever comes first would download, load and compile
// is there for both then.
func (l *lab) warm(ctx context.Context) error {
	f, err := newFloor(ctx, l.url, l.upstream, "warm", len(kinds), 1)
	if err != nil {
		return err
	}
	if _, err := f.sync(ctx); err != nil {
		return err
	}
	_, err = f.publish(ctx)
	return err
}

// watch does one thing and tells the time it took, Pulp's own part of that, and the requests.
func (l *lab) watch(ctx context.Context, do func() (float64, error)) (phase, counted, error) {
	p, err := login(ctx, l.url) // before the clock runs
	if err != nil {
		return phase{}, counted{}, err
	}
	mark, err := l.mark()
	if err != nil {
		return phase{}, counted{}, err
	}
	began := time.Now()
	wall, err := do()
	if err != nil {
		return phase{}, counted{}, err
	}
	tasks, own, err := p.ownTime(ctx, began)
	if err != nil {
		return phase{}, counted{}, err
	}
	requests, err := l.since(mark)
	return phase{Wall: wall, Own: own, Tasks: tasks, Requests: requests.All}, requests, err
}

// many registers a larger number of definitions, then several times without any change.
func (l *lab) many(ctx context.Context, d *daemon, run *ours) error {
	if err := configure(d.dir, l.server(), l.upstream, manyDefinitions); err != nil {
		return err
	}
	var err error
	if run.ManyFirst, err = d.register(ctx, l.server()); err != nil {
		return err
	}
	for range 5 {
		again, requests, err := l.watch(ctx, func() (float64, error) { return d.register(ctx, l.server()) })
		if err != nil {
			return err
		}
		run.ManyNoChange, run.ManyNoChangeCount = append(run.ManyNoChange, again.Wall), requests
	}
	return nil
}

func realFigures(r *result, rounds []round) {
	of := func(f func(round) float64) []float64 {
		var all []float64
		for _, one := range rounds {
			all = append(all, f(one))
		}
		return all
	}
	last := rounds[len(rounds)-1].Ours
	floorFirst := func(f floorRun) float64 { return f.First.Wall + f.Publish.Wall }
	r.median(figure{Name: "first group sync of 20, c=2, ÷ the floor's", Unit: "×", Goal: 1.25, Original: "about 17 ×"},
		of(func(x round) float64 { return x.Ours.First.Wall / floorFirst(x.Floor) }))
	r.median(figure{Name: "no-change group sync of 20, c=2, ÷ the floor's", Unit: "×", Goal: 1.3, Original: "about 55 ×"},
		of(func(x round) float64 { return x.Ours.NoChange.Wall / x.Floor.NoChange.Wall }))
	r.median(figure{Name: "first registration of 20 ÷ Pulp's own task time", Unit: "×", Goal: 1.4, Original: "6 ×"},
		of(func(x round) float64 { return x.Ours.Register.Wall / x.Ours.Register.Own }))
	r.median(figure{Name: "no-change registration of 100 definitions", Unit: "s", Goal: 2, Original: "90 s (estimate of a quiet machine; 122 s measured)"},
		last.ManyNoChange)

	r.median(figure{Name: "floor: first sync and publish of 20, c=2", Unit: "s", Free: true}, of(func(x round) float64 { return floorFirst(x.Floor) }))
	r.median(figure{Name: "first group sync of 20, c=2", Unit: "s", Free: true, Original: "312 s"}, of(func(x round) float64 { return x.Ours.First.Wall }))
	r.median(figure{Name: "floor: no-change sync of 20, c=2", Unit: "s", Free: true}, of(func(x round) float64 { return x.Floor.NoChange.Wall }))
	r.median(figure{Name: "no-change group sync of 20, c=2", Unit: "s", Free: true, Original: "151 s"}, of(func(x round) float64 { return x.Ours.NoChange.Wall }))
	r.median(figure{Name: "first registration of 20", Unit: "s", Free: true, Original: "57 s"}, of(func(x round) float64 { return x.Ours.Register.Wall }))
	r.median(figure{Name: "no-change registration of 20", Unit: "s", Free: true, Original: "18 s"}, of(func(x round) float64 { return x.Ours.RegisterNoChange.Wall }))

	share := func(step string) func(round) float64 {
		return func(x round) float64 { return float64(x.Ours.Requests[step].withoutPolls()) / realRepositories }
	}
	r.median(figure{Name: "requests a repository, first sync, without polls", Goal: 6, Original: "14 (polls among them)"}, of(share("first sync")))
	r.median(figure{Name: "requests a repository, no-change sync, without polls", Goal: 2, Original: "6 (polls among them)"}, of(share("no-change sync")))
	for _, step := range []string{"first sync", "no-change sync"} {
		r.median(figure{Name: "polls of the " + step, Free: true}, of(func(x round) float64 { return float64(x.Ours.Requests[step].Polls) }))
	}
	r.add(figure{Name: "requests, no-change registration of 100 definitions", Measured: float64(last.ManyNoChangeCount.All), Goal: 30, Original: "300"})
	r.add(figure{Name: "writes, no-change registration of 100 definitions", Measured: float64(last.ManyNoChangeCount.Writes), Goal: 0})
	r.median(figure{Name: "memory (RSS) after registering and syncing", Unit: "MB", Goal: 100, Original: "675 MB in eleven processes"},
		of(func(x round) float64 { return x.Ours.Memory }))
	r.median(figure{Name: "most memory (RSS) on the way", Unit: "MB", Goal: 100, Original: "851 MB"}, of(func(x round) float64 { return x.Ours.MemoryMost }))
}
