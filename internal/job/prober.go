// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

const (
	probesAtOnce = 32
	useEach      = 2 * time.Second // how often it is looked at how servers are used
	useAgain     = fleet.UseTime / 3
	longestTick  = 5 * time.Second
)

// Prober keeps the store's picture of how servers are: it looks at each now and then, also at those with no work, and tells
// how this process gets on with those that it uses. Of all processes one looks at a server in an interval.
type Prober struct {
	Servers fleet.Servers
	States  fleet.ServerStates
	Pulps   *Pulps
	Limits  *Limits
	Each    func() time.Duration // how often each server is looked at; 0: never
	Process string               // names this process among all
	Log     *slog.Logger

	mu     sync.Mutex
	missed map[fleet.ServerID]int  // probes in a row that were not answered
	going  map[fleet.ServerID]bool // servers that are being looked at
	told   []fleet.ServerUse
	toldAt time.Time
}

// Run does so until the context ends.
func (p *Prober) Run(ctx context.Context) {
	p.missed, p.going = map[fleet.ServerID]int{}, map[fleet.ServerID]bool{}
	var loops, probes sync.WaitGroup
	loops.Go(func() {
		defer probes.Wait()
		for {
			if each := p.Each(); each > 0 {
				p.look(ctx, each, &probes)
			}
			if sleep(ctx, jitter(min(max(p.Each()/4, time.Second), longestTick))) != nil {
				return
			}
		}
	})
	loops.Go(func() {
		for sleep(ctx, useEach) == nil {
			p.tell(ctx, p.Pulps.Uses(p.Limits))
		}
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeTime)
		defer cancel()
		p.tell(limit, nil)
	})
	loops.Wait()
}

// look looks at the servers that are due, without waiting for them.
func (p *Prober) look(ctx context.Context, each time.Duration, probes *sync.WaitGroup) {
	p.mu.Lock()
	free := probesAtOnce - len(p.going)
	p.mu.Unlock()
	if free <= 0 {
		return
	}
	due, err := p.States.ClaimProbes(ctx, each, free)
	if err != nil {
		if ctx.Err() == nil {
			p.Log.Warn("servers not looked at", "err", err)
		}
		return
	}
	for _, id := range due {
		p.mu.Lock()
		again := p.going[id]
		p.going[id] = true
		p.mu.Unlock()
		if again {
			continue
		}
		probes.Go(func() {
			if err := p.Probe(ctx, id); err != nil && ctx.Err() == nil {
				p.Log.Warn("server not looked at", "err", err)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.going, id)
		})
	}
}

// Probe looks at a server that was claimed, with three requests at most, and stores what came of it.
func (p *Prober) Probe(ctx context.Context, id fleet.ServerID) error {
	row, err := p.Servers.Server(ctx, id)
	if err != nil {
		return err
	}
	s, err := p.Pulps.Server(row)
	if err != nil {
		return p.States.SaveProbe(ctx, fleet.ServerState{Server: id, Problem: fault.Message(err)})
	}
	state, err := s.probe(ctx)
	if ctx.Err() != nil {
		return nil // we stop: that says nothing about the server
	}
	p.judge(s, state, err)
	return p.States.SaveProbe(ctx, state)
}

// judge tells those who wait for the server. One probe that takes too long is no reason to hold anybody back.
func (p *Prober) judge(s *Server, state fleet.ServerState, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.missed == nil {
		p.missed = map[fleet.ServerID]int{}
	}
	if state.Reachable {
		delete(p.missed, s.ID)
		s.breaker.heard()
		return
	}
	if p.missed[s.ID]++; pulp.NotSent(err) || p.missed[s.ID] > 1 {
		s.breaker.silent(state.Problem)
	}
}

// probe asks a server how it is.
func (s *Server) probe(ctx context.Context) (fleet.ServerState, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	state := fleet.ServerState{Server: s.ID}
	began := time.Now()
	status, err := s.Client.Status(ctx)
	if err != nil {
		state.Problem = problem(err)
		return state, err
	}
	state.Reachable, state.ResponseTime = true, time.Since(began)
	state.Versions, state.Workers = status.Versions, status.OnlineWorkers
	state.StorageTotal, state.StorageUsed, state.StorageFree = status.StorageTotal, status.StorageUsed, status.StorageFree
	state.DatabaseConnected = &status.DatabaseConnected
	if status.TellsRedis {
		state.RedisConnected = &status.RedisConnected
	}
	s.Saw(status)
	queue, err := s.Client.Queue(ctx)
	switch {
	case fault.Is(err, fault.Unavailable):
		state.Reachable, state.Problem = false, problem(err)
		return state, err
	case err != nil: // it answers, but not to us
		state.Problem = problem(err)
		return state, err
	}
	state.TasksWaiting, state.TasksRunning, state.OldestWaiting = queue.Waiting, queue.Running, queue.Oldest
	return state, nil
}

// problem says what is wrong, and what to do.
func problem(err error) string {
	text := fault.Message(err)
	if hint := fault.Hint(err); hint != "" {
		text += "; " + hint
	}
	return text
}

// tell stores how servers are used, where that has changed or was told long ago.
func (p *Prober) tell(ctx context.Context, uses []fleet.ServerUse) {
	same := reflect.DeepEqual(uses, p.told)
	if same && (len(uses) == 0 || time.Since(p.toldAt) < useAgain) {
		return
	}
	if err := p.States.SaveServerUses(ctx, p.Process, uses); err != nil {
		if ctx.Err() == nil {
			p.Log.Warn("use of servers not stored", "err", err)
		}
		return
	}
	p.told, p.toldAt = uses, time.Now()
}
