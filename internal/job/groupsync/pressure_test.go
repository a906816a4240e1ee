// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/worker"
)

// alone makes two servers of which each reads from the upstream itself.
func alone(w *jobtest.World) { w.Mirrors = false }

// TestDeadServerLendsUpstream: syncs of a server that dies keep those of others from no upstream; when it is back, they go on.
func TestDeadServerLendsUpstream(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, alone, func(w *jobtest.World) { w.Limits.PerUpstream = 2 })
	f.Register(f.Primary)
	f.Register(f.Secondary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	dead := f.QueueSync(f.Primary, nil)
	f.Until("the dead one's syncs to have all slots", func() bool { return len(running(f.Primary)) == 2 })
	other := f.QueueSync(f.Secondary, nil)
	f.Says(other.ID, "waiting for a slot: 2 syncs at a time for upstream ")
	if story := f.Story(other.ID); !strings.Contains(story, "waiting_for") {
		t.Errorf("it does not say what it waits for:\n%s", story)
	}
	f.Primary.Stop()
	completed(t, f, other)
	if now := f.Task(dead.ID); now.State != fleet.Running {
		t.Errorf("the dead one's task is %s", now.State)
	}
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	release()
	completed(t, f, dead)
	f.Sound()
}

// TestManyTasksOfDeadServer: however many tasks wait for a server that is down, those of others go on.
func TestManyTasksOfDeadServer(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, alone)
	f.Register(f.Secondary)
	f.Primary.Stop()
	f.Serve()
	var waiting []fleet.Task
	for range 250 {
		waiting = append(waiting, f.QueueRegister(f.Primary))
	}
	last := waiting[len(waiting)-1]
	completed(t, f, f.QueueSync(f.Secondary, nil))
	f.Says(last.ID, "down since ")
	uses := f.Env.Pulps.Uses(f.Env.Limits)
	if len(uses) != 1 || uses[0].Breaker != fleet.BreakerOpen || uses[0].Waiting != 250 || uses[0].Since.IsZero() || !strings.Contains(uses[0].Why, "cannot connect") {
		t.Errorf("uses: %+v", uses)
	}
}

// TestHangingServer: a server that takes connections and answers nothing is as one that is down: its tasks wait, those of
// others go on, and once it answers all is done.
func TestHangingServer(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, alone, func(w *jobtest.World) { w.Request = 300 * time.Millisecond })
	f.Register(f.Primary)
	f.Register(f.Secondary)
	hangs := make(chan struct{})
	f.Primary.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
		return pulpfake.None
	})
	f.Serve()
	tasks := []fleet.Task{f.QueueSync(f.Primary, nil), f.QueueRegister(f.Primary)}
	began := time.Now()
	completed(t, f, f.QueueSync(f.Secondary, nil))
	t.Logf("the other server's sync took %s", time.Since(began))
	for _, task := range tasks {
		f.Says(task.ID, "down since ")
	}
	f.Primary.Inject(nil)
	close(hangs)
	for _, task := range tasks {
		completed(t, f, task)
	}
	f.Sound()
}

// TestLimitOverProcesses: the bound for a server, and that for an upstream, hold over all processes that share a store.
func TestLimitOverProcesses(t *testing.T) {
	t.Parallel()
	for _, limits := range []func() *job.Limits{
		func() *job.Limits { return &job.Limits{PerServer: 3} },
		func() *job.Limits { return &job.Limits{PerServer: 8, PerUpstream: 3} },
	} {
		t.Run(fmt.Sprintf("upstream %d", limits().PerUpstream), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, uneven)
			f.Register(f.Primary)
			release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
			defer release()
			done := make(chan fleet.Task)
			var tasks []fleet.Task
			for i, include := range []string{"[0-4]$", "[5-9]$|10$"} {
				env := *f.Env
				env.Limits = limits()
				env.Limits.Shared = f.Store
				w := worker.New(f.Store, &env, fmt.Sprint("process ", i, t.Name()), fmt.Sprint("process ", i))
				t.Cleanup(w.Stop)
				task := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs, a.RegexInclude = 5, &include })
				tasks = append(tasks, task)
				go func() { done <- f.WorkWith(w, task) }()
			}
			f.Until("as many syncs as there may be", func() bool { return len(running(f.Primary)) == 3 })
			f.Until("both processes to have asked for more", func() bool {
				return strings.Contains(f.Story(tasks[0].ID)+f.Story(tasks[1].ID), "over all processes")
			})
			release()
			for range tasks {
				if task := <-done; task.State != fleet.Completed {
					t.Errorf("task %d is %s: %+v", task.ID, task.State, task.Error)
				}
			}
			if n := atOnce(f.Primary.TasksStarted("synchronize")); n != 3 {
				t.Errorf("%d syncs at once, want 3", n)
			}
		})
	}
}
