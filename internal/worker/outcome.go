// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"math/rand/v2"
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
	retry                  // something it needs did not answer: once more after a while, but not for ever
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

// kinds says what other errors mean, by their kind. A Conflict has been waited for where that helps: by whoever met it.
// What Pulp tasks fail for is decided in their stage: see job.Progress.
var kinds = map[fault.Kind]verdict{
	fault.Unavailable:     retry,
	fault.Invalid:         finish,
	fault.Unauthenticated: finish,
	fault.Forbidden:       finish,
	fault.NotFound:        finish,
	fault.Conflict:        finish,
	fault.TooMany:         retry,
	fault.Internal:        finish, // a person must look
}

func verdictOf(err error) verdict {
	for _, o := range outcomes {
		if errors.Is(err, o.reason) {
			return o.verdict
		}
	}
	if err == nil {
		return finish
	}
	return kinds[fault.KindOf(err)]
}

// Bounds of the time before a task is tried again whose store, or server, or source of passwords
// did not answer.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// yieldEach is how long to wait before a lease is tried to be given back again.
const yieldEach = 500 * time.Millisecond

// retryAfter gives the time before another try, doubling with each, half of it by chance.
func retryAfter(attempt int) time.Duration {
	d := min(firstRetry<<min(max(attempt-1, 0), 10), lastRetry)
	return d/2 + rand.N(d/2+1)
}

// conclude stores how a run ended.
func (w *Worker) conclude(ctx context.Context, h *held, err error) error {
	ctx, done := w.untilStopped(ctx)
	defer done()
	root := h.run.Task.ID
	var saveErr error
	decided := verdictOf(err)
	if decided == retry && !job.MayRetry(h.lease) && !errors.Is(err, fleet.ErrStoreGone) {
		decided = finish
	}
	switch decided {
	case abandon:
		return nil
	case handOn:
		return w.yield(ctx, h, time.Second)
	case retry:
		if errors.Is(err, fleet.ErrStoreGone) { // it could not note a retry, and none counts
			return w.yield(ctx, h, retryAfter(1))
		}
		attempt := h.lease.Retries + 1
		after := retryAfter(attempt)
		w.log.Warn("task is tried again", "task", root, "attempt", attempt+1, "seconds", after.Seconds(), "err", err)
		if err := w.env.Work.Postpone(context.WithoutCancel(ctx), h.lease, after, fault.Message(err)); err != nil {
			w.log.Warn("next attempt not noted", "task", root, "err", err)
		}
		return w.yield(ctx, h, after)
	case finish:
		if saveErr = w.store(ctx, h, err); saveErr == nil {
			saveErr = w.tidy(ctx, h)
		}
	case giveUp:
		if saveErr = w.endChildren(ctx, h); saveErr == nil {
			saveErr = w.store(ctx, h, job.TimeoutError(h.run.Task))
		}
		if saveErr == nil {
			saveErr = w.confirm(ctx, h)
		}
	case confirm:
		saveErr = w.confirm(ctx, h)
	}
	var later *unconfirmedError
	switch {
	case saveErr == nil, errors.Is(saveErr, fleet.ErrLeaseLost):
		return nil
	case errors.As(saveErr, &later):
		w.log.Info("Pulp tasks not confirmed as ended yet", "task", root, "err", later.why)
		return w.yield(ctx, h, time.Second)
	}
	w.log.Error("end of task not stored", "task", root, "err", saveErr)
	return w.yield(ctx, h, time.Second)
}

// store moves the root task to its final state.
func (w *Worker) store(ctx context.Context, h *held, err error) error {
	to := fleet.Completed
	if err != nil {
		to = fleet.Failed
	}
	task, saveErr := w.env.Work.Transition(context.WithoutCancel(ctx), h.lease, h.run.Task.ID, to, job.Explain(err))
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
	ctx = context.WithoutCancel(ctx)
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
		_, err := w.env.Work.Transition(ctx, h.lease, c.ID, to, job.Explain(fault.New(fault.Unavailable, "task %d, which this one is a part of, ran longer than its max_runtime of %s", c.Parent, h.run.Task.MaxRuntime).
			WithHint("raise max_runtime, or retry task %d: what is done is not done again", c.Parent)))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// untilStopped gives a context that outlives the run's end, but not the worker's.
func (w *Worker) untilStopped(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(w.life, func() { cancel(context.Cause(w.life)) })
	return ctx, func() { stop(); cancel(nil) }
}

// unconfirmedError says that Pulp tasks of a task that is over may still run.
type unconfirmedError struct{ why error }

func (e *unconfirmedError) Error() string { return "Pulp tasks not confirmed: " + e.why.Error() }

// confirm cancels what the task started in Pulp, and notes that it is over.
func (w *Worker) confirm(ctx context.Context, h *held) error {
	if err := h.run.CancelPulpTasks(ctx, h.run.Task.ID); err != nil {
		if errors.Is(err, fleet.ErrLeaseLost) {
			return err
		}
		return &unconfirmedError{err}
	}
	return w.env.Work.ConfirmCancel(context.WithoutCancel(ctx), h.lease, h.run.Task.ID)
}

// tidy cancels what a task that ended by itself left behind in Pulp: mostly nothing.
func (w *Worker) tidy(ctx context.Context, h *held) error {
	open, err := w.env.Requests.OpenRequests(context.WithoutCancel(ctx), h.run.Task.ID)
	if err != nil || len(open) == 0 {
		return err
	}
	return w.confirm(ctx, h)
}

// yield gives a lease back and asks the engine for the task again after a while. Where the store does not answer it tries
// again, so that the task need not wait for the end of the lease once the store is back.
func (w *Worker) yield(ctx context.Context, h *held, after time.Duration) error {
	for {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
		err := w.leases.Yield(limit, h.lease)
		cancel()
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Unavailable) || w.stops() || h.age() > fleet.LeaseTime-safety {
			w.log.Warn("lease not given back", "task", h.lease.Task, "err", err)
			break
		}
		select {
		case <-w.life.Done():
		case <-time.After(yieldEach):
		}
	}
	return &Again{After: after}
}

// stops tells whether the worker stops.
func (w *Worker) stops() bool { return w.life.Err() != nil }
