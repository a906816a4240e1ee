// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

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
	for i := range children {
		if leftover(children[i]) {
			wg.Go(func() { r.clear(ctx, children[i]) })
		}
		if children[i].State.Final() {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			count(1, 0)
			defer count(-1, 1)
			ended, err := r.child(ctx, children[i])
			children[i] = ended
			if err != nil {
				mu.Lock()
				broken = errors.Join(broken, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return children, context.Cause(ctx)
	}
	return children, broken
}

// child runs one child to its end and stores how it ended. An error means that it could not be stored.
func (r *Run) child(ctx context.Context, task fleet.Task) (fleet.Task, error) {
	definition, ok := r.Env.Definition(task.Kind)
	if !ok {
		return task, fault.New(fault.Internal, "there is no job %q", task.Kind)
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
		started, err := r.Env.Work.Transition(ctx, r.Lease, task.ID, fleet.Running, nil)
		if fault.Is(err, fault.Conflict) && !errors.Is(err, fleet.ErrLeaseLost) {
			return r.Env.Tasks.Task(ctx, task.ID) // canceled before it began
		}
		if err != nil {
			return task, err
		}
		task = started
	}
	run := &Run{Task: task, Lease: r.Lease, Env: r.Env, gate: r.gate, parent: r, cancel: map[fleet.TaskID]context.CancelCauseFunc{}}
	err := run.begin(ctx)
	if err == nil {
		err = fault.Protect(func() error { return definition.Run(ctx, run) })
	}
	return run.end(ctx, outer, err)
}

// end stores how a child ended. Outer is the context of its parent.
func (r *Run) end(ctx, outer context.Context, err error) (fleet.Task, error) {
	stored := context.WithoutCancel(ctx)
	to := fleet.Completed
	switch {
	case outer.Err() != nil:
		return r.Task, nil // the root's end decides
	case errors.Is(context.Cause(ctx), fleet.ErrCanceled), errors.Is(err, fleet.ErrCanceled):
		return r.canceled(outer)
	case errors.Is(err, fleet.ErrLeaseLost), fault.Is(err, fault.Unavailable) && MayRetry(r.Lease):
		return r.Task, err // it stays as it is, and goes on with its parent's next attempt
	case err != nil:
		to = fleet.Failed
		r.Log.Warn("child failed", "name", r.Task.Name, "err", err)
	}
	task, saveErr := r.Env.Work.Transition(stored, r.Lease, r.Task.ID, to, Explain(err))
	if fault.Is(saveErr, fault.Conflict) && !errors.Is(saveErr, fleet.ErrLeaseLost) {
		return r.canceled(outer) // in this very moment
	}
	return task, saveErr
}

// canceled ends a child that was canceled alone: the store says so already. What Pulp still does for
// it is cancelled now, and its lock freed once Pulp confirms. Where that does not work out
// here, the root's end sees to it.
func (r *Run) canceled(ctx context.Context) (fleet.Task, error) {
	stored := context.WithoutCancel(ctx)
	if err := r.CancelPulpTasks(ctx, r.Task.ID); err != nil {
		r.Log.Info("Pulp tasks of a canceled task not confirmed yet", "err", err)
		return r.Env.Tasks.Task(stored, r.Task.ID)
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

// maxAttempts bounds how often a task is tried again because something it needs does not answer.
const maxAttempts = 5

// MayRetry tells whether a task whose attempt ended because something did not answer is to be tried again.
func MayRetry(l fleet.Lease) bool { return l.Epoch < maxAttempts }

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
