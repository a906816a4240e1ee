// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// Server gives a fake's row in the store.
func (f *Fleet) Server(s *pulpfake.Server) fleet.Server {
	f.t.Helper()
	row, err := f.Store.ServerByName(f.t.Context(), Name(s))
	if err != nil {
		f.t.Fatal(err)
	}
	return row
}

// QueueRegister queues a registration on a server.
func (f *Fleet) QueueRegister(s *pulpfake.Server) fleet.Task {
	f.t.Helper()
	return f.queue(register.NewTask(f.Server(s), register.Args{MaxRuntime: "10m"}))
}

// QueueSync queues a sync of all repositories of a server, mirrored from a source where there is one.
func (f *Fleet) QueueSync(s, source *pulpfake.Server) fleet.Task {
	f.t.Helper()
	args := groupsync.Args{MaxRuntime: "10m", MaxConcurrentSyncs: 2}
	if source != nil {
		name := string(Name(source))
		args.SourceServer = &name
	}
	return f.queue(groupsync.NewTask(f.Server(s), args))
}

func (f *Fleet) queue(t fleet.NewTask, err error) fleet.Task {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	task, err := f.Store.Enqueue(f.t.Context(), t)
	if err != nil {
		f.t.Fatal(err)
	}
	return task
}

// Work runs a queued task to its end and gives it as it is then.
func (f *Fleet) Work(task fleet.Task) fleet.Task {
	f.t.Helper()
	if err := f.Worker.Work(f.t.Context(), task.ID, "1"); err != nil {
		f.t.Fatalf("task %d (%s): %v", task.ID, task.Name, err)
	}
	return f.Task(task.ID)
}

// Task gives a task as it is now.
func (f *Fleet) Task(id fleet.TaskID) fleet.Task {
	f.t.Helper()
	task, err := f.Store.Task(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return task
}

// Completed runs a queued task and fails the test unless it completes.
func (f *Fleet) Completed(task fleet.Task) fleet.Task {
	f.t.Helper()
	done := f.Work(task)
	if done.State != fleet.Completed {
		f.t.Fatalf("task %d (%s) is %s: %+v\n%s", done.ID, done.Name, done.State, done.Error, f.Story(done.ID))
	}
	return done
}

// Register registers all definitions on a server.
func (f *Fleet) Register(s *pulpfake.Server) fleet.Task {
	f.t.Helper()
	return f.Completed(f.QueueRegister(s))
}

// Sync syncs a server, mirrored from a source where there is one.
func (f *Fleet) Sync(s, source *pulpfake.Server) fleet.Task {
	f.t.Helper()
	return f.Completed(f.QueueSync(s, source))
}

// Until waits until a condition holds, looking at it often, and fails the test if it does not within ten seconds.
func (f *Fleet) Until(what string, holds func() bool) {
	f.t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			f.t.Fatalf("waited in vain for: %s", what)
		case <-tick.C:
		}
	}
}
