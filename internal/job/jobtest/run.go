// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/worker"
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
func (f *Fleet) QueueRegister(s *pulpfake.Server, change ...func(*register.Args)) fleet.Task {
	f.t.Helper()
	args := register.Args{MaxRuntime: "10m"}
	for _, c := range change {
		c(&args)
	}
	return f.Queue(register.NewTask(f.Server(s), args))
}

// QueueSync queues a sync of all repositories of a server, mirrored from a source where there is one.
func (f *Fleet) QueueSync(s, source *pulpfake.Server, change ...func(*groupsync.Args)) fleet.Task {
	f.t.Helper()
	args := groupsync.Args{MaxRuntime: "10m", MaxConcurrentSyncs: 2}
	if source != nil {
		name := string(Name(source))
		args.SourceServer = &name
	}
	for _, c := range change {
		c(&args)
	}
	return f.Queue(groupsync.NewTask(f.Server(s), args))
}

// Queue queues a new task that was made without an error.
func (f *Fleet) Queue(t fleet.NewTask, err error) fleet.Task {
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
	return f.WorkWith(f.Worker, task)
}

// WorkWith runs a queued task to its end by a worker, handing it over as often as that asks for it.
func (f *Fleet) WorkWith(w *worker.Worker, task fleet.Task) fleet.Task {
	f.t.Helper()
	defer f.attend(w)()
	for {
		err := w.Work(f.t.Context(), task.ID, "1")
		var again *worker.Again
		if err == nil {
			return f.Task(task.ID)
		}
		if !errors.As(err, &again) {
			f.t.Fatalf("task %d (%s): %v", task.ID, task.Name, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Go runs a queued task in the background; wait gives it as it is at the end.
func (f *Fleet) Go(task fleet.Task) (wait func() fleet.Task) {
	done := make(chan error, 1)
	go func() {
		defer f.attend(f.Worker)()
		done <- f.Worker.Work(f.t.Context(), task.ID, "1")
	}()
	return func() fleet.Task {
		f.t.Helper()
		if err := <-done; err != nil {
			f.t.Fatalf("task %d (%s): %v", task.ID, task.Name, err)
		}
		return f.Task(task.ID)
	}
}

// attend does what a worker does besides its tasks, until stop is called: without it leases run out.
func (f *Fleet) attend(w *worker.Worker) (stop func()) {
	if f.world.Unattended {
		return func() {}
	}
	ctx, cancel := context.WithCancel(f.t.Context())
	var loops sync.WaitGroup
	loops.Go(func() { w.Run(ctx) })
	return func() { cancel(); loops.Wait() }
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

// Children gives a task's children as they are now, by the name of their repository.
func (f *Fleet) Children(id fleet.TaskID) map[string]fleet.Task {
	f.t.Helper()
	children, err := f.Store.Children(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	byName := map[string]fleet.Task{}
	for _, c := range children {
		repository, err := f.Store.RepositoryByID(f.t.Context(), c.Repository)
		if err != nil {
			f.t.Fatal(err)
		}
		byName[repository.Name] = c
	}
	return byName
}

// Locks gives the locks on a server's repositories.
func (f *Fleet) Locks(s *pulpfake.Server) []fleet.Lock {
	f.t.Helper()
	locks, err := f.Store.FindLocks(f.t.Context(), f.Server(s).ID)
	if err != nil {
		f.t.Fatal(err)
	}
	return locks
}

// Cancel cancels a task as the REST API does.
func (f *Fleet) Cancel(id fleet.TaskID) fleet.Task {
	f.t.Helper()
	task, err := f.Store.Cancel(f.t.Context(), id)
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

// Failed runs a queued task and fails the test unless it fails.
func (f *Fleet) Failed(task fleet.Task) fleet.Task {
	f.t.Helper()
	done := f.Work(task)
	if done.State != fleet.Failed || done.Error == nil {
		f.t.Fatalf("task %d (%s) is %s, not failed: %+v\n%s", done.ID, done.Name, done.State, done.Error, f.Story(done.ID))
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

// SyncAll registers on the primary, syncs it, and mirrors it to the secondary.
func (f *Fleet) SyncAll() {
	f.t.Helper()
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
}

// Patience is how long a test waits for something that takes a moment, on a busy machine.
const Patience = time.Minute

// Until waits until a condition holds, looking at it often, and fails the test if it does not in time.
func (f *Fleet) Until(what string, holds func() bool) {
	f.t.Helper()
	deadline := time.After(Patience)
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

// Ended waits until a task that the engine runs is over, and gives it.
func (f *Fleet) Ended(task fleet.Task) fleet.Task {
	f.t.Helper()
	deadline := time.After(Patience)
	for {
		now := f.Task(task.ID)
		if now.State.Final() {
			return now
		}
		select {
		case <-deadline:
			f.t.Fatalf("task %d does not end:\n%s", task.ID, f.Story(task.ID))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Repositories gives the store's picture of a server.
func (f *Fleet) Repositories(s *pulpfake.Server) []fleet.Repository {
	f.t.Helper()
	all, err := f.Store.ServerRepositories(f.t.Context(), f.Server(s).ID)
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// Health gives a repository's health.
func (f *Fleet) Health(s *pulpfake.Server, name string) fleet.Health {
	f.t.Helper()
	for _, r := range f.Repositories(s) {
		if r.Name == name {
			return r.Health
		}
	}
	f.t.Fatalf("the store knows no %s on %s", name, s.Name())
	return ""
}
