// SPDX-License-Identifier: Apache-2.0

package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Connect makes a client for a server. It does no I/O.
type Connect func(fleet.Server) (*pulp.Client, error)

// Pulps holds one connection to each server of the fleet, shared by all runs.
type Pulps struct {
	Timing Timing // of servers connected to from now on
	// Adaptive tells that fewer syncs go on at a time than may, at a server that is slow or has few workers; nil: no.
	Adaptive func() bool
	Log      *slog.Logger // may be nil
	Observer Observer     // told of each exchange; may be nil

	connect Connect
	limit   time.Duration // a request's time limit

	watching atomic.Int64 // servers whose Pulp tasks are waited for

	mu      sync.Mutex
	servers map[fleet.ServerID]*Server
	closed  []*Server // replaced ones, still to be logged out of
}

// NewPulps makes an empty set of connections. Requests take at most limit.
func NewPulps(connect Connect, limit time.Duration) *Pulps {
	return &Pulps{Timing: defaultTiming, connect: connect, limit: limit, servers: map[fleet.ServerID]*Server{}}
}

// Server gives the connection to a server, made anew when its configuration has changed.
func (p *Pulps) Server(s fleet.Server) (*Server, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.servers[s.ID]
	if old != nil && sameAddress(old.Server, s) {
		return old, nil
	}
	client, err := p.connect(s)
	if err != nil {
		return nil, err
	}
	next := p.server(s, client)
	p.servers[s.ID] = next
	if old != nil {
		p.closed = append(p.closed, old)
	}
	return next, nil
}

// probeLimit is how long a server may take to answer a probe.
const probeLimit = 10 * time.Second

func (p *Pulps) server(s fleet.Server, client *pulp.Client) *Server {
	next := &Server{Server: s, Client: client, limit: p.limit, timing: p.Timing, look: look{turn: make(chan struct{}, 1)}}
	next.breaker = newBreaker(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, probeLimit)
		defer cancel()
		_, err := client.Status(ctx)
		return err
	})
	log := p.logger().With("server", s.Name)
	next.breaker.told = func(u fleet.ServerUse, lasted time.Duration) {
		if u.Breaker == fleet.BreakerClosed {
			log.Info("server answers again", "seconds", lasted.Seconds())
			return
		}
		log.Warn("server does not answer: its tasks wait", "problem", u.Why, "waiting", u.Waiting)
	}
	if p.Adaptive != nil && p.Adaptive() {
		next.pace = newPace(p.logger())
		client.Watch(next.pace.exchanged)
	}
	if p.Observer != nil {
		client.Watch(func(o pulp.Observation) { p.Observer.Request(s.Name, operation(o), o.Status, o.Duration) })
	}
	next.watcher = newWatcher(next)
	next.watcher.crowd = &p.watching
	return next
}

func (p *Pulps) logger() *slog.Logger {
	if p.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return p.Log
}

// Uses tells how this process gets on with the servers that it is connected to.
func (p *Pulps) Uses(limits *Limits) []fleet.ServerUse {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []fleet.ServerUse
	for id, s := range p.servers {
		u := s.breaker.state()
		u.Server, u.Syncs = id, limits.inUse("server "+string(s.Name))
		if u.Concurrency = s.pace.now(); u.Concurrency == 0 {
			u.Concurrency = limits.PerServer
		}
		if !u.Idle() {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b fleet.ServerUse) int { return cmp.Compare(a.Server, b.Server) })
	return all
}

func sameAddress(a, b fleet.Server) bool {
	return a.Name == b.Name && a.URL == b.URL && a.Username == b.Username && a.Password == b.Password &&
		a.CredentialMount == b.CredentialMount && a.Domain == b.Domain && a.ContentOrigin == b.ContentOrigin && a.MirrorURL == b.MirrorURL
}

// Close stops watching and logs out of all servers.
func (p *Pulps) Close(ctx context.Context) error {
	p.mu.Lock()
	all := p.closed
	for _, s := range p.servers {
		all = append(all, s)
	}
	p.servers, p.closed = map[fleet.ServerID]*Server{}, nil
	p.mu.Unlock()
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, s := range all {
		wg.Go(func() {
			s.watcher.stop()
			errs[i] = s.Client.Close(ctx)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Server is a server of the fleet with a connection to it.
type Server struct {
	fleet.Server
	Client *pulp.Client

	limit   time.Duration
	timing  Timing
	breaker *breaker
	watcher *watcher
	look    look
	pace    *pace // nil: as many syncs as the limits allow
}

// Saw notes what the server told of itself: how many syncs it is given depends on its workers.
func (s *Server) Saw(status pulp.Status) { s.pace.saw(status.OnlineWorkers) }

// maxTries bounds the tries of a request at a server that is up but keeps failing it.
const maxTries = 8

// Try makes requests that are safe to repeat. While the server does not answer at all it
// waits, telling so in the stage, as long as the task may run; a server that answers but
// fails this request is given a bounded number of tries.
func (s *Server) Try(ctx context.Context, p *Progress, fn func(ctx context.Context) error) error {
	pause := firstProbe
	for try := 1; ; try++ {
		if err := s.await(ctx, p); err != nil {
			return err
		}
		err := fn(ctx)
		if !fault.Is(err, fault.Unavailable) {
			s.answered(ctx, err)
			return withCause(ctx, err)
		}
		if ctx.Err() != nil {
			return withCause(ctx, err)
		}
		s.breaker.trip(fault.Message(err))
		if try == maxTries {
			return err
		}
		if try > 1 { // it was up between two failures
			if err := sleep(ctx, jitter(pause)); err != nil {
				return err
			}
			pause = min(2*pause, lastProbe)
		}
	}
}

// answered notes that the server did what a request asked, or refused it with reason.
func (s *Server) answered(ctx context.Context, err error) {
	var refused *pulp.Error
	if err == nil || ctx.Err() == nil && errors.As(err, &refused) {
		s.breaker.recovered()
	}
}

// waiting says what a stage waits for while a server is down.
func (s *Server) waiting(since time.Time, why string) string {
	return fmt.Sprintf("server %s, down since %s: %s", s.Name, since.UTC().Format(time.RFC3339), why)
}

// await waits until the server is not known to be down. Meanwhile others have the upstream's slot.
func (s *Server) await(ctx context.Context, p *Progress) error {
	waited := false
	err := s.breaker.wait(ctx, func(since time.Time, why string) {
		waited = true
		if p != nil {
			p.run.slot().lend(ctx)
			p.waits(ctx, "%s", s.waiting(since, why))
		}
	})
	if !waited || err != nil || p == nil {
		return err
	}
	p.Say(ctx, "server %s answers again", s.Name)
	return p.run.slot().regain(ctx, func(what string) { p.waits(ctx, "%s", what) })
}

// withCause gives the reason for the context's end where that is why err came about.
func withCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
