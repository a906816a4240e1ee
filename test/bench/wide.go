// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/client"
)

const (
	wideServers      = 100
	wideRepositories = 50
	wideConcurrency  = 8
	wideLonger       = 3 // Pulp tasks take three times as long as in fleet, so that the ideal is about a minute
)

// wide syncs 100 simulated servers at once. They live in a process of their own, which shares the processor with the daemon.
func wide(ctx context.Context, o options, r *result) (err error) {
	f, err := startFakes(ctx, fakesShape{Servers: wideServers, Workers: wideConcurrency, Seed: o.seed, Longer: wideLonger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	dir, binary, remove, err := workspace(ctx, o, "wide")
	if err != nil {
		return err
	}
	defer remove()
	if err := configureMany(dir, f, wideRepositories, ""); err != nil {
		return err
	}
	d, err := serve(ctx, binary, dir)
	if err != nil {
		return err
	}
	registered, err := d.all(ctx, "register_repos", map[string]any{"max_runtime": "1h"})
	_, registering := d.memory()
	if err := errors.Join(err, d.stop()); err != nil {
		return err
	}
	if d, err = serve(ctx, binary, dir); err != nil { // so that its memory is that of the sync
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if _, err := f.report(ctx); err != nil {
		return err
	}
	before, err := d.processor()
	if err != nil {
		return err
	}
	wall, err := d.all(ctx, "sync_repos", map[string]any{"max_runtime": "1h", "max_concurrent_syncs": wideConcurrency, "regex_include": "^ext-"})
	if err != nil {
		return err
	}
	after, err := d.processor()
	if err != nil {
		return err
	}
	told, err := f.report(ctx)
	if err != nil {
		return err
	}
	ideal := wideIdeal(o.seed).Seconds()
	now, most := d.memory()
	r.Details["requests"], r.Details["memory_mb"], r.Details["memory_most_registering_mb"] = told.Requests, now, registering
	r.add(figure{Name: "group sync of 100 servers × 50 repositories at once, c=8, ÷ the simulator's ideal", Measured: wall / ideal, Unit: "×", Goal: 1.15})
	r.add(figure{Name: "group sync of 100 × 50", Measured: wall, Unit: "s", Free: true})
	r.add(figure{Name: "the simulator's ideal of that", Measured: ideal, Unit: "s", Free: true})
	r.add(figure{Name: "most memory (RSS), 100 × 50", Measured: most, Unit: "MB", Goal: 150})
	r.add(figure{Name: "processor time of the daemon, of one core", Measured: (after - before).Seconds() / wall * 100, Unit: "%", Free: true})
	r.add(figure{Name: "requests a repository, without polls", Measured: float64(told.Requests.withoutPolls()) / (wideServers * wideRepositories), Goal: 6})
	r.add(figure{Name: "polls a second, of all servers together", Measured: float64(told.Requests.Polls) / wall, Free: true})
	r.add(figure{Name: "registration of 100 × 50", Measured: registered, Unit: "s", Free: true})
	if told.Broken != "" {
		return errors.New(told.Broken)
	}
	return nil
}

// wideIdeal is the slowest server's makespan.
func wideIdeal(seed uint64) time.Duration {
	var longest time.Duration
	for i := range wideServers {
		times := fleetTimes{seed: seed + uint64(i), longer: wideLonger}
		var chains [][]step
		for n := range wideRepositories {
			chains = append(chains, times.steps(kinds[n%len(kinds)].path, fmt.Sprintf("ext-bench-%04d", n)))
		}
		longest = max(longest, makespan(chains, wideConcurrency, wideConcurrency))
	}
	return longest
}

// configureMany writes the daemon's configuration for all simulated servers; cron is the schedule of everything, empty: none. The second
// half mirrors the first where there is one.
func configureMany(dir string, f *fakes, repositories int, cron string) error {
	if err := configure(dir, f.Servers[0], f.Upstream, repositories); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.ini"))
	if err != nil {
		return err
	}
	roomy := strings.Replace(string(text), "per_upstream = 8", "per_upstream = 1000", 1)
	var b strings.Builder
	b.WriteString("pulp_servers:\n")
	for i, name := range f.Servers {
		fmt.Fprintf(&b, "  %q:\n    credentials: local\n", name)
		if cron == "" {
			b.WriteString("    repo_groups: {}\n")
			continue
		}
		primary := ""
		if half := len(f.Servers) / 2; i >= half {
			primary = fmt.Sprintf(", pulp_primary: %q", f.Servers[i-half])
		} else {
			fmt.Fprintf(&b, "    repo_config_registration: {schedule: %q, max_runtime: 1h}\n", cron)
		}
		fmt.Fprintf(&b, "    repo_groups: {external: {schedule: %q, max_concurrent_syncs: 4, max_runtime: 1h%s}}\n", cron, primary)
	}
	b.WriteString("credentials:\n  local: {username: admin, vault_service_account_mount: local}\nrepo_groups: {")
	if cron != "" {
		b.WriteString("external: {regex_include: ^ext-}")
	}
	b.WriteString("}\n")
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "config.ini"), []byte(roomy), 0o600), os.WriteFile(filepath.Join(dir, "pulp_config.yml"), []byte(b.String()), 0o600))
}

// all asks for a job on every server at once, waits until all are over, and gives the seconds that took.
func (d *daemon) all(ctx context.Context, path string, body any) (float64, error) {
	servers, err := client.All(ctx, d.client.Servers, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, len(servers))
	ids := make([]int64, len(servers))
	for i, s := range servers {
		wg.Go(func() {
			task, err := d.client.Ask(ctx, s.ID, path, body)
			ids[i], errs[i] = task.ID, err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	for {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
		left, err := d.client.Tasks(ctx, url.Values{"state__in": {"queued,running"}, "page_size": {"1"}})
		if err != nil {
			return 0, err
		}
		if left.Total == 0 {
			break
		}
	}
	took := time.Since(began).Seconds()
	for i, id := range ids {
		task, err := d.client.Task(ctx, id)
		if err == nil && task.State != client.StateCompleted {
			err = fmt.Errorf("%s on %s is %s: %s", path, servers[i].Name, task.State, task.Error.Msg)
		}
		errs[i] = err
	}
	return took, errors.Join(errs...)
}
