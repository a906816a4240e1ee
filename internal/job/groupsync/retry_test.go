// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// detail gives what a stage of a task tells.
func detail(f *jobtest.Fleet, t *testing.T, id fleet.TaskID, name string) map[string]any {
	t.Helper()
	stages, err := f.Store.Stages(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stages {
		if s.Name == name {
			return s.Detail
		}
	}
	return nil
}

// TestStepTriedAgain: a Pulp task that failed for a reason that may pass is followed by another, each a recorded request of its
// own; the stage tells which attempt it is and why. One that fails for good is not repeated.
func TestStepTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, words string
		times, want int // how often it fails, and how many Pulp tasks there are
		state       fleet.TaskState
	}{
		{"worker died", "Killed by signal 9.", 1, 2, fleet.Completed},
		{"upstream down", "503, message='Service Unavailable', url='http://x'", 2, 3, fleet.Completed},
		{"upstream stays down", "Cannot connect to host x:1 ssl:default [Connect call failed ('127.0.0.1', 1)]", -1, 3, fleet.Failed},
		{"not there", "404, message='Not Found', url='http://x'", -1, 1, fleet.Failed},
		{"other bytes", "[PLP0003] A file located at the url x failed validation due to checksum. Expected 'a', Actual 'b'", -1, 1, fleet.Failed},
		{"who knows", "something new", -1, 1, fleet.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t)
			f.Register(f.Primary)
			f.Primary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, c.words, c.times)
			task := f.Work(f.QueueSync(f.Primary, nil))
			child := f.Children(task.ID)["ext-deb"]
			if n := started(f.Primary, "ext-deb"); n != c.want || child.State != c.state {
				t.Errorf("%d Pulp tasks, want %d; the child is %s: %+v\n%s", n, c.want, child.State, child.Error, f.Story(child.ID))
			}
			told := detail(f, t, child.ID, "sync repo")
			if c.want > 1 {
				reason, _ := told["reason"].(string)
				if told["attempt"] != float64(c.want) || told["attempts"] != 3.0 || told["next_attempt"] != nil || !strings.Contains(reason, c.words) {
					t.Errorf("the stage tells: %v", told)
				}
			} else if told["attempt"] != nil {
				t.Errorf("the stage tells of attempts: %v", told)
			}
			if c.state == fleet.Failed {
				many := strings.Contains(child.Error.Msg, fmt.Sprintf("(attempt %d of 3)", c.want))
				if !strings.Contains(child.Error.Msg, c.words) || many != (c.want > 1) || child.Error.Detail == "" {
					t.Errorf("the error: %+v", child.Error)
				}
			} else {
				f.Sync(f.Secondary, f.Primary)
				f.Same()
			}
			f.Tidy()
		})
	}
}

// TestRetriesOff: where the configuration allows none, none is made.
func TestRetriesOff(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Policy = func() job.Policy { return job.Policy{} } })
	f.Register(f.Primary)
	f.Primary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, "Killed by signal 9.", 1)
	f.Failed(f.QueueSync(f.Primary, nil))
	if n := started(f.Primary, "ext-deb"); n != 1 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	f.Tidy()
}

// TestWaitsAside: a child that waits for its next attempt tells when that is, and leaves its place and its slots to others; a
// process that takes the task up meanwhile goes on with that very attempt, at its time.
func TestWaitsAside(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Timing.Retry, w.Limits.PerServer, w.Limits.PerUpstream = []time.Duration{8 * time.Second}, 1, 1
	})
	f.Register(f.Primary)
	f.Primary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, "Worker has gone missing.", 1)
	stop := f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("the others to be done", func() bool {
		all := f.Children(task.ID)
		return all["ext-rpm"].State == fleet.Completed && all["ext-file"].State == fleet.Completed
	})
	child := f.Children(task.ID)["ext-deb"]
	told := detail(f, t, child.ID, "sync repo")
	said, _ := told["next_attempt"].(string)
	next, err := time.Parse(time.RFC3339, said)
	if child.State != fleet.Running || err != nil || told["attempt"] != 2.0 {
		t.Fatalf("the child is %s and tells %v", child.State, told)
	}
	if msg, _ := told["msg"].(string); !strings.Contains(msg, "attempt 2 of 3 at "+said) || !strings.Contains(msg, "Worker has gone missing") {
		t.Errorf("msg: %s", msg)
	}
	stop()
	f.ServeWith(f.NewWorker("second"))
	if ended := f.Ended(task); ended.State != fleet.Completed {
		t.Errorf("the task is %s: %+v\n%s", ended.State, ended.Error, f.Story(task.ID))
	}
	if n := started(f.Primary, "ext-deb"); n != 2 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	for _, pulpTask := range f.Primary.TasksStarted("synchronize") {
		if pulpTask.Subject == "ext-deb" && pulpTask.State == "completed" && pulpTask.Started.Before(next) {
			t.Errorf("the second attempt began %s before it was to", next.Sub(pulpTask.Started))
		}
	}
	f.Tidy()
}

// TestComesBackFromAside: a child that has waited aside goes on although its place is taken by one that waits for the
// slot that it has kept: else both would wait for ever.
func TestComesBackFromAside(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Timing.Retry, w.Limits.PerServer = []time.Duration{time.Second}, 1
	})
	f.Register(f.Primary)
	f.Primary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, "Worker has gone missing.", 1)
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	if ended := f.Ended(task); ended.State != fleet.Completed {
		t.Errorf("the task is %s: %+v\n%s", ended.State, ended.Error, f.Story(task.ID))
	}
	f.Tidy()
}

// TestCancelBetweenSteps: a child that waits for its next attempt is canceled like any other, and nothing is started in Pulp.
func TestCancelBetweenSteps(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Timing.Retry = []time.Duration{time.Hour} })
	f.Register(f.Primary)
	f.Primary.FailTimes(pulpfake.On{Task: "synchronize"}, "Killed by signal 9.", -1)
	f.Serve()
	task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("all to wait", func() bool { return strings.Count(f.Story(task.ID), "next_attempt") == 3 })
	f.Cancel(f.Children(task.ID)["ext-rpm"].ID)
	confirmed(f, f.Children(task.ID)["ext-rpm"].ID)
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Errorf("the parent is %s", now.State)
	}
	began := time.Now()
	f.Cancel(task.ID)
	confirmed(f, task.ID)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := len(f.Primary.TasksStarted("synchronize")); n != 3 {
		t.Errorf("%d syncs", n)
	}
	f.Tidy()
}

// retry queues a task again as the REST API does.
func retry(f *jobtest.Fleet, t *testing.T, id fleet.TaskID) fleet.Task {
	t.Helper()
	task, err := f.Store.Retry(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// TestRetryOfAGroup: in a retry only what did not end well runs again; the parent's verdict and counts take in what was done
// before. A retry of the retry chains.
func TestRetryOfAGroup(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Primary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, "404, message='Not Found', url='http://x'", 2)
	f.Primary.FailTimes(pulpfake.On{Task: "publish", Repository: "ext-rpm"}, "out of luck", 1)
	first := f.Failed(f.QueueSync(f.Primary, nil))
	before := f.Children(first.ID)
	counts := func() [3]int {
		return [3]int{started(f.Primary, "ext-deb"), started(f.Primary, "ext-rpm"), started(f.Primary, "ext-file")}
	}
	if got := counts(); got != [3]int{1, 1, 1} || !strings.Contains(first.Error.Msg, "2 of 3") {
		t.Fatalf("syncs %v: %+v", got, first.Error)
	}
	second := f.Failed(retry(f, t, first.ID))
	if got := counts(); got != [3]int{2, 2, 1} || !strings.Contains(second.Error.Msg, "1 of 3") || second.RetryOf != first.ID {
		t.Errorf("syncs %v after the retry: %+v", got, second.Error)
	}
	all := f.Children(second.ID)
	if all["ext-file"].State != fleet.Skipped || all["ext-file"].DoneIn != before["ext-file"].ID || all["ext-rpm"].State != fleet.Completed {
		t.Errorf("parts of the retry: %+v", all)
	}
	if msg := detail(f, t, second.ID, "sync repos")["msg"]; msg != "0 in progress, 3/3 completed" {
		t.Errorf("counts: %v", msg)
	}
	third := f.Completed(retry(f, t, first.ID)) // the newest is what is tried again
	if got := counts(); got != [3]int{3, 2, 1} || third.RetryOf != second.ID {
		t.Errorf("syncs %v after the second retry of task %d", got, third.RetryOf)
	}
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}

// TestRetryOfAPart: a repository's sync that failed is retried without its group, whose retry then has nothing to do.
func TestRetryOfAPart(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Primary.FailNext(pulpfake.On{Task: "synchronize", Repository: "ext-deb"}, "404, message='Not Found', url='http://x'")
	first := f.Failed(f.QueueSync(f.Primary, nil))
	alone := f.Completed(retry(f, t, f.Children(first.ID)["ext-deb"].ID))
	if alone.Parent != 0 || alone.MaxRuntime != first.MaxRuntime {
		t.Errorf("alone: %+v", alone)
	}
	f.Completed(retry(f, t, first.ID))
	if n := started(f.Primary, "ext-deb"); n != 2 {
		t.Errorf("%d syncs of ext-deb", n)
	}
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}

// TestRetryOfACanceledGroup: what was canceled runs again, once Pulp has let go of it.
func TestRetryOfACanceledGroup(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Primary, nil)
	f.Until("the others to be done", func() bool {
		all := f.Children(task.ID)
		return all["ext-rpm"].State == fleet.Completed && all["ext-file"].State == fleet.Completed && len(running(f.Primary)) == 1
	})
	f.Cancel(task.ID)
	again := retry(f, t, task.ID)
	release()
	if ended := f.Ended(again); ended.State != fleet.Completed {
		t.Errorf("the retry is %s: %+v\n%s", ended.State, ended.Error, f.Story(again.ID))
	}
	for name, want := range map[string]fleet.TaskState{"ext-deb": fleet.Completed, "ext-rpm": fleet.Skipped, "ext-file": fleet.Skipped} {
		if got := f.Children(again.ID)[name].State; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	confirmed(f, task.ID)
	f.Sound()
}
