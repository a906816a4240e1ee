// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// storm carries a plan out and counts what was really done.
type storm struct {
	seed    uint64
	fleet   *simulatedFleet
	cluster *cluster
	cut     func(ctx context.Context) error // cuts all connections to the database; nil: there are none

	mu      sync.Mutex
	counts  map[kind]int
	windows map[int][]window // by server
	content atomic.Uint64    // requests of content apps so far
	trap    atomic.Pointer[trap]
	running sync.WaitGroup
}

// window is a time in which requests to a server suffer.
type window struct {
	event
	number uint64 // of the event
}

// trap waits for a request that changes something.
type trap struct {
	moment pulpfake.Moment
	victim *process
	back   time.Duration
}

func newStorm(seed uint64, f *simulatedFleet, c *cluster) *storm {
	s := &storm{seed: seed, fleet: f, cluster: c, counts: map[kind]int{}, windows: map[int][]window{}}
	for i, server := range f.servers {
		server.Inject(func(r *http.Request, n int) pulpfake.Fault { return s.fault(i, r, n) })
		server.Hook(func(_ int, at pulpfake.Moment, r *http.Request) { s.caught(at, r) })
	}
	return s
}

// count notes that faults were done.
func (s *storm) count(k kind, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[k] += n
}

// carryOut does each event when its time has come, and returns when all are over.
func (s *storm) carryOut(ctx context.Context, plan []event) {
	began := time.Now()
	for i, e := range plan {
		if pause(ctx, e.at-time.Since(began)) != nil {
			break
		}
		s.running.Go(func() { s.strike(ctx, e, uint64(i)) })
	}
	s.running.Wait()
}

// strike does one event, until it is over.
func (s *storm) strike(ctx context.Context, e event, number uint64) {
	server := s.fleet.servers[e.server]
	switch e.kind {
	case killed:
		s.killed(ctx, killed, s.victim(e), e.lasts)
	case killedAt:
		s.trap.Store(&trap{moment: pulpfake.Moment(e.choice % 3), victim: s.victim(e), back: e.lasts})
	case lostReplies, delays, errors5xx, hanging, contentDown:
		s.open(window{e, number})
		_ = pause(ctx, e.lasts)
		s.shut(window{e, number})
	case refused:
		server.Stop()
		s.count(refused, 1)
		_ = pause(ctx, e.lasts)
		_ = server.Restart()
	case deadWorkers:
		if e.choice%4 == 0 {
			server.KillAll()
			s.count(deadWorkers, 4)
		} else {
			server.Kill("worker")
			s.count(deadWorkers, 1)
		}
		_ = pause(ctx, e.lasts/2)
		server.Revive()
		_ = pause(ctx, e.lasts)
		server.Reap()
	case failing:
		task := []string{"synchronize", "publish", "", "general_create", "update", "delete"}[e.choice%6]
		server.FailTimes(pulpfake.On{Task: task}, chaosReason, 1+e.choice%3)
	case sessions:
		server.EndSessions()
		s.count(sessions, 1)
	case upstreamBad:
		s.spoil(ctx, e)
	case database:
		s.cutDatabase(ctx)
	case paused:
		victim := s.victim(e)
		if victim.signal(syscall.SIGSTOP) {
			s.count(paused, 1)
			_ = pause(ctx, e.lasts)
			victim.signal(syscall.SIGCONT)
		}
	}
}

// chaosReason is why Pulp tasks fail that we make fail.
const chaosReason = "chaos: no space left on device"

func (s *storm) victim(e event) *process {
	return s.cluster.processes[e.choice%len(s.cluster.processes)]
}

// killed ends a process and starts it again after a while.
func (s *storm) killed(ctx context.Context, k kind, victim *process, back time.Duration) {
	if !victim.kill() {
		return
	}
	s.count(k, 1)
	_ = pause(ctx, back)
	if err := victim.start(); err != nil {
		s.cluster.broken("%s does not start again: %v", victim.name, err)
	}
}

// caught springs the trap at a request that changes something: the process is gone before the request goes on.
func (s *storm) caught(at pulpfake.Moment, r *http.Request) {
	t := s.trap.Load()
	if t == nil || at != t.moment || r.Method == http.MethodGet || !s.trap.CompareAndSwap(t, nil) {
		return
	}
	gone := make(chan struct{})
	s.running.Go(func() {
		if t.victim.kill() {
			s.count(killedAt, 1)
		}
		close(gone)
		_ = pause(context.Background(), t.back)
		if err := t.victim.start(); err != nil {
			s.cluster.broken("%s does not start again: %v", t.victim.name, err)
		}
	})
	<-gone
}

func (s *storm) open(w window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.windows[w.server] = append(s.windows[w.server], w)
}

func (s *storm) shut(w window) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.windows[w.server][:0:0]
	for _, x := range s.windows[w.server] {
		if x.number != w.number {
			left = append(left, x)
		}
	}
	s.windows[w.server] = left
}

// reader marks our own requests, which nothing befalls.
const reader = "X-Chaos-Reader"

// fault gives what befalls a request.
func (s *storm) fault(server int, r *http.Request, n int) pulpfake.Fault {
	if r.Header.Get(reader) != "" {
		return pulpfake.None
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.windows[server]) == 0 {
		return pulpfake.None
	}
	number := uint64(n)
	if n == 0 {
		number = s.content.Add(1)
	}
	for _, w := range s.windows[server] {
		if (n == 0) != (w.kind == contentDown) {
			continue
		}
		by := chance(s.seed^w.number<<32, number)
		if by.Float64() > w.share {
			continue
		}
		if f := w.befalls(r, by); f != pulpfake.None {
			s.counts[w.kind]++
			return f
		}
	}
	return pulpfake.None
}

// befalls gives the fault of a request in a window.
func (w window) befalls(r *http.Request, by *rand.Rand) pulpfake.Fault {
	one := func(all ...pulpfake.Fault) pulpfake.Fault { return all[by.IntN(len(all))] }
	switch w.kind {
	case lostReplies:
		if r.Method == http.MethodGet {
			return pulpfake.None
		}
		return one(pulpfake.LoseReply, pulpfake.LoseReply, pulpfake.BadGatewayDone)
	case delays:
		return pulpfake.Delay(between(by, 50*time.Millisecond, 2*time.Second))
	case hanging:
		return pulpfake.Delay(between(by, requestLimit*time.Second, 2*requestLimit*time.Second))
	case errors5xx, contentDown:
		return one(pulpfake.BadGateway, pulpfake.BadGatewayDone, pulpfake.Unavailable503, pulpfake.Refuse)
	}
	return pulpfake.None
}

// spoil makes the upstream of some repositories misbehave.
func (s *storm) spoil(ctx context.Context, e event) {
	by := chance(s.seed, uint64(e.at))
	var undo []func()
	for range 1 + e.choice%5 {
		all := s.fleet.upstream.repositories
		tree := s.fleet.upstream.of(all[by.IntN(len(all))])
		s.count(upstreamBad, 1)
		switch by.IntN(5) {
		case 0:
			tree.Fail(http.StatusServiceUnavailable)
			undo = append(undo, func() { tree.Fail(0) })
		case 1:
			undo = append(undo, tree.Hang())
		case 2:
			tree.Miss("b") // of .deb
			undo = append(undo, func() { tree.Miss("") })
		case 3:
			tree.Corrupt("m") // of .rpm
			undo = append(undo, func() { tree.Corrupt("") })
		default:
			tree.HTML(true)
			undo = append(undo, func() { tree.HTML(false) })
		}
	}
	_ = pause(ctx, e.lasts)
	for _, u := range undo {
		u()
	}
}

// cutDatabase cuts all connections to the database, or runs the command that restarts it.
func (s *storm) cutDatabase(ctx context.Context) {
	if s.cut == nil {
		return
	}
	if command := os.Getenv("CHAOS_DATABASE_RESTART"); command != "" {
		if text, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput(); err != nil {
			s.cluster.broken("the database was not restarted: %v\n%s", err, text)
			return
		}
	} else if err := s.cut(ctx); err != nil {
		return // another cut was under way
	}
	s.count(database, 1)
}

// calm ends all faults and starts what does not run.
func (s *storm) calm() error {
	s.trap.Store(nil)
	s.running.Wait()
	for _, server := range s.fleet.servers {
		if err := server.Restart(); err != nil {
			return err
		}
		n := 0
		for _, task := range server.TasksStarted("") {
			if task.Reason == chaosReason {
				n++
			}
		}
		s.count(failing, n)
		server.Heal()
	}
	return s.cluster.start()
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
