// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// completed fails the test unless a task that the engine runs completes.
func completed(t *testing.T, f *jobtest.Fleet, task fleet.Task) {
	t.Helper()
	if ended := f.Ended(task); ended.State != fleet.Completed {
		t.Errorf("task %d is %s: %+v\n%s", task.ID, ended.State, ended.Error, f.Story(task.ID))
	}
}

// TestServerDownAtStart: tasks of a server that is down wait, say so, and go on by themselves; those of others
// are not delayed; and the dead one costs few probes, however many wait for it.
func TestServerDownAtStart(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Mirrors = false })
	f.Register(f.Primary)
	f.Register(f.Secondary)
	f.Primary.Stop()
	f.Serve()
	waiting := []fleet.Task{f.QueueRegister(f.Primary), f.QueueSync(f.Primary, nil)}
	for _, task := range waiting {
		f.Says(task.ID, "waiting for server "+string(jobtest.Name(f.Primary))+", down since ")
	}
	completed(t, f, f.QueueSync(f.Secondary, nil))
	for _, task := range waiting {
		if now := f.Task(task.ID); now.State != fleet.Running {
			t.Errorf("task %d is %s while its server is down", task.ID, now.State)
		}
	}
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, task := range waiting {
		completed(t, f, task)
	}
	f.Sound()
}

// TestServerDownInBetween: a server that goes down while its syncs are waited for is waited for itself; nothing
// is asked for twice.
func TestServerDownInBetween(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	for range 2 {
		f.Primary.Stop()
		f.Says(task.ID, "waiting for server "+string(jobtest.Name(f.Primary))+", down since ")
		if err := f.Primary.Restart(); err != nil {
			t.Fatal(err)
		}
		f.Until("the children to hear of it", func() bool { return !strings.Contains(f.Story(task.ID), "down since") })
	}
	release()
	completed(t, f, task)
	if n := len(f.Primary.TasksStarted("synchronize")); n != 3 {
		t.Errorf("%d syncs for 3 repositories", n)
	}
	f.Tidy()
}

// TestSourceDown: a secondary whose primary is down waits for it, and goes on by itself.
func TestSourceDown(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	f.Primary.Stop()
	f.Serve()
	task := f.QueueSync(f.Secondary, f.Primary)
	f.Says(task.ID, "waiting for server "+string(jobtest.Name(f.Primary))+", down since ")
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	completed(t, f, task)
	f.Same()
	f.Sound()
}

// TestPulpWorkerDies: a Pulp task whose worker was killed is told as that and not doubled; when Pulp has noticed, the
// sync is asked for once more.
func TestPulpWorkerDies(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Odd = 100 * time.Millisecond })
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("the sync to run", func() bool { return len(running(f.Primary)) == 1 })
	f.Primary.KillAll()
	release()
	f.Says(task.ID, "no worker online")
	f.Says(task.ID, "its worker is gone")
	f.Primary.Revive()
	if n := started(f.Primary, "ext-deb"); n != 1 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	f.Primary.Reap()
	ended := f.Ended(task)
	if n := started(f.Primary, "ext-deb"); ended.State != fleet.Completed || n != 2 {
		t.Errorf("the task is %s after %d syncs: %+v\n%s", ended.State, n, ended.Error, f.Story(task.ID))
	}
	f.Says(task.ID, "Worker has gone missing")
	completed(t, f, f.QueueSync(f.Secondary, f.Primary))
	f.Same()
	f.Sound()
}

// TestNoPulpWorker: Pulp tasks that are asked for while no worker is online wait; that is said, and when workers
// come back they are nudged, because they do not look by themselves.
func TestNoPulpWorker(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Odd = 100 * time.Millisecond })
	f.Register(f.Primary)
	f.Primary.KillAll()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Says(task.ID, "no worker online")
	f.Primary.Revive()
	completed(t, f, task)
	if n := len(f.Primary.TasksStarted("synchronize")); n != 3 {
		t.Errorf("%d syncs for 3 repositories", n)
	}
	f.Tidy()
}

// TestPurgedPulpTask: a Pulp task that Pulp has no record of any more fails its child and says so; the next run
// finds out where the repository stands.
func TestPurgedPulpTask(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the others to be done", func() bool {
		children := f.Children(task.ID)
		return children["ext-rpm"].State == fleet.Completed && children["ext-file"].State == fleet.Completed
	})
	f.Until("the sync to be waited for", func() bool { return strings.Contains(f.Story(f.Children(task.ID)["ext-deb"].ID), "task_href") })
	stop()
	href := running(f.Primary)[0].Href
	release()
	if err := f.Primary.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Purge(f.Primary, href)
	f.ServeWith(f.NewWorker("second"))
	ended := f.Ended(task)
	if ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "no record of Pulp task "+href) {
		t.Errorf("the task is %s: %+v", ended.State, ended.Error)
	}
	completed(t, f, f.QueueSync(f.Primary, nil))
	completed(t, f, f.QueueSync(f.Secondary, f.Primary))
	f.Same()
	f.Sound()
}

// TestStopHandsOn: a daemon that stops hands its tasks back as they are, and another goes on with them; nothing is
// asked for twice, nothing done is done again (D136).
func TestStopHandsOn(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the others to be done", func() bool {
		children := f.Children(task.ID)
		return children["ext-rpm"].State == fleet.Completed && children["ext-file"].State == fleet.Completed
	})
	stop()
	if now := f.Task(task.ID); now.State != fleet.Running || now.WorkerName != "first" {
		t.Errorf("after the stop: %s by %s", now.State, now.WorkerName)
	}
	if n := len(running(f.Primary)); n != 1 {
		t.Errorf("%d Pulp tasks run on, want 1", n)
	}
	f.ServeWith(f.NewWorker("second"))
	f.Until("another to take it up", func() bool { return f.Task(task.ID).WorkerName == "second" })
	release()
	completed(t, f, task)
	if n := len(f.Primary.TasksStarted("synchronize")); n != 3 {
		t.Errorf("%d syncs for 3 repositories", n)
	}
	f.Tidy()
}
