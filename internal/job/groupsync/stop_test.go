// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// stopping is what a canceled task tells of a Pulp task.
type stopping struct {
	Server  string `json:"server"`
	Step    string `json:"step"`
	Href    string `json:"pulp_task"`
	Stopped bool   `json:"stopped"`
	Waiting string `json:"waiting_for"`
	Msg     string `json:"msg"`
}

// stoppings gives what a canceled task tells of its Pulp tasks.
func stoppings(f *jobtest.Fleet, t *testing.T, id fleet.TaskID) []stopping {
	t.Helper()
	told, err := json.Marshal(detail(f, t, id, "cancel")["pulp_tasks"])
	if err != nil {
		t.Fatal(err)
	}
	var all []stopping
	if err := json.Unmarshal(told, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// waitsFor waits until a canceled task tells that one of its Pulp tasks waits for something, and that the task does.
func waitsFor(f *jobtest.Fleet, t *testing.T, id fleet.TaskID, what, words string) {
	t.Helper()
	f.Until("the task to wait for "+what, func() bool {
		for _, s := range stoppings(f, t, id) {
			if s.Waiting == what && strings.Contains(s.Msg, words) && !s.Stopped {
				return strings.Contains(f.Task(id).WaitingFor, words)
			}
		}
		return false
	})
	if now := f.Task(id); now.State != fleet.Canceled || !now.CancelConfirmed.IsZero() {
		t.Errorf("while it waits: %+v", now)
	}
}

// deb is a fleet with the sync of one deb repository under way, which is held until release is called.
func deb(t *testing.T, shape ...func(*jobtest.World)) (f *jobtest.Fleet, task fleet.Task, release func()) {
	t.Helper()
	f = jobtest.New(t, shape...)
	f.Register(f.Primary)
	release = f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	t.Cleanup(release)
	f.Serve()
	only := "deb"
	task = f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.RegexInclude = &only })
	f.Until("the sync to be waited for", func() bool { return strings.Contains(f.Story(task.ID), "task_href") })
	return f, task, release
}

// TestCancelTellsOfLiveWorker: where the Pulp task runs on a live worker it has stopped within ten seconds, and the task
// tells which one that was.
func TestCancelTellsOfLiveWorker(t *testing.T) {
	t.Parallel()
	f, task, _ := deb(t)
	f.Until("it to run", func() bool { return len(running(f.Primary)) == 1 })
	began := time.Now()
	f.Cancel(task.ID)
	now := confirmed(f, task.ID)
	if took := now.CancelConfirmed.Sub(now.CancelRequested); took > 10*time.Second || time.Since(began) > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	all := stoppings(f, t, task.ID)
	if len(all) != 1 || !all[0].Stopped || all[0].Msg != "canceled" || !strings.Contains(all[0].Step, "ext-deb") || !strings.Contains(all[0].Href, "/tasks/") ||
		all[0].Server != string(jobtest.Name(f.Primary)) {
		t.Errorf("told: %+v", all)
	}
	if msg := detail(f, t, task.ID, "cancel")["msg"]; msg != "1 of 1 Pulp tasks stopped" {
		t.Errorf("msg: %v", msg)
	}
	if now.WaitingFor != "" {
		t.Errorf("it waits for: %s", now.WaitingFor)
	}
	f.Tidy()
}

// TestCancelTellsOfDeadWorker: a Pulp task whose worker died is told as that, also where others are online; its lock stays
// until Pulp has noticed, and then the task is confirmed by itself.
func TestCancelTellsOfDeadWorker(t *testing.T) {
	t.Parallel()
	f, task, release := deb(t, func(w *jobtest.World) { w.Timing.Confirm = 2 * time.Second })
	f.Until("it to run", func() bool { return len(running(f.Primary)) == 1 })
	f.Primary.Kill("worker") // the busy one of two
	release()
	f.Cancel(task.ID)
	waitsFor(f, t, task.ID, "worker_dead", "no worker online on server")
	f.Until("the lock to be left to the Pulp task", func() bool {
		locks := f.Locks(f.Primary)
		return len(locks) == 1 && locks[0].PulpTask != ""
	})
	f.Primary.Reap()
	if now := confirmed(f, task.ID); now.WaitingFor != "" {
		t.Errorf("it still waits for: %s", now.WaitingFor)
	}
	f.Until("the lock to be free", func() bool { return len(f.Locks(f.Primary)) == 0 })
	f.Tidy()
}

// TestCancelTellsOfNoWorker: where no worker is online at all, that is said; one that comes ends what never began.
func TestCancelTellsOfNoWorker(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Primary.KillAll()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	f.Cancel(task.ID)
	waitsFor(f, t, task.ID, "behind_another", "has no worker online")
	f.Primary.Revive()
	confirmed(f, task.ID)
	f.Tidy()
}

// TestCancelTellsOfQueue: a Pulp task that waits behind others is told as that, and has stopped once a worker is free.
func TestCancelTellsOfQueue(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Primary.Workers = 1 })
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "purge"})
	defer release()
	if _, err := f.Client(f.Primary).Nudge(t.Context()); err != nil { // somebody else's work
		t.Fatal(err)
	}
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	f.Cancel(task.ID)
	waitsFor(f, t, task.ID, "behind_another", "waits behind another")
	release()
	confirmed(f, task.ID)
	if n := len(running(f.Primary)); n != 0 {
		t.Errorf("%d syncs run", n)
	}
	f.Tidy()
}

// TestCancelTellsOfServer: a server that does not answer is told as that.
func TestCancelTellsOfServer(t *testing.T) {
	t.Parallel()
	f, task, _ := deb(t, func(w *jobtest.World) { w.Timing.Confirm = 2 * time.Second })
	f.Primary.Stop()
	f.Cancel(task.ID)
	waitsFor(f, t, task.ID, "server_down", "down since")
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	confirmed(f, task.ID)
	f.Tidy()
}

// TestCanceledChildIsConfirmed: a child that is canceled alone leaves its place to the next one while Pulp does not confirm,
// and is confirmed while its parent goes on.
func TestCanceledChildIsConfirmed(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Confirm = time.Second; w.Primary.Workers = 4 })
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("the first to run", func() bool { return len(running(f.Primary)) == 1 })
	first := f.Children(task.ID)["ext-deb"]
	f.Primary.Kill("worker")
	f.Cancel(first.ID)
	waitsFor(f, t, first.ID, "worker_dead", "its worker is dead")
	f.Until("the next to run", func() bool { return started(f.Primary, "ext-file") == 1 })
	f.Primary.Reap()
	confirmed(f, first.ID)
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Errorf("the parent is %s", now.State)
	}
	release()
	if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "ext-deb: canceled") {
		t.Errorf("the parent: %s %+v", ended.State, ended.Error)
	}
	f.Tidy()
}

// TestMaxRuntimeOfParts: when a parent's time is over its running parts have failed and its queued ones are canceled, each
// with that reason (D21).
func TestMaxRuntimeOfParts(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxRuntime, a.MaxConcurrentSyncs = "10s", 1 })
	if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "timeout: the task ran longer than its max_runtime of 10s") {
		t.Errorf("the task is %s: %+v", ended.State, ended.Error)
	}
	states := map[fleet.TaskState]int{}
	for name, child := range f.Children(task.ID) {
		states[child.State]++
		if child.Error == nil || !strings.Contains(child.Error.Msg, "max_runtime of 10s") {
			t.Errorf("%s: %+v", name, child.Error)
		}
	}
	if states[fleet.Failed] != 1 || states[fleet.Canceled] != 2 {
		t.Errorf("children: %v", states)
	}
	f.Until("nothing to be left", func() bool { return f.Leftovers() == nil })
	if all := stoppings(f, t, task.ID); len(all) != 1 || !all[0].Stopped {
		t.Errorf("told: %+v", all)
	}
	f.Tidy()
}

// TestMaxRuntimeOfOnePart: a part whose own time is over fails with that reason, the others go on.
func TestMaxRuntimeOfOnePart(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	f.Env.Work = limited{f.Env.Work, "ext-deb", 2 * time.Second}
	f.Serve()
	ended := f.Ended(f.QueueSync(f.Primary, nil))
	child := f.Children(ended.ID)["ext-deb"]
	if ended.State != fleet.Failed || child.State != fleet.Failed || !strings.Contains(child.Error.Msg, "timeout") || !strings.Contains(ended.Error.Msg, "1 of 3") {
		t.Errorf("%s %+v; the part is %s %+v", ended.State, ended.Error, child.State, child.Error)
	}
	if n := len(running(f.Primary)); n != 0 {
		t.Errorf("%d syncs run", n)
	}
	f.Tidy()
}

// TestSilence: a Pulp task of which nothing changes is reported in the stage and in the task, before it is cancelled where
// the policy says so; the stage fails with that reason.
func TestSilence(t *testing.T) {
	t.Parallel()
	policy := func(limit time.Duration) func(*jobtest.World) {
		return func(w *jobtest.World) {
			w.Policy = func() job.Policy {
				return job.Policy{StageRetries: 2, SilentWarning: 300 * time.Millisecond, SilentLimit: limit}
			}
		}
	}
	t.Run("reported", func(t *testing.T) {
		t.Parallel()
		f, task, release := deb(t, policy(0))
		child := f.Children(task.ID)["ext-deb"]
		f.Until("the task to tell", func() bool { return strings.Contains(f.Task(child.ID).WaitingFor, "nothing has changed since 20") })
		told := detail(f, t, child.ID, "sync repo")
		msg, _ := told["msg"].(string)
		if told["silent_since"] == nil || !strings.Contains(msg, "nothing has changed since") || strings.Contains(msg, "cancelled") {
			t.Errorf("the stage tells: %v", told)
		}
		release()
		if ended := f.Ended(task); ended.State != fleet.Completed {
			t.Errorf("the task is %s: %+v", ended.State, ended.Error)
		}
		if told := detail(f, t, child.ID, "sync repo"); told["silent_since"] != nil || f.Task(child.ID).WaitingFor != "" {
			t.Errorf("at the end: %v, %q", told, f.Task(child.ID).WaitingFor)
		}
		f.Tidy()
	})
	t.Run("ended", func(t *testing.T) {
		t.Parallel()
		f, task, _ := deb(t, policy(2*time.Second))
		child := f.Children(task.ID)["ext-deb"]
		if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "(silent_task_limit)") {
			t.Errorf("the task is %s: %+v", ended.State, ended.Error)
		}
		if child = f.Task(child.ID); child.State != fleet.Failed || !strings.Contains(child.Error.Detail, "silent_task_limit") {
			t.Errorf("the child is %s: %+v", child.State, child.Error)
		}
		if told := detail(f, t, child.ID, "sync repo"); told["silent_since"] == nil || told["silent_ended"] != told["task_href"] {
			t.Errorf("the stage tells: %v", told)
		}
		if n := started(f.Primary, "ext-deb"); n != 1 || len(running(f.Primary)) != 0 {
			t.Errorf("%d syncs, %d run", n, len(running(f.Primary)))
		}
		f.Tidy()
	})
	t.Run("ended, on a worker that died", func(t *testing.T) {
		t.Parallel()
		f, task, release := deb(t, policy(2*time.Second), func(w *jobtest.World) { w.Timing.Confirm = time.Second })
		f.Primary.KillAll()
		release()
		if ended := f.Ended(task); ended.State != fleet.Failed || !strings.Contains(ended.Error.Msg, "(silent_task_limit)") {
			t.Errorf("the task is %s: %+v", ended.State, ended.Error)
		}
		if locks := f.Locks(f.Primary); len(locks) != 1 || locks[0].PulpTask == "" {
			t.Errorf("locks: %+v", locks)
		}
		f.Primary.Reap()
		f.Until("the lock to be free", func() bool { return len(f.Locks(f.Primary)) == 0 })
		f.Until("nothing to be left", func() bool { return f.Leftovers() == nil })
	})
}
