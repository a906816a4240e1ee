// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// confirmed waits until a canceled or failed task's end is confirmed, and gives it.
func confirmed(f *jobtest.Fleet, id fleet.TaskID) fleet.Task {
	f.Until("the end to be confirmed", func() bool { return !f.Task(id).CancelConfirmed.IsZero() })
	return f.Task(id)
}

// TestCancelQueued: a task that is canceled before it began never runs (D18).
func TestCancelQueued(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	task := f.QueueRegister(f.Primary)
	if now := f.Cancel(task.ID); now.State != fleet.Canceled || now.CancelConfirmed.IsZero() {
		t.Errorf("after the cancel: %+v", now)
	}
	f.Serve()
	f.Ended(f.QueueRegister(f.Secondary)) // so the engine has come by
	if n := len(f.Primary.Requests()); n != 0 {
		t.Errorf("%d requests for a task that was canceled before it began", n)
	}
	if now := f.Task(task.ID); now.State != fleet.Canceled || !now.Started.IsZero() {
		t.Errorf("at the end: %+v", now)
	}
	if _, err := f.Store.Cancel(t.Context(), task.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second cancel: %v", err)
	}
}

// TestCancelRunning: a cancel answers at once; then children and Pulp tasks are canceled, locks kept until
// Pulp confirms and free afterwards, and the next run does everything (D19, D20).
func TestCancelRunning(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("two syncs to run", func() bool { return len(running(f.Primary)) == 2 })
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	gate := make(chan struct{}) // Pulp takes its time to cancel
	f.Primary.Inject(hangCancels(gate))
	before := time.Now()
	now := f.Cancel(task.ID)
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("the cancel took %s", took)
	}
	if now.State != fleet.Canceled || !now.CancelConfirmed.IsZero() || now.CancelRequested.IsZero() {
		t.Errorf("after the cancel: %+v", now)
	}
	for name, child := range f.Children(task.ID) {
		if child.State != fleet.Canceled {
			t.Errorf("child %s is %s", name, child.State)
		}
	}
	if n := len(f.Locks(f.Primary)); n != 2 {
		t.Errorf("%d locks while Pulp has not confirmed, want 2", n)
	}
	close(gate)
	confirmed(f, task.ID)
	if locks := f.Locks(f.Primary); len(locks) != 0 {
		t.Errorf("locks after the confirmation: %+v", locks)
	}
	for _, pulpTask := range f.Primary.TasksStarted("synchronize") {
		if pulpTask.State != "canceled" {
			t.Errorf("Pulp task of %s is %s", pulpTask.Subject, pulpTask.State)
		}
	}
	if n := len(f.Primary.TasksStarted("synchronize")); n != 2 {
		t.Errorf("%d syncs were asked for", n)
	}
	f.Primary.Inject(nil)
	release()
	if next := f.Ended(f.QueueSync(f.Primary, nil)); next.State != fleet.Completed {
		t.Errorf("the next run is %s: %+v", next.State, next.Error)
	}
	f.Tidy()
}

// TestCancelChild: a child that is canceled alone stops; the others go on; the parent fails and names it; its
// repository is free as soon as Pulp has confirmed (D19).
func TestCancelChild(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	releaseDeb := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer releaseDeb()
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-rpm"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the children to run", func() bool {
		return f.Children(task.ID)["ext-file"].State == fleet.Completed && len(running(f.Primary)) == 2
	})
	child := f.Children(task.ID)["ext-deb"]
	f.Cancel(child.ID)
	confirmed(f, child.ID)
	f.Until("the lock to be free", func() bool { return len(f.Locks(f.Primary)) == 1 })
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Errorf("the parent is %s while a child still runs", now.State)
	}
	release()
	ended := f.Ended(task)
	if ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "ext-deb: canceled") || !strings.Contains(ended.Error.Msg, "1 of 3") {
		t.Errorf("the parent: %s %+v", ended.State, ended.Error)
	}
	for name, want := range map[string]fleet.TaskState{"ext-deb": fleet.Canceled, "ext-rpm": fleet.Completed, "ext-file": fleet.Completed} {
		if got := f.Children(task.ID)[name].State; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	f.Tidy()
}

// TestCancelAbandonedChild: a child that is canceled while nobody works on it, because its process died, does not keep its
// repository locked until its parent ends: whoever takes the parent up cancels its Pulp task and frees it.
func TestCancelAbandonedChild(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	releaseDeb := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer releaseDeb()
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-rpm"})
	defer release()
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the children to run", func() bool {
		return f.Children(task.ID)["ext-file"].State == fleet.Completed && strings.Count(f.Story(task.ID), "task_href") >= 2 && len(running(f.Primary)) == 2
	})
	stop()
	child := f.Children(task.ID)["ext-deb"]
	f.Cancel(child.ID)
	f.CloseStore()
	f.OpenStore()
	f.Serve()
	confirmed(f, child.ID)
	f.Until("the lock to be free", func() bool { return len(f.Locks(f.Primary)) == 1 })
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Errorf("the parent is %s while a child still runs", now.State)
	}
	release()
	if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "ext-deb: canceled") {
		t.Errorf("the parent: %s %+v", ended.State, ended.Error)
	}
	f.Tidy()
}

// TestCancelWaitingChild: a child that has not begun is canceled without a word to Pulp.
func TestCancelWaitingChild(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("the first child to run", func() bool { return len(running(f.Primary)) == 1 })
	last := f.Children(task.ID)["ext-rpm"]
	if now := f.Cancel(last.ID); now.State != fleet.Canceled || now.CancelConfirmed.IsZero() {
		t.Errorf("after the cancel: %+v", now)
	}
	release()
	if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "ext-rpm: canceled") {
		t.Errorf("the parent: %s %+v", ended.State, ended.Error)
	}
	if n := started(f.Primary, "ext-rpm"); n != 0 {
		t.Errorf("%d syncs of the canceled one", n)
	}
	f.Tidy()
}

// TestCancelBetweenAttempts: a task that is canceled while nobody works on it ends, too, and what it left in Pulp
// is canceled.
func TestCancelBetweenAttempts(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("two syncs to run", func() bool { return len(running(f.Primary)) == 2 })
	stop()
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Fatalf("after the stop the task is %s", now.State)
	}
	f.Cancel(task.ID)
	f.ServeWith(f.NewWorker("second"))
	confirmed(f, task.ID)
	if n := len(running(f.Primary)); n != 0 {
		t.Errorf("%d Pulp tasks still run", n)
	}
	f.Tidy()
}

// TestCancelUnconfirmed: where Pulp cannot confirm, because a worker of it died, the lock stays with the Pulp task;
// the next run waits for that, says so, starts nothing in its place, and goes on by itself once Pulp has noticed.
func TestCancelUnconfirmed(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Confirm = 2 * time.Second })
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	f.Serve()
	only := "deb"
	deb := func(a *groupsync.Args) { a.RegexInclude = &only }
	task := f.QueueSync(f.Primary, nil, deb)
	f.Until("the sync to run", func() bool { return len(running(f.Primary)) == 1 })
	f.Primary.KillAll()
	release()
	f.Cancel(task.ID)
	f.Until("the lock to be left to the Pulp task", func() bool {
		locks := f.Locks(f.Primary)
		return len(locks) == 1 && locks[0].PulpTask != "" && locks[0].Repository == "ext-deb"
	})
	locks := f.Locks(f.Primary)
	f.Until("it to be told", func() bool { return strings.Contains(f.Task(task.ID).WaitingFor, "its worker is dead") })
	if now := f.Task(task.ID); !now.CancelConfirmed.IsZero() {
		t.Errorf("confirmed, though Pulp has not: %+v", now)
	}
	f.Primary.Revive()
	next := f.QueueSync(f.Primary, nil, deb)
	f.Says(next.ID, "Pulp task "+locks[0].PulpTask+" of task ")
	if n := started(f.Primary, "ext-deb"); n != 1 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	f.Primary.Reap()
	if ended := f.Ended(next); ended.State != fleet.Completed {
		t.Errorf("the next run is %s: %+v\n%s", ended.State, ended.Error, f.Story(next.ID))
	}
	if now := confirmed(f, task.ID); now.WaitingFor != "" {
		t.Errorf("it still waits for: %s", now.WaitingFor)
	}
	f.Tidy()
}

// TestMaxRuntime: a task that runs longer than its max_runtime fails as that, its children end, its Pulp tasks are
// canceled, and its locks are free afterwards (D21).
func TestMaxRuntime(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxRuntime = "2s" })
	ended := f.Ended(task)
	if ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "timeout") || !strings.Contains(ended.Error.Msg, "2s") {
		t.Errorf("the task is %s: %+v", ended.State, ended.Error)
	}
	f.Until("the locks to be free", func() bool { return len(f.Locks(f.Primary)) == 0 })
	for name, child := range f.Children(task.ID) {
		if !child.State.Final() || child.State.Good() || child.Error == nil {
			t.Errorf("%s is %s: %+v", name, child.State, child.Error)
		}
	}
	for _, pulpTask := range f.Primary.TasksStarted("synchronize") {
		if pulpTask.State != "canceled" {
			t.Errorf("Pulp task of %s is %s", pulpTask.Subject, pulpTask.State)
		}
	}
	release()
	if next := f.Ended(f.QueueSync(f.Primary, nil)); next.State != fleet.Completed {
		t.Errorf("the next run is %s: %+v", next.State, next.Error)
	}
	f.Tidy()
}

// TestCanceledInPulp: a Pulp task that somebody cancels in Pulp fails its child, and that is said; nothing is
// started in its place.
func TestCanceledInPulp(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the sync to run", func() bool { return started(f.Primary, "ext-deb") == 1 && len(running(f.Primary)) == 1 })
	if _, err := f.Client(f.Primary).CancelTask(t.Context(), pulp.Href(running(f.Primary)[0].Href)); err != nil {
		t.Fatal(err)
	}
	ended := f.Ended(task)
	if ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "was canceled in Pulp") || !strings.Contains(ended.Error.Msg, "1 of 3") {
		t.Errorf("the task is %s: %+v", ended.State, ended.Error)
	}
	if n := started(f.Primary, "ext-deb"); n != 1 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	f.Tidy()
}

// TestCancelWhileServerIsDown: the answer to a cancel does not wait for a server that is down; once that answers
// again the Pulp tasks are canceled.
func TestCancelWhileServerIsDown(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Confirm = 2 * time.Second })
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	f.Primary.Stop()
	f.Says(task.ID, "waiting for server")
	if now := f.Cancel(task.ID); now.State != fleet.Canceled {
		t.Errorf("after the cancel: %+v", now)
	}
	stop() // also a stop need not wait for the server
	f.ServeWith(f.NewWorker("second"))
	if n := len(f.Locks(f.Primary)); n != 2 {
		t.Errorf("%d locks while Pulp does not know of the cancel", n)
	}
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	confirmed(f, task.ID)
	if n := len(running(f.Primary)); n != 0 {
		t.Errorf("%d Pulp tasks still run", n)
	}
	f.Tidy()
}

// TestCancelOfNothing: what is not there cannot be canceled.
func TestCancelOfNothing(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	if _, err := f.Store.Cancel(t.Context(), 4711); !fault.Is(err, fault.NotFound) || errors.Is(err, fleet.ErrCanceled) {
		t.Errorf("cancel of task 4711: %v", err)
	}
}
