// SPDX-License-Identifier: Apache-2.0

package job_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// prober makes one that looks at each server that often.
func prober(f *jobtest.Fleet, process string, each time.Duration) *job.Prober {
	return &job.Prober{
		Servers: f.Store, States: f.Store, Pulps: f.Env.Pulps, Limits: f.Env.Limits, Process: process, Log: slog.New(slog.DiscardHandler),
		Each: func() time.Duration { return each },
	}
}

// state gives what the store knows of a server.
func state(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server) fleet.ServerState {
	t.Helper()
	all, err := f.Store.ServerStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all[f.Server(s).ID]
}

// TestProbe: what is found out about a server that is well, has no workers, is down, hangs, and is back.
func TestProbe(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Request = 100 * time.Millisecond })
	p, server := prober(f, "one", time.Hour), f.Server(f.Primary)
	if claimed, err := f.Store.ClaimProbes(t.Context(), time.Hour, 10); err != nil || len(claimed) != 2 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	look := func() fleet.ServerState {
		t.Helper()
		if err := p.Probe(t.Context(), server.ID); err != nil {
			t.Fatal(err)
		}
		return state(t, f, f.Primary)
	}
	breaker := func() fleet.BreakerState {
		t.Helper()
		for _, u := range f.Env.Pulps.Uses(f.Env.Limits) {
			if u.Server == server.ID {
				return u.Breaker
			}
		}
		return fleet.BreakerClosed
	}
	well := look()
	if !well.Reachable || well.Problem != "" || well.Workers != 2 || well.Versions["core"] == "" || well.StorageFree == nil || well.ResponseTime <= 0 || !well.OldestWaiting.IsZero() {
		t.Errorf("well: %+v", well)
	}
	if well.DatabaseConnected == nil || !*well.DatabaseConnected || well.RedisConnected == nil || *well.RedisConnected { // D121
		t.Errorf("connections: %v, %v", well.DatabaseConnected, well.RedisConnected)
	}
	if asked, n := jobtest.Asked(f.Primary); n > 3 {
		t.Errorf("%d requests for a probe: %v", n, asked)
	}
	f.Primary.KillAll()
	if _, err := f.Client(f.Primary).Nudge(t.Context()); err != nil {
		t.Fatal(err)
	}
	idle := look()
	if !idle.Reachable || idle.Workers != 0 || idle.NoWorkerSince.IsZero() || idle.TasksWaiting != 1 || idle.OldestWaiting.IsZero() {
		t.Errorf("without workers: %+v", idle)
	}
	f.Primary.Stop()
	down := look()
	if down.Reachable || !strings.Contains(down.Problem, "cannot connect") || !down.Since.After(well.Since) || down.Versions["core"] == "" {
		t.Errorf("down: %+v", down)
	}
	if b := breaker(); b != fleet.BreakerOpen {
		t.Errorf("the breaker is %s", b)
	}
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	if back := look(); !back.Reachable || back.Problem != "" || breaker() != fleet.BreakerClosed {
		t.Errorf("back: %+v, breaker %s", back, breaker())
	}
	hangs := make(chan struct{})
	defer close(hangs)
	f.Primary.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
		return pulpfake.None
	})
	if once := look(); once.Reachable || breaker() != fleet.BreakerClosed {
		t.Errorf("after one probe without an answer: %+v, breaker %s", once, breaker())
	}
	if twice := look(); twice.Reachable || breaker() != fleet.BreakerOpen {
		t.Errorf("after two: %+v, breaker %s", twice, breaker())
	}
}

// TestOneProcessLooks: of all processes one looks at a server in an interval; they tell how they use it, and no more after
// they have stopped.
func TestOneProcessLooks(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Mirrors = false })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, process := range []string{"one", "two", "three"} {
		wg.Go(func() { prober(f, process, time.Hour).Run(ctx) })
	}
	f.Until("both servers to be looked at", func() bool {
		return state(t, f, f.Primary).Reachable && state(t, f, f.Secondary).Reachable
	})
	f.Secondary.Stop()
	task := f.QueueRegister(f.Secondary)
	wait := f.Go(task)
	f.Until("the state to show that a task waits", func() bool {
		use := state(t, f, f.Secondary).Use
		return use.Breaker == fleet.BreakerOpen && use.Waiting >= 1 // all three use the same connection here
	})
	if err := f.Secondary.Restart(); err != nil {
		t.Fatal(err)
	}
	if done := wait(); done.State != fleet.Completed {
		t.Errorf("the task is %s", done.State)
	}
	f.Until("the state to show that none waits", func() bool { return state(t, f, f.Secondary).Use.Idle() })
	cancel()
	wg.Wait()
	if asked, _ := jobtest.Asked(f.Primary); asked["GET status/"] != 1 {
		t.Errorf("the status was asked for %d times: %v", asked["GET status/"], asked)
	}
}
