// SPDX-License-Identifier: Apache-2.0

// Command bench measures Pulp Manager beside an ideal, in one run: the built daemon against a real Pulp server and a bare loop that
// only posts and polls, against a simulated fleet and an independent simulator, and on its own. README.md has the figures.
//
//	go run ./test/bench real       the real server of lab/pulp: times beside the floor, and requests
//	go run ./test/bench requests   requests of 1,000 definitions on a simulated server
//	go run ./test/bench unchanged  1,000 mirrored repositories of which nothing has changed, on two simulated servers
//	go run ./test/bench large      5,000 definitions on a simulated server, nothing to change
//	go run ./test/bench fleet      200 repositories on a simulated server beside the simulator's ideal
//	go run ./test/bench wide       100 simulated servers with 50 repositories each, all synced at once, beside the simulator's ideal
//	go run ./test/bench states     state changes of tasks in the store; -postgres URL: on PostgreSQL, too
//	go run ./test/bench soak       two simulated weeks of schedules, then SOAK_SECONDS (3600) of real ones: what grows; not in all
//	go run ./test/bench lists      lists of 500,000 repositories and 100,000 tasks, 8 connections; -postgres URL: on PostgreSQL, too
//	go run ./test/bench scrape     the metrics: of 100 servers with 500,000 repositories, and 50,000 series of repositories
//	go run ./test/bench schedules  10,000 schedules due within an hour, and in the same moment; -postgres URL: on PostgreSQL, too
//	go run ./test/bench start      ready time, memory, processor time at rest, size
//	go run ./test/bench all        all of them
//	go run ./test/bench report     the table in README.md from results/*.json
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
	"syscall"
)

// options are what the flags say.
type options struct {
	root    string // of the project
	results string
	keep    string // folder for the daemon's data and logs; empty: a temporary one
	server  string // name of the lab's server
	rounds  int
	seed    uint64

	postgres string // URL of an empty database for lists; empty: SQLite alone
}

// measurements are what can be measured, in the order of `all`.
var measurements = []struct {
	name string
	run  func(ctx context.Context, o options, r *result) error
}{
	{"start", start},
	{"requests", requests},
	{"large", large},
	{"unchanged", unchanged},
	{"fleet", simulatedFleet},
	{"wide", wide},
	{"states", states},
	{"lists", lists},
	{"scrape", scrape},
	{"schedules", schedules},
	{"real", realServer},
	{"soak", soak},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.keep, "keep", "", "folder for the daemon's data and logs, kept afterwards")
	flags.StringVar(&o.server, "server", "bench", "name of the lab server to make, reset and stop")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds of real")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the simulated fleet's durations")
	flags.StringVar(&o.postgres, "postgres", "", "URL of a PostgreSQL database for lists and schedules, which is emptied (lab/postgres up prints one)")
	var what string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		what, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := projectRoot()
	if err != nil {
		return err
	}
	o.root, o.results = root, filepath.Join(root, "test", "bench", "results")
	switch what {
	case "report":
		return report(o)
	case "fakes": // the process beside a measurement that the simulated servers live in
		return serveFakes(ctx)
	}
	measured := false
	var missed []string
	for _, m := range measurements {
		if what != m.name && (what != "all" || m.name == "soak") { // which takes hours
			continue
		}
		measured = true
		r := newResult(m.name, o)
		say("%s", r.Command)
		if err := m.run(ctx, o, r); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if err := r.save(o.results); err != nil {
			return err
		}
		missed = append(missed, r.missed()...)
	}
	if !measured {
		return errors.New("say what to measure: start, requests, large, unchanged, fleet, wide, states, lists, scrape, schedules, real, all; soak; or report")
	}
	if err := report(o); err != nil {
		return err
	}
	if slices.Sort(missed); len(missed) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(missed, "; "))
	}
	return nil
}

// projectRoot is the folder with go.mod, from here upwards.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.mod in %s or above it: run this inside the project", dir)
		}
	}
}
