// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var leases = []contract{
	{name: "a claimed task runs", check: claimStarts},
	{name: "what cannot be claimed is a conflict", check: claimRefused},
	{name: "of many that claim a task one gets it", check: claimRace},
	{name: "an expired lease is taken over and the old one is fenced off", lease: shortLease, check: takeOver},
	{name: "a renewed lease does not expire", lease: 2 * shortLease, check: renewed},
	{name: "a yielded task can be claimed at once", check: yielded},
	{name: "a lost lease cannot be yielded", lease: shortLease, check: yieldLost},
	{name: "only tasks under the owner's leases are interrupted", check: interrupted},
}

func claimStarts(w *world) {
	queued := w.queued("task")
	task, lease := w.claim(queued.ID, "me")
	if task.State != fleet.Running || task.Started.IsZero() || task.WorkerName != "me.host" || task.WorkerJobID != "job-1" {
		w.Errorf("claimed: %+v", task)
	}
	if diff := cmp.Diff(fleet.Lease{Task: task.ID, Owner: "me", Epoch: 1}, lease); diff != "" {
		w.Errorf("lease (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(task, w.task(task.ID)); diff != "" {
		w.Errorf("stored (-answer +stored):\n%s", diff)
	}
}

func claimRefused(w *world) {
	claim := func(id fleet.TaskID, owner string) error {
		_, _, err := w.Claim(w.ctx, id, owner, "host", "job")
		return err
	}
	w.is(claim(99, "me"), fault.NotFound)
	task, lease := w.claimed("me")
	w.is(claim(task.ID, "you"), fault.Conflict)
	w.is(claim(task.ID, "me"), fault.Conflict) // a second job of the same process
	child := w.children(lease, newTask("child"))[0]
	w.is(claim(child.ID, "me"), fault.Conflict)
	w.move(lease, child.ID, fleet.Skipped)
	w.move(lease, task.ID, fleet.Completed)
	w.is(claim(task.ID, "me"), fault.Conflict)
	over := w.queued("canceled")
	w.ok(second(w.Cancel(w.ctx, over.ID)))
	w.is(claim(over.ID, "me"), fault.Conflict)
}

func claimRace(w *world) {
	for range 5 {
		task := w.queued("wanted")
		var won, lost atomic.Int32
		var wait sync.WaitGroup
		for i := range 12 {
			wait.Go(func() {
				_, _, err := w.Claim(w.ctx, task.ID, fmt.Sprint("owner ", i), "host", "job")
				switch {
				case err == nil:
					won.Add(1)
				case fault.Is(err, fault.Conflict):
					lost.Add(1)
				default:
					w.Errorf("claim: %v", err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 || lost.Load() != 11 {
			w.Errorf("%d got the task, %d were refused", won.Load(), lost.Load())
		}
	}
}

// expired claims a task for an owner that dies, and then for another one.
func (w *world) expired() (task fleet.Task, dead, alive fleet.Lease) {
	w.Helper()
	task, dead = w.claimed("dead")
	return task, dead, w.takenOver(task.ID)
}

func (w *world) takenOver(id fleet.TaskID) (lease fleet.Lease) {
	w.Helper()
	w.until("the lease to expire", func() bool {
		_, l, err := w.Claim(w.ctx, id, "alive", "host", "job-2")
		if err != nil {
			w.is(err, fault.Conflict)
		}
		lease = l
		return err == nil
	})
	return lease
}

func takeOver(w *world) {
	server := w.servers("a.test")[0]
	task, dead := w.claimed("dead")
	stage := w.stage(dead, task.ID, "stage")
	started := w.task(task.ID).Started
	alive := w.takenOver(task.ID)
	if alive.Epoch != 2 {
		w.Errorf("epoch %d", alive.Epoch)
	}
	if got := w.task(task.ID); !got.Started.Equal(started) || got.State != fleet.Running || got.WorkerJobID != "job-2" {
		w.Errorf("taken over: %+v", got)
	}
	lost := fleet.ErrLeaseLost
	w.same(second(w.Transition(w.ctx, dead, task.ID, fleet.Failed, nil)), lost)
	w.same(second(w.SaveStage(w.ctx, dead, stage)), lost)
	w.same(second(w.CreateChildren(w.ctx, dead, task.ID, []fleet.NewTask{newTask("child")})), lost)
	w.same(second(w.RecordRequest(w.ctx, dead, fleet.PulpRequest{Task: task.ID, Stage: stage.ID, Server: server, Step: "sync", Attempt: 1})), lost)
	w.same(w.ConfirmCancel(w.ctx, dead, task.ID), lost)
	w.same(second(w.AcquireLock(w.ctx, dead, server, "r")), lost)
	w.same(w.ReleaseLock(w.ctx, dead, server, "r"), lost)
	w.same(w.HandLock(w.ctx, dead, server, "r", "/tasks/1/"), lost)
	forged := alive
	forged.Owner = "dead"
	w.same(second(w.SaveStage(w.ctx, forged, stage)), lost)
	if ids := value(w.Renew(w.ctx, "dead"))(w); len(ids) != 0 {
		w.Errorf("the dead one holds %v", ids)
	}
	if n := len(value(w.Stages(w.ctx, task.ID))(w)); n != 1 {
		w.Errorf("%d stages", n)
	}
	w.stage(alive, task.ID, "another")
}

func renewed(w *world) {
	task, _ := w.claimed("me")
	other, _ := w.claimed("me")
	w.claimed("somebody else")
	for range 30 { // longer than the lease, by far
		if diff := cmp.Diff([]fleet.TaskID{task.ID, other.ID}, value(w.Renew(w.ctx, "me"))(w)); diff != "" {
			w.Fatalf("held (-want +got):\n%s", diff)
		}
		_, _, err := w.Claim(w.ctx, task.ID, "you", "host", "job")
		w.is(err, fault.Conflict)
		w.pause(shortLease / 4)
	}
}

func yielded(w *world) {
	task, lease := w.claimed("me")
	w.ok(w.Yield(w.ctx, lease))
	if held := value(w.Renew(w.ctx, "me"))(w); len(held) != 0 {
		w.Errorf("still held: %v", held)
	}
	w.same(second(w.Transition(w.ctx, lease, task.ID, fleet.Failed, nil)), fleet.ErrLeaseLost)
	again, next := w.claim(task.ID, "you")
	if again.State != fleet.Running || next.Epoch != 2 {
		w.Errorf("claimed again: %+v with %+v", again, next)
	}
}

func yieldLost(w *world) {
	task, dead, alive := w.expired()
	w.ok(w.Yield(w.ctx, dead))
	w.stage(alive, task.ID, "still mine")
}

func interrupted(w *world) {
	mine, lease := w.claimed("me")
	children := w.children(lease, newTask("runs"), newTask("waits"), newTask("runs on"))
	w.move(lease, children[0].ID, fleet.Running)
	w.move(lease, children[2].ID, fleet.Running)
	w.claimed("me")
	others, _ := w.claimed("you")
	w.ok(second(w.Cancel(w.ctx, others.ID)))
	if got := value(w.Interrupted(w.ctx, "me"))(w); len(got) != 0 {
		w.Errorf("interrupted: %v", got)
	}
	w.ok(second(w.Cancel(w.ctx, children[0].ID)))
	w.ok(second(w.Cancel(w.ctx, children[1].ID))) // never began: confirmed at once
	if diff := cmp.Diff([]fleet.TaskID{children[0].ID}, value(w.Interrupted(w.ctx, "me"))(w)); diff != "" {
		w.Errorf("interrupted (-want +got):\n%s", diff)
	}
	w.ok(second(w.Cancel(w.ctx, mine.ID)))
	if diff := cmp.Diff([]fleet.TaskID{mine.ID, children[0].ID, children[2].ID}, value(w.Interrupted(w.ctx, "me"))(w)); diff != "" {
		w.Errorf("interrupted (-want +got):\n%s", diff)
	}
	w.ok(w.ConfirmCancel(w.ctx, lease, mine.ID))
	if got := value(w.Interrupted(w.ctx, "me"))(w); len(got) != 0 {
		w.Errorf("interrupted: %v", got)
	}
}
