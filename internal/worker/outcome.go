// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// verdict is what becomes of a task whose run ended so.
type verdict int

const (
	finish  verdict = iota // store how it ended
	giveUp                 // its time is over: cancel what it started in Pulp, then store that it failed
	confirm                // it is over already: cancel what it started in Pulp, then confirm
	handOn                 // it goes on elsewhere or later: give the lease back
	abandon                // another works on it: write nothing more
)

// outcomes says what the reason for a run's end means. The first that fits counts.
var outcomes = []struct {
	reason  error
	verdict verdict
}{
	{fleet.ErrLeaseLost, abandon},
	{fleet.ErrCanceled, confirm},
	{fleet.ErrTimeout, giveUp},
	{fleet.ErrStopping, handOn},
	{context.Canceled, handOn}, // the engine stops
}

func verdictOf(err error) verdict {
	for _, o := range outcomes {
		if errors.Is(err, o.reason) {
			return o.verdict
		}
	}
	return finish
}

// conclude stores how a run ended.
func (w *Worker) conclude(ctx context.Context, h *held, err error) error {
	ctx = context.WithoutCancel(ctx)
	root := h.run.Task.ID
	var saveErr error
	switch verdictOf(err) {
	case abandon:
		return nil
	case handOn:
		return w.yield(ctx, h.lease)
	case finish:
		saveErr = w.store(ctx, h, err)
	case giveUp:
		if saveErr = w.endChildren(ctx, h); saveErr == nil {
			saveErr = w.store(ctx, h, timeout(h.run.Task))
		}
		saveErr = errors.Join(saveErr, w.confirm(ctx, h))
	case confirm:
		saveErr = w.confirm(ctx, h)
	}
	switch {
	case saveErr == nil:
		return nil
	case errors.Is(saveErr, fleet.ErrLeaseLost):
		return nil
	}
	w.log.Error("end of task not stored", "task", root, "err", saveErr)
	return w.yield(ctx, h.lease)
}

func timeout(t fleet.Task) error {
	return fault.Wrap(fault.Unavailable, fleet.ErrTimeout, "timeout: the task ran longer than its max_runtime of %s", t.MaxRuntime).
		WithHint("raise max_runtime, or find out in its stages what took so long")
}

// store moves the root task to its final state.
func (w *Worker) store(ctx context.Context, h *held, err error) error {
	to := fleet.Completed
	if err != nil {
		to = fleet.Failed
	}
	task, saveErr := w.env.Work.Transition(ctx, h.lease, h.run.Task.ID, to, job.Explain(err))
	if fault.Is(saveErr, fault.Conflict) && !errors.Is(saveErr, fleet.ErrLeaseLost) {
		return w.confirm(ctx, h) // canceled in this very moment
	}
	if saveErr == nil {
		log := h.run.Log.Info
		if err != nil {
			log = h.run.Log.Warn
		}
		log("task ends", "name", task.Name, "state", task.State, "seconds", task.Finished.Sub(task.Started).Seconds(), "err", err)
	}
	return saveErr
}

// endChildren ends the children that are left when their parent's time is over.
func (w *Worker) endChildren(ctx context.Context, h *held) error {
	children, err := w.env.Tasks.Children(ctx, h.run.Task.ID)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range children {
		to := fleet.Failed
		switch {
		case c.State.Final():
			continue
		case c.State == fleet.Queued:
			to = fleet.Canceled
		}
		_, err := w.env.Work.Transition(ctx, h.lease, c.ID, to, job.Explain(fault.New(fault.Unavailable, "the group ran longer than its max_runtime")))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// confirm cancels what the task started in Pulp, and notes that it is over.
func (w *Worker) confirm(ctx context.Context, h *held) error {
	if err := h.run.CancelPulpTasks(ctx, h.run.Task.ID); err != nil {
		return err
	}
	return w.env.Work.ConfirmCancel(ctx, h.lease, h.run.Task.ID)
}

// yield gives a lease back and asks the engine for the task again.
func (w *Worker) yield(ctx context.Context, lease fleet.Lease) error {
	if err := w.leases.Yield(context.WithoutCancel(ctx), lease); err != nil {
		w.log.Warn("lease not given back", "task", lease.Task, "err", err)
	}
	return &Again{After: time.Second}
}
