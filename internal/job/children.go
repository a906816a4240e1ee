// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Children creates the children of a task, once, and runs those that are not over yet, at most
// concurrency at a time, in order. A child that fails stops none of the others. Seen is told
// each time one has begun or ended. The error says that the children could not be
// created or run at all; how each ended is in its state.
func Children(ctx context.Context, r *Run, specs []fleet.NewTask, concurrency int, seen func(running, ended, all int)) ([]fleet.Task, error) {
	children, err := r.Env.Work.CreateChildren(ctx, r.Lease, r.Task.ID, specs)
	if err != nil {
		return nil, err
	}
	var (
		wg             sync.WaitGroup
		mu             sync.Mutex
		running, ended int
		broken         error
	)
	count := func(began, over int) {
		mu.Lock()
		defer mu.Unlock()
		running, ended = running+began, ended+over
		seen(running, ended, len(children))
	}
	before := 0
	for _, c := range children {
		if c.State.Final() {
			before++
		}
	}
	if before > 0 {
		count(0, before)
	}
	slots := make(chan struct{}, max(concurrency, 1))
	start := func(i int, own *place) {
		wg.Go(func() {
			defer own.end()
			if err := r.child(ctx, &children[i], own); err != nil {
				mu.Lock()
				broken = errors.Join(broken, err)
				mu.Unlock()
			}
		})
	}
	var queued []int
	for i, c := range children {
		switch {
		case c.State == fleet.Queued:
			queued = append(queued, i)
		case leftover(c):
			wg.Go(func() { r.clear(ctx, c, &place{slots: slots, count: func(int, int) {}}) })
		case c.State == fleet.Running: // it may hold locks, which others wait for
			own := &place{slots: slots, count: count}
			own.enter()
			start(i, own)
		}
	}
	for _, i := range queued {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		mu.Lock()
		gone := errors.Is(broken, fleet.ErrStoreGone) // nothing that a child does could be stored
		mu.Unlock()
		if ctx.Err() != nil || gone {
			break
		}
		count(1, 0)
		start(i, &place{slots: slots, count: count, runs: true, held: true})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return children, context.Cause(ctx)
	}
	return children, broken
}

// child runs one child to its end and stores how it ended, also in task. An error means that it could not be stored.
func (r *Run) child(ctx context.Context, task *fleet.Task, own *place) (err error) {
	work, err := r.Env.work(task.Kind)
	if err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.mu.Lock()
	r.cancel[task.ID] = cancel
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.cancel, task.ID)
		r.mu.Unlock()
	}()
	if task.State == fleet.Queued {
		if began, err := r.start(ctx, task); !began {
			return err
		}
	}
	if task.MaxRuntime > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, r.local(task.Started.Add(task.MaxRuntime)), fleet.ErrTimeout)
		defer stop()
	}
	run := &Run{Task: *task, Lease: r.Lease, Env: r.Env, gate: r.gate, parent: r, place: own, cancel: map[fleet.TaskID]context.CancelCauseFunc{}}
	if err = run.begin(ctx); err == nil {
		err = fault.Protect(func() error { return work(ctx, run) })
	}
	return run.conclude(ctx, outer, err, task)
}

// conclude stores how a child ended, and gives what is stored. It is not put into child, which waits with a stack of its own.
//
//go:noinline
func (r *Run) conclude(ctx, outer context.Context, err error, into *fleet.Task) error {
	*into, err = r.end(ctx, outer, err)
	r.TellRequests()
	return err
}

// start tells the store that a child begins; false where it does not: it was canceled before, or that cannot be stored.
func (r *Run) start(ctx context.Context, task *fleet.Task) (began bool, err error) {
	started, err := r.Env.Work.Transition(ctx, r.Lease, task.ID, fleet.Running, nil)
	if fault.Is(err, fault.Conflict) && !errors.Is(err, fleet.ErrLeaseLost) {
		if started, err = r.Env.Tasks.Task(ctx, task.ID); err == nil {
			*task = started
		}
		return false, err
	}
	if err == nil {
		*task = started
	}
	return err == nil, err
}

// end stores how a child ended. Outer is the context of its parent.
func (r *Run) end(ctx, outer context.Context, err error) (fleet.Task, error) {
	stored := context.WithoutCancel(ctx)
	to := fleet.Completed
	switch {
	case outer.Err() != nil:
		return r.Task, nil // the root's end decides
	case errors.Is(context.Cause(ctx), fleet.ErrCanceled), errors.Is(err, fleet.ErrCanceled):
		return r.stopped(outer)
	case errors.Is(context.Cause(ctx), fleet.ErrTimeout) && err != nil:
		if _, err := r.Env.Work.Transition(stored, r.Lease, r.Task.ID, fleet.Failed, Explain(TimeoutError(r.Task))); err != nil && !fault.Is(err, fault.Conflict) {
			return r.Task, err
		}
		return r.stopped(outer)
	case errors.Is(err, fleet.ErrLeaseLost), goesOn(r.Lease, err):
		return r.Task, err // it stays as it is, and goes on with its parent's next attempt
	case err != nil:
		to = fleet.Failed
		r.Log.Warn("child failed", "name", r.Task.Name, "err", err)
	}
	task, saveErr := r.Env.Work.Transition(stored, r.Lease, r.Task.ID, to, Explain(err))
	if fault.Is(saveErr, fault.Conflict) && !errors.Is(saveErr, fleet.ErrLeaseLost) {
		return r.stopped(outer) // in this very moment
	}
	return task, saveErr
}

// stopped ends a child that was canceled alone, or whose time is over: the store says so already. What Pulp still does for
// it is cancelled now, and its lock freed once Pulp confirms. Where that does not work out while others run, the root's end
// sees to it. Its place is free meanwhile.
func (r *Run) stopped(ctx context.Context) (fleet.Task, error) {
	stored := context.WithoutCancel(ctx)
	r.place.leave()
	for {
		err := r.CancelPulpTasks(ctx, r.Task.ID)
		if err == nil {
			break
		}
		r.Log.Info("Pulp tasks of a canceled task not confirmed yet", "err", err)
		if sleep(ctx, time.Second) != nil || r.place.last() {
			return r.Env.Tasks.Task(stored, r.Task.ID)
		}
	}
	if err := r.Env.Work.ConfirmCancel(stored, r.Lease, r.Task.ID); err != nil {
		return r.Task, err
	}
	name, err := r.repositoryOf(stored, r.Task.ID)
	if err == nil && name != "" {
		err = r.Env.Locks.ReleaseLock(stored, r.Lease, r.Task.Server, name)
	}
	if err != nil {
		return r.Task, err
	}
	return r.Env.Tasks.Task(stored, r.Task.ID)
}

// TimeoutError is why a task ended that ran longer than it may.
func TimeoutError(t fleet.Task) error {
	return fault.Wrap(fault.Unavailable, fleet.ErrTimeout, "timeout: the task ran longer than its max_runtime of %s", t.MaxRuntime).
		WithHint("raise max_runtime, or find out in its stages what took so long")
}

// MaxAttempts is how often a task is begun at most, where each time something it needs does not answer.
const MaxAttempts = 8

// MayRetry tells whether a task whose attempt ended because something did not answer is to be tried again. How often
// it was taken up by another process does not count.
func MayRetry(l fleet.Lease) bool { return l.Retries+1 < MaxAttempts }

// goesOn tells whether an error ends the attempt at the task, but not the task. That the store is gone says nothing about
// the task, however often it was tried before: it goes on when the store is back.
func goesOn(l fleet.Lease, err error) bool {
	return errors.Is(err, fleet.ErrStoreGone) || (fault.Is(err, fault.Unavailable) && MayRetry(l))
}

// most is how many failed children a parent's error names.
const most = 20

// ChildrenError says which children did not end well, and why; nil where all did.
func ChildrenError(children []fleet.Task) error {
	var bad []string
	for _, c := range children {
		if c.State.Good() {
			continue
		}
		text := fmt.Sprintf("%s: %s", c.Name, c.State)
		if c.Error != nil && c.Error.Msg != "" {
			text += ": " + c.Error.Msg
		}
		bad = append(bad, text)
	}
	if len(bad) == 0 {
		return nil
	}
	shown := bad[:min(len(bad), most)]
	text := strings.Join(shown, "; ")
	if len(bad) > len(shown) {
		text += fmt.Sprintf("; and %d more", len(bad)-len(shown))
	}
	return fault.New(fault.Invalid, "%d of %d did not succeed: %s", len(bad), len(children), text).
		WithHint("look at the failed child tasks: each says what to do")
}
