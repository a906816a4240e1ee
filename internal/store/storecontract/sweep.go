// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var sweeps = []contract{
	{name: "a sweep leaves alone what is in order", check: sweepNothing},
	{name: "a task whose lease expired is handed out again, once", lease: shortLease, check: sweepExpired},
	{name: "sweeps at the same time hand a task out once", lease: shortLease, check: sweepRace},
	{name: "a canceled task whose owner died is handed out to be confirmed", lease: shortLease, check: sweepCanceled},
	{name: "a failed task with open requests is handed out", lease: shortLease, check: sweepOpenRequests},
	{name: "locks of a dead task that is over are freed", lease: shortLease, check: sweepLocks},
	{name: "reclaiming ends all leases at once", check: reclaim},
}

// swept sweeps and gives how many tasks were handed out.
func (w *world) swept() int {
	w.Helper()
	return value(w.Sweep(w.ctx))(w)
}

func sweepNothing(w *world) {
	w.queued("waits")
	w.claimed("me")
	task, lease := w.claimed("done")
	w.move(lease, task.ID, fleet.Completed)
	canceled, _ := w.claimed("busy")
	w.ok(second(w.Cancel(w.ctx, canceled.ID)))
	_, lease = w.claimed("yields")
	w.ok(w.Yield(w.ctx, lease))
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out", n)
	}
}

func sweepExpired(w *world) {
	w.servers("a.test")
	e := w.engine(0)
	task := w.queued("task")
	first := <-e.taken
	_, _, err := w.Claim(w.ctx, task.ID, "dead", "host", first.job)
	w.ok(err)
	e.finish(nil) // the engine believes that nothing is left to do
	w.until("the task to be handed out", func() bool { return w.swept() == 1 })
	next := <-e.taken
	if next.task != task.ID || next.job == first.job {
		w.Errorf("handed out: %+v after %+v", next, first)
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out again", n)
	}
	_, lease := w.claim(task.ID, "alive")
	w.move(lease, task.ID, fleet.Completed)
	e.finish(nil)
}

func sweepRace(w *world) {
	const tasks = 5
	for range tasks {
		w.claimed("dead")
	}
	// Their jobs wait in the engine, until it takes them and does nothing.
	e := w.engine(0)
	for range tasks {
		<-e.taken
		e.finish(nil)
	}
	e.stop()
	var handed atomic.Int32
	w.until("the tasks to be handed out", func() bool {
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() {
				n, err := w.Sweep(w.ctx)
				if err != nil {
					w.Errorf("sweep: %v", err)
				}
				handed.Add(int32(n))
			})
		}
		wait.Wait()
		return handed.Load() >= tasks
	})
	if n := handed.Load(); n != tasks {
		w.Errorf("%d handed out", n)
	}
}

func sweepCanceled(w *world) {
	e := w.engine(0)
	task := w.queued("task")
	<-e.taken
	_, _ = w.claim(task.ID, "dead")
	e.finish(nil)
	w.ok(second(w.Cancel(w.ctx, task.ID)))
	w.until("the task to be handed out", func() bool { return w.swept() == 1 })
	<-e.taken
	got, lease := w.claim(task.ID, "alive")
	if got.State != fleet.Canceled || got.CancelRequested.IsZero() || !got.CancelConfirmed.IsZero() {
		w.Errorf("handed out: %+v", got)
	}
	w.ok(w.ConfirmCancel(w.ctx, lease, task.ID))
	e.finish(nil)
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out although nothing is left to do", n)
	}
}

func sweepOpenRequests(w *world) {
	server := w.servers("a.test")[0]
	e := w.engine(0)
	task := w.queued("task")
	<-e.taken
	_, lease := w.claim(task.ID, "dead")
	child := w.children(lease, newTask("child"))[0]
	w.move(lease, child.ID, fleet.Running)
	r := w.asked(lease, child.ID, server, "sync")
	w.move(lease, child.ID, fleet.Failed)
	w.move(lease, task.ID, fleet.Failed)
	e.finish(nil)
	w.until("the task to be handed out", func() bool { return w.swept() == 1 })
	<-e.taken
	got, lease := w.claim(task.ID, "alive")
	if got.State != fleet.Failed {
		w.Errorf("handed out: %+v", got)
	}
	w.done(r)
	w.ok(w.ConfirmCancel(w.ctx, lease, task.ID))
	e.finish(nil)
	if n := w.swept(); n != 0 {
		w.Errorf("%d handed out although nothing is left to do", n)
	}
}

func sweepLocks(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("dies")
	r := w.asked(lease, task.ID, server, "sync")
	for i := range 2 {
		if l := value(w.AcquireLock(w.ctx, lease, server, fmt.Sprint("r", i)))(w); l != nil {
			w.Fatalf("in the way: %+v", l)
		}
	}
	w.ok(w.HandLock(w.ctx, lease, server, "r1", "/tasks/1/"))
	w.move(lease, task.ID, fleet.Failed)
	w.swept()
	if left := value(w.FindLocks(w.ctx, server))(w); len(left) != 2 {
		w.Fatalf("locks freed while a request is open: %+v", left)
	}
	w.done(r) // by a process that lost its lease; then it died
	w.until("the lock to be freed", func() bool {
		w.swept()
		return len(value(w.FindLocks(w.ctx, server))(w)) == 1
	})
	if left := value(w.FindLocks(w.ctx, server))(w); left[0].PulpTask != "/tasks/1/" {
		w.Errorf("left: %+v", left)
	}
}

func reclaim(w *world) {
	e := w.engine(0)
	running, waiting := w.queued("running"), w.queued("waits for its claim")
	<-e.taken
	<-e.taken
	_, lease := w.claim(running.ID, "before the crash")
	yields, held := w.claimed("yields")
	<-e.taken
	w.ok(w.Yield(w.ctx, held))
	if n := value(w.Reclaim(w.ctx))(w); n != 1 {
		w.Errorf("%d reclaimed", n)
	}
	w.same(second(w.SaveStage(w.ctx, lease, fleet.Stage{Task: running.ID, Name: "s", State: fleet.StageRunning})), fleet.ErrLeaseLost)
	if n := w.swept(); n != 3 {
		w.Errorf("%d handed out", n)
	}
	again := map[fleet.TaskID]bool{}
	for range 3 {
		again[(<-e.taken).task] = true
	}
	if !again[running.ID] || !again[waiting.ID] || !again[yields.ID] {
		w.Errorf("handed out: %v", again)
	}
	e.stop()
}
