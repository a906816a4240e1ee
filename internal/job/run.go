// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Run is one attempt of this process at a task, or at a child of one.
type Run struct {
	Task  fleet.Task
	Lease fleet.Lease // of the root task
	Env   *Env
	Log   *slog.Logger

	gate   func(context.Context) error
	began  time.Time    // by our clock, when the store's was at Task.Updated; root only
	parent *Run         // nil for the root
	place  *place       // among the children that run at a time; nil for the root
	sent   atomic.Int64 // requests, also by its children

	mu     sync.Mutex
	stages map[string]fleet.Stage // of earlier attempts, by name
	shared any
	slots  *Slot                                    // that this run syncs by; nil: none
	cancel map[fleet.TaskID]context.CancelCauseFunc // root only: contexts of running children
}

// NewRun begins an attempt at a root task. Gate is asked before each request to Pulp
// and fails once the lease may be lost.
func NewRun(ctx context.Context, env *Env, task fleet.Task, lease fleet.Lease, gate func(context.Context) error) (*Run, error) {
	r := &Run{Task: task, Lease: lease, Env: env, gate: gate, began: time.Now(), cancel: map[fleet.TaskID]context.CancelCauseFunc{}}
	return r, r.begin(ctx)
}

// begin loads what earlier attempts left.
func (r *Run) begin(ctx context.Context) error {
	r.Log = r.Env.Logger.With("task", r.Task.ID, "kind", r.Task.Kind)
	found, err := r.Env.Tasks.Stages(ctx, r.Task.ID)
	if err != nil {
		return err
	}
	r.stages = make(map[string]fleet.Stage, len(found))
	for _, s := range found {
		r.stages[s.Name] = s
	}
	return nil
}

// local gives the moment of our clock that is one of the store's; the two may differ.
func (r *Run) local(stores time.Time) time.Time { return r.began.Add(stores.Sub(r.Task.Updated)) }

// Resumed tells whether an earlier attempt left stages behind.
func (r *Run) Resumed() bool { return len(r.stages) > 0 }

// Ends tells whether what ended one part of the work ends the whole attempt: the task was canceled or
// taken over, or something it needs does not answer, and it will be tried again.
func (r *Run) Ends(err error) bool {
	return errors.Is(err, fleet.ErrLeaseLost) || errors.Is(err, fleet.ErrCanceled) || goesOn(r.Lease, err)
}

// Context gives the context in which the run's requests are sent: each is let through by
// the gate, so a process that lost its lease sends nothing more.
func (r *Run) Context(ctx context.Context) context.Context { return pulp.WithGate(ctx, r.pass) }

// pass lets a request through, and counts it.
func (r *Run) pass(ctx context.Context) error {
	if r.gate != nil {
		if err := r.gate(ctx); err != nil {
			return err
		}
	}
	r.sends()
	return nil
}

// Args reads the task's arguments.
func (r *Run) Args(into any) error {
	if err := json.Unmarshal(r.Task.Args, into); err != nil {
		return fault.Wrap(fault.Invalid, err, "arguments of task %d cannot be read", r.Task.ID)
	}
	return nil
}

// Server gives a connection to a server of the fleet.
func (r *Run) Server(ctx context.Context, id fleet.ServerID) (*Server, error) {
	s, err := r.Env.Servers.Server(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.Removed.IsZero() {
		return nil, fault.New(fault.NotFound, "server %s is no longer in the configuration", s.Name)
	}
	return r.Env.Pulps.Server(s)
}

// Share leaves a value for the children, which they must not rely on: after a crash
// there is none.
func (r *Run) Share(value any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shared = value
}

// Shared gives what the parent shared, if it is a T.
func Shared[T any](r *Run) (T, bool) {
	var none T
	if r.parent == nil {
		return none, false
	}
	r.parent.mu.Lock()
	defer r.parent.mu.Unlock()
	value, ok := r.parent.shared.(T)
	return value, ok
}

// SharedSince gives when the task began whose parent shared something, by the database's clock: what was shared is not older.
func (r *Run) SharedSince() time.Time {
	if r.parent == nil {
		return time.Time{}
	}
	return r.parent.Task.Started
}

// Acquire waits for the right to sync a repository of a server, from an upstream host if there is one that counts, and gives
// the way to give it back. The stage says what it waits for.
func (r *Run) Acquire(ctx context.Context, p *Progress, s *Server, upstream string) (release func(), err error) {
	slot, err := r.Env.Limits.Acquire(ctx, Want{Server: s, Upstream: upstream, Lease: r.Lease, Task: r.Task.ID},
		func(what string) { p.waits(ctx, "%s", what) })
	if err != nil {
		return nil, err
	}
	r.setSlot(slot)
	return func() {
		r.setSlot(nil)
		slot.Release(ctx)
	}, nil
}

func (r *Run) setSlot(s *Slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots = s
}

func (r *Run) slot() *Slot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots
}

// Interrupt ends the run of a child with a cause. It tells whether that child runs here.
func (r *Run) Interrupt(child fleet.TaskID, cause error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	cancel, ok := r.cancel[child]
	if ok {
		cancel(cause)
	}
	return ok
}
