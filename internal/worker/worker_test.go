// SPDX-License-Identifier: Apache-2.0

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/worker"
)

func TestMain(m *testing.M) { jobtest.Main(m) }

// frozen are leases that look as if they were renewed, but are not: those of a process that hangs.
type frozen struct{ fleet.Leases }

func (f frozen) Renew(context.Context, string) ([]fleet.TaskID, error) {
	return []fleet.TaskID{1, 2, 3, 4, 5, 6, 7, 8}, nil
}

func unattended(w *jobtest.World) { w.Unattended = true }

func syncs(s *pulpfake.Server) (running, all int) {
	for _, task := range s.TasksStarted("synchronize") {
		all++
		if task.Finished.IsZero() {
			running++
		}
	}
	return running, all
}

// TestTakenOver: when a process hangs beyond its lease another takes its task over; the first one, once it
// goes on, writes nothing and starts nothing in Pulp any more.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) {
		w.LeaseTime, w.Unattended = 300*time.Millisecond, true
		w.Leases = func(l fleet.Leases) fleet.Leases { return frozen{l} }
	})
	keep := func(*worker.Worker) (stop func()) { // a process that does keep its lease
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				if _, err := f.Store.Renew(ctx, "second:"+t.Name()); err != nil && ctx.Err() == nil {
					t.Errorf("renew: %v", err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		return func() { cancel(); <-done }
	}
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	task := f.QueueSync(f.Primary, nil)
	first := f.Go(task)
	f.Until("two syncs to run", func() bool { running, _ := syncs(f.Primary); return running == 2 })
	second := f.NewWorker("second")
	defer second.Stop()
	defer keep(second)()
	ended := make(chan error, 1)
	go func() {
		for ctx := t.Context(); ; {
			err := second.Work(ctx, task.ID, "2")
			if err != nil || f.Task(task.ID).State.Final() || ctx.Err() != nil {
				ended <- err
				return
			}
			<-time.After(20 * time.Millisecond) // the first one's lease has not expired yet
		}
	}()
	f.Until("the second to take it up", func() bool { return f.Task(task.ID).WorkerName == "second" })
	release()
	first()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	now := f.Task(task.ID)
	if now.State != fleet.Completed || now.WorkerName != "second" {
		t.Errorf("the task is %s by %s: %+v\n%s", now.State, now.WorkerName, now.Error, f.Story(task.ID))
	}
	if _, all := syncs(f.Primary); all != 3 {
		t.Errorf("%d syncs for 3 repositories", all)
	}
	f.Tidy()
	if err := f.Primary.Check(); err != nil {
		t.Error(err)
	}
}

// TestLeaseMayBeOver: a process that does not know whether its lease still counts sends nothing more to Pulp,
// and leaves the task as it is for whoever takes it up.
func TestLeaseMayBeOver(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, unattended)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	task := f.QueueSync(f.Primary, nil)
	done := f.Go(task)
	f.Until("two syncs to run", func() bool { running, _ := syncs(f.Primary); return running == 2 })
	f.Until("both to be waited for", func() bool { return strings.Count(f.Story(task.ID), "task_href") == 2 })
	f.Worker.Age(fleet.LeaseTime)
	f.Primary.ForgetRequests()
	release()
	if now := done(); now.State != fleet.Running {
		t.Errorf("the task is %s: %+v\n%s", now.State, now.Error, f.Story(task.ID))
	}
	if asked, n := jobtest.Asked(f.Primary); n != 0 {
		t.Errorf("requests after the lease may be over: %v", asked)
	}
	if _, err := f.Store.Reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := f.WorkWith(f.NewWorker("second"), task); now.State != fleet.Completed {
		t.Errorf("the task is %s: %+v\n%s", now.State, now.Error, f.Story(task.ID))
	}
	if _, all := syncs(f.Primary); all != 3 {
		t.Errorf("%d syncs for 3 repositories", all)
	}
	f.Tidy()
}

// TestLeaseLostAtRenewal: a run whose lease is another's by the time it is renewed ends at once.
func TestLeaseLostAtRenewal(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, unattended)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	task := f.QueueSync(f.Primary, nil)
	done := f.Go(task)
	f.Until("two syncs to run", func() bool { running, _ := syncs(f.Primary); return running == 2 })
	f.Worker.RenewNow(t.Context())
	if now := f.Task(task.ID); now.State != fleet.Running {
		t.Fatalf("after a renewal the task is %s", now.State)
	}
	if _, err := f.Store.Reclaim(t.Context()); err != nil { // as an operator who starts a second one by mistake
		t.Fatal(err)
	}
	f.Worker.RenewNow(t.Context())
	if now := done(); now.State != fleet.Running {
		t.Errorf("the task is %s: it belongs to another", now.State)
	}
	release()
	if now := f.WorkWith(f.NewWorker("second"), task); now.State != fleet.Completed {
		t.Errorf("the task is %s: %+v", now.State, now.Error)
	}
	f.Tidy()
}

// TestPanic: a fault in a job fails that task with words that tell no more than that, and nothing else.
func TestPanic(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Env.Catalog = append([]job.Definition{{
		Kind: fleet.KindRepoRemoval,
		Run:  func(context.Context, *job.Run) error { panic("secret words") },
	}}, f.Env.Catalog...)
	f.Serve()
	bad := f.Queue(fleet.NewTask{Name: "bad", Kind: fleet.KindRepoRemoval, Server: f.Server(f.Primary).ID, MaxRuntime: time.Hour}, nil)
	good := f.QueueSync(f.Primary, nil)
	ended := f.Ended(bad)
	if ended.State != fleet.Failed || ended.Error.Msg != "internal error" || strings.Contains(ended.Error.Msg+ended.Error.Detail, "secret words") {
		t.Errorf("the bad one: %s %+v", ended.State, ended.Error)
	}
	if now := f.Ended(good); now.State != fleet.Completed {
		t.Errorf("the good one: %s %+v", now.State, now.Error)
	}
}

// TestPanicInChild: a fault in one child fails that one; the others go on, and the parent names it (D85).
func TestPanicInChild(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	for i, d := range f.Env.Catalog {
		if d.Kind != fleet.KindRepoSync {
			continue
		}
		run := d.Run
		f.Env.Catalog[i].Run = func(ctx context.Context, r *job.Run) error {
			if strings.HasSuffix(r.Task.Name, "ext-rpm") {
				panic("a defect")
			}
			return run(ctx, r)
		}
	}
	task := f.Failed(f.QueueSync(f.Primary, nil))
	if !strings.Contains(task.Error.Msg, "ext-rpm: failed: internal error") || !strings.Contains(task.Error.Msg, "1 of 3") {
		t.Errorf("the parent: %+v", task.Error)
	}
	f.Tidy()
}

// TestUnknownKind: a task of a job that this version does not have fails as that.
func TestUnknownKind(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	task := f.Failed(f.Queue(fleet.NewTask{Name: "later", Kind: "of_a_later_version", MaxRuntime: time.Hour}, nil))
	if !strings.Contains(task.Error.Msg, `no job "of_a_later_version"`) {
		t.Errorf("error: %+v", task.Error)
	}
}

// failing is a store that fails one of its calls.
type failing struct {
	fleet.Work
	fleet.PulpRequests
	fleet.Locks
	calls *atomic.Int64
	at    int64
}

var errStore = fault.New(fault.Unavailable, "the database does not answer")

func (s failing) now() error {
	if s.calls.Add(1) == s.at {
		return errStore
	}
	return nil
}

func (s failing) SaveStage(ctx context.Context, l fleet.Lease, stage fleet.Stage) (fleet.Stage, error) {
	if err := s.now(); err != nil {
		return stage, err
	}
	return s.Work.SaveStage(ctx, l, stage)
}

func (s failing) Transition(ctx context.Context, l fleet.Lease, id fleet.TaskID, to fleet.TaskState, why *fleet.TaskError) (fleet.Task, error) {
	if err := s.now(); err != nil {
		return fleet.Task{}, err
	}
	return s.Work.Transition(ctx, l, id, to, why)
}

func (s failing) CreateChildren(ctx context.Context, l fleet.Lease, parent fleet.TaskID, children []fleet.NewTask) ([]fleet.Task, error) {
	if err := s.now(); err != nil {
		return nil, err
	}
	return s.Work.CreateChildren(ctx, l, parent, children)
}

func (s failing) RecordRequest(ctx context.Context, l fleet.Lease, r fleet.PulpRequest) (fleet.PulpRequest, error) {
	if err := s.now(); err != nil {
		return r, err
	}
	return s.PulpRequests.RecordRequest(ctx, l, r)
}

func (s failing) UpdateRequest(ctx context.Context, r fleet.PulpRequest) error {
	if err := s.now(); err != nil {
		return err
	}
	return s.PulpRequests.UpdateRequest(ctx, r)
}

func (s failing) AcquireLock(ctx context.Context, l fleet.Lease, server fleet.ServerID, repository string) (*fleet.Lock, error) {
	if err := s.now(); err != nil {
		return nil, err
	}
	return s.Locks.AcquireLock(ctx, l, server, repository)
}

func (s failing) ReleaseLock(ctx context.Context, l fleet.Lease, server fleet.ServerID, repository string) error {
	if err := s.now(); err != nil {
		return err
	}
	return s.Locks.ReleaseLock(ctx, l, server, repository)
}

// TestStoreFails: whichever call of the store fails once, the tasks go on by themselves to the end of an
// undisturbed run.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	small := func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"deb", "file"} }
	run := func(f *jobtest.Fleet, at int64) int64 {
		s := failing{Work: f.Store, PulpRequests: f.Store, Locks: f.Store, calls: &atomic.Int64{}, at: at}
		f.Env.Work, f.Env.Requests, f.Env.Locks = s, s, s
		f.SyncAll()
		f.Same()
		f.Sound()
		return s.calls.Load()
	}
	all := run(jobtest.New(t, small), 0)
	if all < 50 {
		t.Fatalf("only %d calls of the store", all)
	}
	for at := int64(1); at <= all; at += 1 + all/24 {
		t.Run(fmt.Sprintf("call %d", at), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, small)
			run(f, at)
			for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
				if _, n := syncs(s); n != 2 {
					t.Errorf("%d syncs on %s", n, s.Name())
				}
			}
		})
	}
}

// TestGivesUpInTheEnd: a store, or whatever else a task needs, that does not come back fails the task in the end.
func TestGivesUpInTheEnd(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	tries := 0
	f.Env.Catalog = append([]job.Definition{{
		Kind: fleet.KindRepoRemoval,
		Run: func(context.Context, *job.Run) error {
			tries++
			return fault.New(fault.Unavailable, "the vault does not answer").WithHint("look at it")
		},
	}}, f.Env.Catalog...)
	task := f.Failed(f.Queue(fleet.NewTask{Name: "x", Kind: fleet.KindRepoRemoval, MaxRuntime: time.Hour}, nil))
	if task.Error.Msg != "the vault does not answer" || tries < 2 {
		t.Errorf("after %d tries: %+v", tries, task.Error)
	}
}

// TestStopped: a worker that has stopped takes no task, and asks that it be handed over again.
func TestStopped(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	task := f.QueueRegister(f.Primary)
	f.Worker.Stop()
	var again *worker.Again
	if err := f.Worker.Work(t.Context(), task.ID, "1"); !errors.As(err, &again) {
		t.Errorf("work after the stop: %v", err)
	}
	if now := f.Task(task.ID); now.State != fleet.Queued {
		t.Errorf("the task is %s", now.State)
	}
}

// TestTwoWorkersOneTask: of two that are handed the same task one works on it (D135).
func TestTwoWorkersOneTask(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	task := f.QueueSync(f.Primary, nil)
	done := f.Go(task)
	f.Until("two syncs to run", func() bool { running, _ := syncs(f.Primary); return running == 2 })
	second := f.NewWorker("second")
	defer second.Stop()
	if err := second.Work(t.Context(), task.ID, "2"); err != nil {
		t.Errorf("the second: %v", err)
	}
	release()
	if now := done(); now.State != fleet.Completed || now.WorkerName != "first" {
		t.Errorf("%s by %s", now.State, now.WorkerName)
	}
	if err := second.Work(t.Context(), task.ID, "3"); err != nil {
		t.Errorf("when it is over: %v", err)
	}
	f.Tidy()
}
