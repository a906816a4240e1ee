// SPDX-License-Identifier: Apache-2.0

// Command chaos runs the built program on a fleet whose every part fails at random, and checks that nothing is lost, doubled, stuck or
// mixed: a simulated fleet of 20 servers with 50 repositories each, on SQLite or, with CHAOS_DATABASE_URL, on PostgreSQL with each role
// as processes of its own; with CHAOS_REAL=1 the lab's pair of real servers. The faults are planned from a seed, which it prints first.
//
//	CHAOS_SEED=7 CHAOS_SECONDS=300 go run ./test/chaos
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what the environment says.
type options struct {
	seed         uint64
	lasts        time.Duration
	settle       time.Duration // how long everything may take to come to rest
	servers      int
	repositories int
	database     string // URL of an empty PostgreSQL database; empty: SQLite
	real         bool
	keep         bool
	dir          string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run() error {
	o, err := readOptions()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("chaos: seed %d\n", o.seed)
	if err := errors.Join(os.RemoveAll(o.dir), os.MkdirAll(o.dir, 0o700)); err != nil {
		return err
	}
	if o.real {
		return realPair(ctx, o)
	}
	return simulated(ctx, o)
}

func readOptions() (options, error) {
	var errs []error
	number := func(name string, fallback int) int {
		text := os.Getenv(name)
		if text == "" {
			return fallback
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			errs = append(errs, fmt.Errorf("%s=%s is not a number of one or more", name, text))
		}
		return n
	}
	seed := uint64(time.Now().UnixNano() % 1e9)
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			errs = append(errs, fmt.Errorf("CHAOS_SEED=%s is not a number", text))
		}
	}
	root, err := projectRoot()
	errs = append(errs, err)
	o := options{
		seed: seed, lasts: time.Duration(number("CHAOS_SECONDS", 60)) * time.Second, settle: time.Duration(number("CHAOS_SETTLE", 180)) * time.Second,
		servers: number("CHAOS_SERVERS", 20), repositories: number("CHAOS_REPOSITORIES", 50),
		database: os.Getenv("CHAOS_DATABASE_URL"), real: os.Getenv("CHAOS_REAL") != "", keep: os.Getenv("CHAOS_KEEP") != "",
		dir: filepath.Join(root, ".tmp", fmt.Sprintf("chaos-%d", seed)),
	}
	if o.servers <= primaries {
		errs = append(errs, fmt.Errorf("CHAOS_SERVERS must be more than %d", primaries))
	}
	return o, errors.Join(errs...)
}

// say tells how it goes.
func say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().UTC().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// verdict prints the last line, and is an error where anything is broken.
func verdict(o options, counts map[kind]int, tasks int, found *findings) error {
	all, sum := found.list(), 0
	var parts []string
	for k, n := range counts {
		sum += n
		parts = append(parts, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(parts)
	for i, text := range all {
		if i == 50 {
			fmt.Printf("broken: and %d more\n", len(all)-i)
			break
		}
		fmt.Printf("broken: %s\n", text)
	}
	fmt.Printf("chaos: seed %d, %.0f s, %d faults injected (%s), tasks %d, invariants broken %d\n", o.seed, o.lasts.Seconds(), sum, strings.Join(parts, ", "), tasks, len(all))
	if len(all) > 0 {
		return fmt.Errorf("%d invariants broken; repeat with CHAOS_SEED=%d; store and logs are in %s", len(all), o.seed, o.dir)
	}
	if !o.keep {
		return os.RemoveAll(o.dir)
	}
	return nil
}
