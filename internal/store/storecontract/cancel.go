// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var cancels = []contract{
	{name: "a task that never began is canceled and confirmed at once", check: cancelQueued},
	{name: "a running task is canceled with its children at once, confirmed later", check: cancelRunning},
	{name: "a child can be canceled alone", check: cancelChild},
	{name: "a task that was canceled begins nothing any more", check: cancelBegins},
	{name: "what is over cannot be canceled", check: cancelRefused},
	{name: "a cancel and a transition at the same time agree", check: cancelRace},
}

func cancelQueued(w *world) {
	task := w.queued("task")
	got, err := w.Cancel(w.ctx, task.ID)
	w.ok(err)
	if got.State != fleet.Canceled || got.Finished.IsZero() || got.CancelRequested.IsZero() || got.CancelConfirmed.IsZero() || !got.Started.IsZero() {
		w.Errorf("canceled: %+v", got)
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out", n)
	}
}

func cancelRunning(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	all := w.children(lease, newTask("completed"), newTask("running"), newTask("queued"))
	w.move(lease, all[0].ID, fleet.Running)
	w.move(lease, all[0].ID, fleet.Completed)
	w.move(lease, all[1].ID, fleet.Running)
	r := w.asked(lease, all[1].ID, server, "sync")
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r")))
	got, err := w.Cancel(w.ctx, task.ID)
	w.ok(err)
	if got.State != fleet.Canceled || got.Finished.IsZero() || got.CancelRequested.IsZero() || !got.CancelConfirmed.IsZero() {
		w.Errorf("canceled: %+v", got)
	}
	for i, want := range []fleet.TaskState{fleet.Completed, fleet.Canceled, fleet.Canceled} {
		c := w.task(all[i].ID)
		if c.State != want || c.Finished.IsZero() || c.CancelRequested.IsZero() != (i == 0) || c.CancelConfirmed.IsZero() != (i != 2) {
			w.Errorf("child %d: %+v", i, c)
		}
	}
	// The one who works on it still holds it, with its locks, and can do nothing but end it.
	if n := len(value(w.FindLocks(w.ctx, server))(w)); n != 1 {
		w.Errorf("%d locks", n)
	}
	again := fleet.PulpRequest{Task: all[1].ID, Stage: r.Stage, Server: server, Step: "publish", Attempt: 1}
	w.same(second(w.RecordRequest(w.ctx, lease, again)), fleet.ErrCanceled)
	again.Task = task.ID
	w.same(second(w.RecordRequest(w.ctx, lease, again)), fleet.ErrCanceled)
	w.is(second(w.Transition(w.ctx, lease, task.ID, fleet.Completed, nil)), fault.Conflict)
	w.stage(lease, task.ID, "cancel")
	w.done(r)
	w.ok(w.ConfirmCancel(w.ctx, lease, task.ID))
	for _, id := range []fleet.TaskID{task.ID, all[1].ID} {
		if got := w.task(id); got.CancelConfirmed.IsZero() {
			w.Errorf("not confirmed: %+v", got)
		}
	}
	if left := value(w.FindLocks(w.ctx, server))(w); len(left) != 0 {
		w.Errorf("locks left: %+v", left)
	}
	w.same(second(w.SaveStage(w.ctx, lease, fleet.Stage{Task: task.ID, Name: "s", State: fleet.StageRunning})), fleet.ErrLeaseLost)
}

func cancelChild(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	all := w.children(lease, newTask("canceled"), newTask("runs on"))
	w.move(lease, all[0].ID, fleet.Running)
	w.move(lease, all[1].ID, fleet.Running)
	below, err := w.CreateChildren(w.ctx, lease, all[0].ID, []fleet.NewTask{newTask("below")})
	w.ok(err)
	stage := w.stage(lease, all[0].ID, "sync")
	w.ok(second(w.Cancel(w.ctx, all[0].ID)))
	for id, want := range map[fleet.TaskID]fleet.TaskState{
		task.ID: fleet.Running, all[0].ID: fleet.Canceled, below[0].ID: fleet.Canceled, all[1].ID: fleet.Running,
	} {
		if got := w.task(id); got.State != want {
			w.Errorf("task %d: %+v", id, got)
		}
	}
	r := fleet.PulpRequest{Task: all[0].ID, Stage: stage.ID, Server: server, Step: "sync", Attempt: 1}
	w.same(second(w.RecordRequest(w.ctx, lease, r)), fleet.ErrCanceled)
	w.asked(lease, all[1].ID, server, "sync")
}

func cancelRefused(w *world) {
	w.is(second(w.Cancel(w.ctx, 99)), fault.NotFound)
	task, lease := w.claimed("me")
	w.move(lease, task.ID, fleet.Completed)
	w.is(second(w.Cancel(w.ctx, task.ID)), fault.Conflict)
	queued := w.queued("task")
	w.ok(second(w.Cancel(w.ctx, queued.ID)))
	w.is(second(w.Cancel(w.ctx, queued.ID)), fault.Conflict)
}

func cancelRace(w *world) {
	for range 10 {
		task, lease := w.claimed("me")
		var wait sync.WaitGroup
		var canceled, completed error
		wait.Go(func() { canceled = second(w.Cancel(w.ctx, task.ID)) })
		wait.Go(func() { completed = second(w.Transition(w.ctx, lease, task.ID, fleet.Completed, nil)) })
		wait.Wait()
		switch got := w.task(task.ID); got.State {
		case fleet.Canceled:
			w.ok(canceled)
			w.is(completed, fault.Conflict)
		case fleet.Completed:
			w.ok(completed)
			w.is(canceled, fault.Conflict)
		default:
			w.Errorf("neither: %+v", got)
		}
	}
}

// cancelBegins: whoever works on a task learns that it was canceled a moment later, and must not leave parts behind that nobody ends.
func cancelBegins(w *world) {
	task, lease := w.claimed("me")
	w.ok(second(w.Cancel(w.ctx, task.ID)))
	w.same(second(w.CreateChildren(w.ctx, lease, task.ID, []fleet.NewTask{newTask("late")})), fleet.ErrCanceled)
	w.ok(w.ConfirmCancel(w.ctx, lease, task.ID))
	if all := value(w.Children(w.ctx, task.ID))(w); len(all) != 0 {
		w.Errorf("parts: %+v", all)
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d tasks need work", n)
	}
}
