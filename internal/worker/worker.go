// SPDX-License-Identifier: Apache-2.0

// Package worker runs tasks: it holds their leases, ends them when they are cancelled
// or out of time, decides what an error means for them, and takes up what other
// processes left behind.
package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// How often a worker looks for cancellations, and for tasks whose process died.
const (
	lookForInterrupts = time.Second
	lookAtLeases      = time.Second
	sweepEach         = 5 * time.Second
	// storeTime is how long the store may take for one of these, so that there is time for another try before a
	// lease ends.
	storeTime = 7 * time.Second
	// safety is how long before its lease may end a run sends nothing more to Pulp.
	safety = 5 * time.Second
)

// Again asks the engine to hand a task over again after some time.
type Again struct{ After time.Duration }

// Error says so.
func (a *Again) Error() string { return "again after " + a.After.String() }

// Worker runs tasks of one process.
type Worker struct {
	leases fleet.Leases
	env    *job.Env
	owner  string // unique to this process
	name   string // of the host, shown in tasks
	log    *slog.Logger

	life context.Context // ends when the worker stops
	end  context.CancelCauseFunc

	mu       sync.Mutex
	held     map[fleet.TaskID]*held
	stopping bool
	idle     sync.WaitGroup // runs under way
}

// held is a root task this process works on.
type held struct {
	lease  fleet.Lease
	run    *job.Run
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	renewed time.Time // when the lease was last known to be ours
}

// New makes a worker. Owner must be unique to the process, name is what its tasks show.
func New(leases fleet.Leases, env *job.Env, owner, name string) *Worker {
	w := &Worker{leases: leases, env: env, owner: owner, name: name, log: env.Logger, held: map[fleet.TaskID]*held{}}
	w.life, w.end = context.WithCancelCause(context.Background())
	return w
}

// Work runs one task that the engine hands over, until it is over, is taken away or
// the worker stops. It gives *Again where the engine should hand it over again.
func (w *Worker) Work(ctx context.Context, id fleet.TaskID, jobID string) error {
	if !w.enter() {
		return &Again{}
	}
	defer w.idle.Done()
	began := time.Now() // before the lease does
	task, lease, err := w.leases.Claim(ctx, id, w.owner, w.name, jobID)
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
		return nil // another has it, or it is over
	case err != nil:
		w.log.Warn("task not claimed", "task", id, "err", err)
		return &Again{After: sweepEach}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	h := &held{lease: lease, cancel: cancel, renewed: began}
	if h.run, err = job.NewRun(ctx, w.env, task, lease, h.gate); err != nil {
		w.log.Warn("task not begun", "task", id, "err", err)
		return w.yield(ctx, h, time.Second)
	}
	w.hold(id, h)
	defer w.drop(id)
	err = w.perform(ctx, h.run, task, began)
	h.run.TellRequests()
	return w.conclude(ctx, h, err)
}

// enter notes a run under way, unless the worker is stopping.
func (w *Worker) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping {
		return false
	}
	w.idle.Add(1)
	return true
}

func (w *Worker) hold(id fleet.TaskID, h *held) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[id] = h
	if w.stopping {
		h.cancel(fleet.ErrStopping)
	}
}

func (w *Worker) drop(id fleet.TaskID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, id)
}

// perform does the task's work within its run time. For a task that is over but whose Pulp
// tasks are not confirmed, that is in conclude.
func (w *Worker) perform(ctx context.Context, run *job.Run, task fleet.Task, began time.Time) error {
	if task.State.Final() {
		return fleet.ErrCanceled
	}
	definition, ok := w.env.Definition(task.Kind)
	if !ok {
		return fault.New(fault.Internal, "there is no job %q in this version", task.Kind)
	}
	if task.MaxRuntime > 0 {
		var stop context.CancelFunc
		// How long it has run so far is the difference of two moments of the store's clock; ours may be another.
		ran := task.Updated.Sub(task.Started)
		ctx, stop = context.WithDeadlineCause(ctx, began.Add(task.MaxRuntime-ran), fleet.ErrTimeout)
		defer stop()
	}
	run.Log.Info("task begins", "name", task.Name, "resumed", run.Resumed())
	err := fault.Protect(func() error { return definition.Run(ctx, run) })
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

// gate lets requests to Pulp through while the lease is surely ours.
func (h *held) gate(context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.renewed) > fleet.LeaseTime-safety {
		return fleet.ErrLeaseLost
	}
	return nil
}

func (h *held) renew(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.renewed = at
}

func (h *held) age() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.renewed)
}

// Run keeps the leases, looks for cancellations and for tasks left behind, until the context
// ends; then it stops the runs and waits for them.
func (w *Worker) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { every(ctx, fleet.LeaseRenewal, w.renew) })
	loops.Go(func() { every(ctx, lookAtLeases, w.expire) })
	loops.Go(func() { every(ctx, lookForInterrupts, w.interrupt) })
	loops.Go(func() { every(ctx, sweepEach, w.sweep) })
	loops.Wait()
}

// Stop ends all runs, so that their tasks go on elsewhere or after the next start, and waits for
// them. Leases are kept up meanwhile only if Run still runs.
func (w *Worker) Stop() {
	w.mu.Lock()
	w.stopping = true
	for _, h := range w.held {
		h.cancel(fleet.ErrStopping)
	}
	w.mu.Unlock()
	w.end(fleet.ErrStopping)
	w.idle.Wait()
}

func every(ctx context.Context, d time.Duration, fn func(context.Context)) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			limit, cancel := context.WithTimeout(ctx, storeTime)
			fn(limit)
			cancel()
		}
	}
}

// over tells whether the loop ends, rather than that the store took too long.
func over(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// renew prolongs the leases, and ends the runs whose lease is another's or cannot be prolonged.
func (w *Worker) renew(ctx context.Context) {
	all := w.all()
	if len(all) == 0 {
		return
	}
	at := time.Now()
	ids, err := w.leases.Renew(ctx, w.owner)
	ours := map[fleet.TaskID]bool{}
	for _, id := range ids {
		ours[id] = true
	}
	for id, h := range all {
		switch {
		case err == nil && ours[id]:
			h.renew(at)
		case err == nil:
			w.log.Warn("lease lost", "task", id)
			h.cancel(fleet.ErrLeaseLost)
		}
	}
	if err != nil && !over(ctx) {
		w.log.Error("leases not renewed", "err", err)
	}
}

// expire ends the runs whose lease may be another's soon: whatever the store does, it was not renewed in time.
func (w *Worker) expire(context.Context) {
	for id, h := range w.all() {
		if h.age() > fleet.LeaseTime-safety {
			w.log.Warn("lease lost", "task", id, "silent_seconds", h.age().Seconds())
			h.cancel(fleet.ErrLeaseLost)
		}
	}
}

// interrupt ends the runs that were cancelled.
func (w *Worker) interrupt(ctx context.Context) {
	all := w.all()
	if len(all) == 0 {
		return
	}
	ids, err := w.leases.Interrupted(ctx, w.owner)
	if err != nil {
		if !over(ctx) {
			w.log.Warn("cancellations not read", "err", err)
		}
		return
	}
	for _, id := range ids {
		if h, ok := all[id]; ok {
			h.cancel(fleet.ErrCanceled)
			continue
		}
		for _, h := range all {
			if h.run.Interrupt(id, fleet.ErrCanceled) {
				break
			}
		}
	}
}

// sweep hands tasks of dead processes to the engine.
func (w *Worker) sweep(ctx context.Context) {
	n, err := w.leases.Sweep(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		w.log.Warn("abandoned tasks not looked for", "err", err)
	}
	if n > 0 {
		w.log.Info("abandoned tasks go on", "count", n)
	}
}

func (w *Worker) all() map[fleet.TaskID]*held {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[fleet.TaskID]*held, len(w.held))
	for id, h := range w.held {
		all[id] = h
	}
	return all
}
