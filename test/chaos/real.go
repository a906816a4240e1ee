// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/client"
)

// realRequestLimit is the daemon's time limit for requests to real servers.
const realRequestLimit = 8 * time.Second

// nightly is how many schedules the demo's configuration has, which do not come during a run.
const nightly = 1

// pair is the lab's two servers, each behind a proxy of ours. The lab is chosen by its environment variables, as in test/e2e.
type pair struct {
	o       options
	root    string
	found   *findings
	names   [2]string // in the lab
	urls    [2]string
	proxies [2]*proxy
	daemon  *cluster
	client  *client.Client
	rand    *rand.Rand
	ids     map[string]int64
	version int // of upstream

	mu     sync.Mutex
	counts map[kind]int
}

// realPlan makes the plan for the pair. Pulp finds a dead worker's task only after 100 to 1000 seconds, so CHAOS_WORKERS=1 asks for that.
func realPlan(seed uint64, lasts time.Duration, workers bool) []event {
	r := rand.New(rand.NewPCG(seed, 4))
	kinds := []kind{killed, killed, lostReplies, lostReplies, delays, errors5xx, errors5xx, hanging, refused}
	if workers {
		kinds = append(kinds, deadWorkers)
	}
	var plan []event
	for at := between(r, time.Second, 3*time.Second); at < lasts; at += between(r, 500*time.Millisecond, 4*time.Second) {
		e := event{at: at, kind: kinds[r.IntN(len(kinds))], server: r.IntN(2), lasts: between(r, time.Second, 6*time.Second), share: 0.2 + 0.5*r.Float64()}
		e.lasts = min(e.lasts, lasts-at)
		plan = append(plan, e)
	}
	return plan
}

// realPair is a whole run on the lab's pair. It empties both servers first.
func realPair(ctx context.Context, o options) (err error) {
	root, err := projectRoot()
	if err != nil {
		return err
	}
	p := &pair{
		o: o, root: root, names: [2]string{"primary", "secondary"}, rand: chance(o.seed, 5), ids: map[string]int64{}, counts: map[kind]int{}, version: 1,
		found: &findings{tell: func(text string) { say("broken: %s", text) }},
	}
	plan := realPlan(o.seed, o.lasts, os.Getenv("CHAOS_WORKERS") != "")
	if err := writePlan(o, plan); err != nil {
		return err
	}
	end, err := p.prepare(ctx)
	defer end()
	if err != nil {
		return err
	}
	r, err := openRecords(filepath.Join(o.dir, "data"), "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := p.know(ctx); err != nil {
		return err
	}
	say("%d events in %s on the real pair", len(plan), o.lasts)
	asking := begin(ctx, p.load)
	p.carryOut(ctx, plan)
	asking()
	if err := errors.Join(context.Cause(ctx), p.daemon.start()); err != nil {
		return err
	}
	for _, name := range p.names {
		for _, process := range []string{"api", "worker"} { // whatever a fault left
			if err := p.lab(ctx, "pulp", "start", name, process); err != nil {
				return err
			}
		}
	}
	if err := rest(ctx, o, r, nightly, p.found); err != nil {
		return err
	}
	if err := p.undisturbed(ctx); err != nil {
		return err
	}
	if err := errors.Join(rest(ctx, o, r, nightly, p.found), p.invariants(ctx, r)); err != nil {
		return err
	}
	tasks, err := r.number(ctx, "SELECT count(*) FROM tasks")
	if err != nil {
		return err
	}
	return verdict(o, p.counts, tasks, p.found)
}

// prepare empties the servers and starts everything. End stops what was started, also after an error.
func (p *pair) prepare(ctx context.Context) (end func(), err error) {
	var stops []func()
	end = func() {
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
	}
	err = errors.Join(p.lab(ctx, "upstream", "up"), p.lab(ctx, "pulp", "reset", "primary", "secondary"), p.lab(ctx, "pulp", "unsign", "secondary"), p.lab(ctx, "upstream", "use", "1.0"))
	if err != nil {
		return end, err
	}
	for i, name := range p.names {
		if p.urls[i], err = p.output(ctx, "pulp", "url", name); err != nil {
			return end, err
		}
		var stop func()
		if p.proxies[i], stop, err = startProxy(ctx, p.o.seed+uint64(i), p.urls[i], p.count); err != nil {
			return end, err
		}
		stops = append(stops, stop)
	}
	feeds, err := p.output(ctx, "upstream", "url")
	if err != nil {
		return end, err
	}
	if err := p.lab(ctx, "demo-config", p.o.dir, p.proxies[0].address, p.proxies[1].address, feeds, "3"); err != nil {
		return end, err
	}
	if err := edit(filepath.Join(p.o.dir, "config.ini"), "method = static", "method = none", "[pulp]\n", fmt.Sprintf("[pulp]\nrequest_timeout = %.0f\n", realRequestLimit.Seconds())); err != nil {
		return end, err
	}
	binary, err := build(ctx, p.o.dir)
	if err != nil {
		return end, err
	}
	listen, err := freeAddress(ctx)
	if err != nil {
		return end, err
	}
	p.daemon = newCluster(binary, p.o.dir, "", listen, p.found.add)
	stops = append(stops, p.daemon.stop)
	if p.client, err = client.New(p.daemon.url, client.WithPolling(200*time.Millisecond, time.Second, time.Minute)); err != nil {
		return end, err
	}
	return end, p.daemon.start()
}

// edit replaces texts in a file: each first one by the one after it.
func edit(file string, texts ...string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.NewReplacer(texts...).Replace(string(text))), 0o600)
}

// lab runs a script of the lab.
func (p *pair) lab(ctx context.Context, script string, args ...string) error {
	_, err := p.output(ctx, script, args...)
	return err
}

func (p *pair) output(ctx context.Context, script string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, filepath.Join(p.root, "lab", script), args...)
	var said strings.Builder
	command.Stderr = &said
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("lab/%s %s: %w: %s", script, strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(text)), nil
}

func (p *pair) count(k kind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[k]++
}

// carryOut does each event when its time has come.
func (p *pair) carryOut(ctx context.Context, plan []event) {
	began := time.Now()
	var running sync.WaitGroup
	defer running.Wait()
	for i, e := range plan {
		if pause(ctx, e.at-time.Since(began)) != nil {
			return
		}
		running.Go(func() {
			if err := p.strike(ctx, e, uint64(i)); err != nil && ctx.Err() == nil {
				p.found.add("a fault could not be ended: %v", err)
			}
		})
	}
	_ = pause(ctx, p.o.lasts-time.Since(began))
}

func (p *pair) strike(ctx context.Context, e event, number uint64) error {
	again := func(process string) error {
		_ = pause(ctx, e.lasts/2)
		return p.lab(ctx, "pulp", "start", p.names[e.server], process)
	}
	switch e.kind {
	case killed:
		serve := p.daemon.processes[0]
		if serve.end(syscall.SIGKILL, time.Minute) {
			p.count(killed)
		}
		_ = pause(ctx, e.lasts/4)
		return serve.start()
	case refused, deadWorkers: // the lab's scripts wait for each other, so these never overlap on a server
		process := map[kind]string{refused: "api", deadWorkers: "worker"}[e.kind]
		if err := p.lab(ctx, "pulp", "kill", p.names[e.server], process); err != nil {
			return err
		}
		p.count(e.kind)
		return again(process)
	}
	p.proxies[e.server].during(ctx, window{e, number})
	return nil
}
