// SPDX-License-Identifier: Apache-2.0

// Command machines runs Pulp Manager as it runs on several machines, and breaks what can break there: real processes of
// the built binary on a real PostgreSQL, with a fake fleet in this process. Afterwards nothing may be lost, doubled or stuck.
//
//	go run ./test/machines                    all scenarios
//	go run ./test/machines kill skew          only these
//
// It needs PostgreSQL's programs (test/machines/run installs them), and for the scenario `netns` ip and the right to make
// network namespaces. MACHINES_LONG=1 lets the database be gone for ten minutes; MACHINES_NETNS=require fails where there
// are no namespaces; MACHINES_KEEP=DIR keeps configuration and logs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// scenario is one thing that goes wrong.
type scenario struct {
	name, title string
	run         func(ctx context.Context, w *world) error
}

// scenarios are all there are, those that take longest first; the last waits for a binary of its own.
var scenarios = []scenario{
	{"netns", "a worker in a network namespace loses its link to the database", cutByNamespace},
	{"gone", "the database is gone for a while", databaseGone},
	{"blackhole", "the network between a worker and the database swallows everything", cutByProxy},
	{"kill", "one process of each kind is killed", kills},
	{"rolling", "all processes are restarted, one after the other", rollingRestart},
	{"restart", "the database is restarted, and crashes", databaseRestarted},
	{"failover", "the database's primary dies and its copy takes over", databaseFailsOver},
	{"skew", "clocks of machines differ by two minutes", skewedClocks},
}

// atOnce is how many scenarios run at a time: they mostly wait.
const atOnce = 4

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "machines:", err)
		os.Exit(1)
	}
}

// outcome is what a scenario came to.
type outcome struct {
	faults int
	broken []string // invariants
	err    error
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("machines", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "seed of the fleet's durations")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(flags.Args())
	if err != nil {
		return err
	}
	s, err := newSuite(ctx, *seed, slices.ContainsFunc(chosen, func(s scenario) bool { return s.name == "skew" }))
	if err != nil {
		return err
	}
	defer s.close()
	began := time.Now()
	outcomes := make([]outcome, len(chosen))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, c := range chosen {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = s.one(ctx, c)
		})
	}
	all.Wait()
	faults, broken, ran := 0, 0, 0
	var errs []error
	for i, o := range outcomes {
		faults, broken = faults+o.faults, broken+len(o.broken)
		if errors.Is(o.err, errNotHere) && os.Getenv("MACHINES_NETNS") != "require" {
			fmt.Printf("NOT RUN: %s: %v; MACHINES_NETNS=require makes this an error\n", chosen[i].name, o.err)
			continue
		}
		ran++
		if o.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", chosen[i].name, o.err))
		}
	}
	fmt.Printf("machines: %d scenarios, %d faults injected, %d invariants broken, seed %d (%.0f s)\n", ran, faults, broken, *seed, time.Since(began).Seconds())
	if err := errors.Join(errs...); err != nil || broken > 0 {
		return errors.Join(err, fmt.Errorf("%d invariants broken", broken))
	}
	return nil
}

func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios, nil
	}
	var chosen []scenario
	var known []string
	for _, s := range scenarios {
		known = append(known, s.name)
		if slices.Contains(names, s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) < len(names) {
		return nil, fmt.Errorf("scenarios are %s", strings.Join(known, ", "))
	}
	return chosen, nil
}

// one runs a scenario in a world of its own, and looks at the invariants.
func (s *suite) one(ctx context.Context, c scenario) (o outcome) {
	w := &world{suite: s, name: c.name, dir: filepath.Join(s.dir, c.name)}
	w.say("begins: %s", c.title)
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	defer func() {
		w.close()
		if o.err == nil && len(o.broken) == 0 {
			w.say("holds after %.0f s, %d faults", time.Since(began).Seconds(), o.faults)
		}
	}()
	if o.err = os.MkdirAll(w.dir, 0o755); o.err != nil {
		return o
	}
	o.err = c.run(ctx, w)
	o.faults = w.faults
	if errors.Is(o.err, errNotHere) {
		return o
	}
	if o.err != nil {
		w.say("FAILED: %v", o.err)
	}
	if w.database == "" {
		return o
	}
	o.broken = w.invariants(ctx)
	for _, b := range o.broken {
		w.say("BROKEN: %s", b)
	}
	return o
}
