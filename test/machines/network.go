// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"time"
)

// errNotHere says that a scenario needs what this machine does not permit.
var errNotHere = errors.New("network namespaces are not permitted here")

// cutFor is how long a network is cut.
const cutFor = 60 * time.Second

// cutByProxy cuts a worker off with a proxy that swallows everything.
func cutByProxy(ctx context.Context, w *world) error {
	if err := w.furnish(ctx, 30, 0); err != nil {
		return err
	}
	t, err := newTunnel(ctx, "127.0.0.1", "127.0.0.1:"+w.own.port)
	if err != nil {
		return err
	}
	w.closers = append(w.closers, t.close)
	victim := &process{name: "worker-far", role: "worker", database: w.through(t.address)}
	return w.cutOff(ctx, victim, t.cut, t.heal)
}

// through is the database's address behind a tunnel.
func (w *world) through(address string) string {
	u, err := url.Parse(w.database)
	if err != nil {
		return w.database
	}
	u.Host = address
	return u.String()
}

// cutByNamespace cuts the link between the database and a worker in a network namespace, which still reaches Pulp.
func cutByNamespace(ctx context.Context, w *world) error {
	space := fmt.Sprintf("pm%d", os.Getpid()%100_000)
	links := []struct{ near, far, here, there string }{
		{space + "d", "db", "10.213.77.1", "10.213.77.2"},
		{space + "p", "pulp", "10.213.78.1", "10.213.78.2"},
	}
	var steps [][]string
	for _, l := range links {
		steps = append(steps, []string{"link", "add", l.near, "type", "veth", "peer", "name", l.far, "netns", space},
			[]string{"addr", "add", l.here + "/30", "dev", l.near}, []string{"link", "set", l.near, "up"},
			[]string{"-n", space, "addr", "add", l.there + "/30", "dev", l.far}, []string{"-n", space, "link", "set", l.far, "up"})
	}
	if err := ip("netns", "add", space); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	w.closers = append(w.closers, func() { _ = ip("netns", "del", space) })
	for _, s := range steps {
		if err := ip(s...); err != nil {
			return fmt.Errorf("%w: %w", errNotHere, err)
		}
	}
	w.host = links[1].here
	if err := w.furnish(ctx, 30, 0); err != nil {
		return err
	}
	t, err := newTunnel(ctx, links[0].here, "127.0.0.1:"+w.own.port) // PostgreSQL itself listens on loopback only
	if err != nil {
		return err
	}
	w.closers = append(w.closers, t.close)
	victim := &process{name: "worker-far", role: "worker", database: w.through(t.address), inside: []string{"ip", "netns", "exec", space}}
	var failed error
	link := func(state string) func() {
		return func() { failed = errors.Join(failed, ip("link", "set", links[0].near, state)) }
	}
	return errors.Join(w.cutOff(ctx, victim, link("down"), link("up")), failed)
}

func ip(args ...string) error {
	if text, err := exec.Command("ip", args...).CombinedOutput(); err != nil { //nolint:noctx // it takes milliseconds
		return fmt.Errorf("ip %v: %w: %s", args, err, text)
	}
	return nil
}

// cutOff cuts a worker off the database, but not off Pulp, in the middle of two syncs: it must fall silent before others
// go on with them, and be of use again afterwards.
func (w *world) cutOff(ctx context.Context, victim *process, cut, heal func()) error {
	scheduler, front, other := &process{name: "scheduler", role: "scheduler"}, &process{name: "api", role: "api"}, &process{name: "worker-near", role: "worker"}
	if err := w.start(ctx, scheduler, front, victim); err != nil {
		return err
	}
	w.slow.Store(true) // of which Pulp is asked again and again meanwhile
	if err := w.sync(ctx); err != nil {
		return err
	}
	_, err := until(ctx, "the far worker to hold both tasks", 20*time.Second, func(ctx context.Context) (bool, error) {
		n, err := w.heldBy(ctx, victim.pid())
		return n == 2, err
	})
	if err != nil {
		return err
	}
	if err := w.start(ctx, other); err != nil {
		return err
	}
	if err := w.underWay(ctx); err != nil {
		return err
	}
	w.inject("the network between %s and the database is cut for %.0f s", victim.name, cutFor.Seconds())
	at := time.Now()
	cut()
	healed := false
	defer func() {
		if !healed {
			heal()
		}
	}()
	var taken time.Time
	_, err = until(ctx, "the other worker to take over", 55*time.Second, func(ctx context.Context) (bool, error) {
		n, err := w.heldBy(ctx, other.pid())
		if n > 0 && taken.IsZero() {
			taken = time.Now()
		}
		left, lerr := w.heldBy(ctx, victim.pid())
		return !taken.IsZero() && left == 0, errors.Join(err, lerr)
	})
	if err != nil {
		return err
	}
	w.say("another worker took over after %.1f s", taken.Sub(at).Seconds())
	if taken.Sub(at) > 45*time.Second {
		return fmt.Errorf("taken over after %s only", taken.Sub(at))
	}
	if err := pause(ctx, cutFor-time.Since(at)); err != nil {
		return err
	}
	asked := 0
	for _, s := range w.sites {
		last := s.last(victim.pid())
		if last.at.IsZero() {
			return fmt.Errorf("%s was never asked by the far worker: the test proves nothing", s.Name())
		}
		w.say("its last request to %s came %.1f s after the cut, %.1f s before the other took over", s.Name(), last.at.Sub(at).Seconds(), taken.Sub(last.at).Seconds())
		if last.at.After(taken) {
			return fmt.Errorf("%s got %s %s from the cut-off worker %.1f s after the other took over", s.Name(), last.method, last.path, last.at.Sub(taken).Seconds())
		}
		if last.at.After(at) {
			asked++
		}
	}
	if asked == 0 {
		return errors.New("the cut-off worker asked Pulp for nothing at all: the test proves nothing")
	}
	heal()
	healed = true
	if err := w.await(ctx, 3*time.Minute); err != nil {
		return err
	}
	if !victim.runs() {
		return fmt.Errorf("the cut-off worker ended: %w", victim.err)
	}
	w.slow.Store(false)
	if _, err := other.stop(); err != nil {
		return err
	}
	began := time.Now()
	if _, err := w.ask(ctx, w.sites[0], "sync_repos", map[string]any{"max_runtime": "1h", "max_concurrent_syncs": 8, "regex_include": "^ext-"}); err != nil {
		return err
	}
	if err := w.await(ctx, time.Minute); err != nil {
		return fmt.Errorf("the worker that was cut off is of no use: %w", err)
	}
	w.say("the worker that was cut off did a sync by itself in %.1f s", time.Since(began).Seconds())
	return w.silent(ctx, 0)
}
