// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var works = []contract{
	{name: "children are created once, in their order", check: childrenOnce},
	{name: "a task and its children go through their states", check: transitions},
	{name: "what a state does not allow is a conflict", check: transitionRefused},
	{name: "a lease is for one tree only", check: otherTrees},
	{name: "a root that ends takes what is left with it", check: rootEnds},
	{name: "a root with open requests keeps lease and locks until they are confirmed", check: rootWaits},
	{name: "the end of a sync is noted on its repository", check: syncNoted},
	{name: "a confirmation needs an end", check: confirmRefused},
	{name: "children that run at the same time all get through", check: manyWrites},
}

func childrenOnce(w *world) {
	ids := w.servers("a.test")
	r := w.mirrored(ids[0], "r")[0]
	task, lease := w.claimed("me")
	wanted := make([]fleet.NewTask, 600)
	for i := range wanted {
		wanted[i] = fleet.NewTask{Name: fmt.Sprint("child ", i), Kind: fleet.KindRepoSync, Server: ids[0], Repository: r.ID}
	}
	wanted[1].MaxRuntime = time.Minute
	first := w.children(lease, wanted...)
	if len(first) != 600 || first[0].Parent != task.ID || first[0].MaxRuntime != time.Hour || first[1].MaxRuntime != time.Minute || first[5].Repository != r.ID {
		w.Fatalf("first: %+v", first[:2])
	}
	for i, c := range first {
		if c.Name != wanted[i].Name || c.State != fleet.Queued {
			w.Fatalf("child %d: %+v", i, c)
		}
	}
	if diff := cmp.Diff(first, w.children(lease, newTask("another"))); diff != "" {
		w.Errorf("second time (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(first, value(w.Children(w.ctx, task.ID))(w)); diff != "" {
		w.Errorf("read back (-first +read):\n%s", diff)
	}
	below, err := w.CreateChildren(w.ctx, lease, first[0].ID, []fleet.NewTask{newTask("grandchild")})
	w.ok(err)
	if below[0].Parent != first[0].ID {
		w.Errorf("grandchild: %+v", below[0])
	}
	if n := w.swept(); n != 0 {
		w.Errorf("%d parts of a task were queued by themselves", n)
	}
	other, lease := w.claimed("you")
	none, err := w.CreateChildren(w.ctx, lease, other.ID, nil)
	w.ok(err)
	if len(none) != 0 {
		w.Errorf("children: %+v", none)
	}
}

func transitions(w *world) {
	task, lease := w.claimed("me")
	child := w.children(lease, newTask("child"))[0]
	running := w.move(lease, child.ID, fleet.Running)
	if running.State != fleet.Running || running.Started.IsZero() || !running.Finished.IsZero() {
		w.Errorf("running: %+v", running)
	}
	if root := w.task(task.ID); root.WorkerName == "" || running.WorkerName != root.WorkerName || running.WorkerJobID != root.WorkerJobID {
		w.Errorf("a part of a task runs on %q, job %q, not on %q, %q as the task", running.WorkerName, running.WorkerJobID, root.WorkerName, root.WorkerJobID)
	}
	why := &fleet.TaskError{Msg: "sync of r failed", Detail: "look at the remote"}
	failed, err := w.Transition(w.ctx, lease, child.ID, fleet.Failed, why)
	w.ok(err)
	if failed.State != fleet.Failed || failed.Finished.IsZero() || !cmp.Equal(failed.Error, why) || failed.Started != running.Started {
		w.Errorf("failed: %+v", failed)
	}
	if diff := cmp.Diff(failed, w.task(child.ID)); diff != "" {
		w.Errorf("stored (-answer +stored):\n%s", diff)
	}
	over := w.move(lease, task.ID, fleet.Completed)
	if over.State != fleet.Completed || over.Finished.IsZero() || over.Error != nil {
		w.Errorf("completed: %+v", over)
	}
	w.same(second(w.Transition(w.ctx, lease, task.ID, fleet.Failed, nil)), fleet.ErrLeaseLost) // it ended with the task
}

func transitionRefused(w *world) {
	_, lease := w.claimed("me")
	for _, from := range []fleet.TaskState{fleet.Queued, fleet.Running, fleet.Completed, fleet.Failed, fleet.Skipped} {
		_, lease := w.claimed("of " + string(from))
		for _, to := range fleet.TaskStates {
			if from.May(to) {
				continue
			}
			child := w.reached(lease, from)
			w.is(second(w.Transition(w.ctx, lease, child.ID, to, nil)), fault.Conflict)
			if got := w.task(child.ID); got.State != from {
				w.Errorf("from %s to %s: is %s", from, to, got.State)
			}
		}
	}
	w.is(second(w.Transition(w.ctx, lease, 999, fleet.Failed, nil)), fault.Invalid)
}

// reached gives a child in a state.
func (w *world) reached(lease fleet.Lease, state fleet.TaskState) fleet.Task {
	w.Helper()
	child := w.children(lease, newTask("child"))[0]
	if child.State == state {
		return child
	}
	if child.State == fleet.Queued && !fleet.Queued.May(state) {
		w.move(lease, child.ID, fleet.Running)
	}
	return w.move(lease, child.ID, state)
}

func otherTrees(w *world) {
	server := w.servers("a.test")[0]
	_, mine := w.claimed("me")
	theirs, lease := w.claimed("you")
	child := w.children(lease, newTask("child"))[0]
	stage := w.stage(lease, child.ID, "stage")
	for _, id := range []fleet.TaskID{theirs.ID, child.ID} {
		w.is(second(w.Transition(w.ctx, mine, id, fleet.Failed, nil)), fault.Invalid)
		w.is(second(w.SaveStage(w.ctx, mine, fleet.Stage{Task: id, Name: "stage", State: fleet.StageFailed})), fault.Invalid)
		w.is(second(w.CreateChildren(w.ctx, mine, id, []fleet.NewTask{newTask("x")})), fault.Invalid)
		w.is(second(w.RecordRequest(w.ctx, mine, fleet.PulpRequest{Task: id, Stage: stage.ID, Server: server, Step: "sync"})), fault.Invalid)
		w.is(w.ConfirmCancel(w.ctx, mine, id), fault.Invalid)
	}
}

func rootEnds(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	all := w.children(lease, newTask("completed"), newTask("running"), newTask("queued"))
	w.move(lease, all[0].ID, fleet.Running)
	w.move(lease, all[0].ID, fleet.Completed)
	w.move(lease, all[1].ID, fleet.Running)
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r1")))
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r2")))
	w.ok(w.HandLock(w.ctx, lease, server, "r2", "/tasks/1/"))
	w.move(lease, task.ID, fleet.Failed)
	for i, want := range []fleet.TaskState{fleet.Completed, fleet.Canceled, fleet.Canceled} {
		if got := w.task(all[i].ID); got.State != want || got.Finished.IsZero() {
			w.Errorf("child %d: %+v", i, got)
		}
	}
	left := value(w.FindLocks(w.ctx, server))(w)
	if len(left) != 1 || left[0].PulpTask != "/tasks/1/" {
		w.Errorf("locks left: %+v", left)
	}
	if held := value(w.Renew(w.ctx, "me"))(w); len(held) != 0 {
		w.Errorf("still held: %v", held)
	}
}

func rootWaits(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	child := w.children(lease, newTask("child"))[0]
	w.move(lease, child.ID, fleet.Running)
	r := w.asked(lease, child.ID, server, "sync")
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r")))
	w.move(lease, task.ID, fleet.Failed)
	if held := value(w.Renew(w.ctx, "me"))(w); !cmp.Equal(held, []fleet.TaskID{task.ID}) {
		w.Errorf("held: %v", held)
	}
	if n := len(value(w.FindLocks(w.ctx, server))(w)); n != 1 {
		w.Errorf("%d locks", n)
	}
	w.is(w.ConfirmCancel(w.ctx, lease, task.ID), fault.Conflict)
	w.done(r)
	w.ok(w.ConfirmCancel(w.ctx, lease, task.ID))
	if held := value(w.Renew(w.ctx, "me"))(w); len(held) != 0 {
		w.Errorf("still held: %v", held)
	}
	if left := value(w.FindLocks(w.ctx, server))(w); len(left) != 0 {
		w.Errorf("locks left: %+v", left)
	}
	if got := w.task(task.ID); got.State != fleet.Failed || got.CancelConfirmed.IsZero() {
		w.Errorf("confirmed: %+v", got)
	}
}

func syncNoted(w *world) {
	server := w.servers("a.test")[0]
	all := w.mirrored(server, "good", "bad", "skipped", "canceled", "never began", "snapshot")
	byName := map[string]fleet.Repository{}
	var children []fleet.NewTask
	for _, r := range all {
		byName[r.Name] = r
		kind := fleet.KindRepoSync
		if r.Name == "snapshot" {
			kind = fleet.KindRepoSnapshot
		}
		children = append(children, fleet.NewTask{Name: r.Name, Kind: kind, Server: server, Repository: r.ID})
	}
	_, lease := w.claimed("me")
	for _, c := range w.children(lease, children...) {
		switch c.Name {
		case "skipped":
			w.move(lease, c.ID, fleet.Skipped)
		case "never began":
			w.ok(second(w.Cancel(w.ctx, c.ID)))
		case "canceled":
			w.move(lease, c.ID, fleet.Running)
			w.ok(second(w.Cancel(w.ctx, c.ID)))
		case "bad":
			w.move(lease, c.ID, fleet.Running)
			w.move(lease, c.ID, fleet.Failed)
		default:
			w.move(lease, c.ID, fleet.Running)
			w.move(lease, c.ID, fleet.Completed)
		}
	}
	for name, want := range map[string]fleet.TaskState{
		"good": fleet.Completed, "bad": fleet.Failed, "canceled": fleet.Canceled, "skipped": "", "never began": "", "snapshot": "",
	} {
		r := value(w.RepositoryByID(w.ctx, byName[name].ID))(w)
		if r.LastAttemptState != want || r.LastAttempt.IsZero() != (want == "") || r.LastSuccess.IsZero() != (name != "good") {
			w.Errorf("%s: %+v", name, r)
		}
	}
	// A sync that has only begun says nothing about the repository yet.
	_, lease = w.claimed("me")
	again := w.children(lease, fleet.NewTask{Name: "again", Kind: fleet.KindRepoSync, Server: server, Repository: byName["good"].ID})
	w.move(lease, again[0].ID, fleet.Running)
	if r := value(w.RepositoryByID(w.ctx, byName["good"].ID))(w); r.LastAttemptState != fleet.Completed {
		w.Errorf("while it syncs again: %+v", r)
	}
}

func confirmRefused(w *world) {
	task, lease := w.claimed("me")
	w.is(w.ConfirmCancel(w.ctx, lease, task.ID), fault.Conflict)
	child := w.children(lease, newTask("child"))[0]
	w.move(lease, child.ID, fleet.Running)
	w.is(w.ConfirmCancel(w.ctx, lease, child.ID), fault.Conflict)
	w.ok(second(w.Cancel(w.ctx, child.ID)))
	w.ok(w.ConfirmCancel(w.ctx, lease, child.ID))
	if got := w.task(child.ID); got.CancelConfirmed.IsZero() {
		w.Errorf("child: %+v", got)
	}
	if got := w.task(task.ID); !got.CancelConfirmed.IsZero() || got.State != fleet.Running {
		w.Errorf("its parent: %+v", got)
	}
	w.stage(lease, task.ID, "goes on")
}

func manyWrites(w *world) {
	const tasks, each = 20, 10
	task, lease := w.claimed("me")
	wanted := make([]fleet.NewTask, tasks)
	for i := range wanted {
		wanted[i] = newTask(fmt.Sprint("child ", i))
	}
	children := w.children(lease, wanted...)
	var wait sync.WaitGroup
	for _, c := range children {
		wait.Go(func() {
			if _, err := w.Transition(w.ctx, lease, c.ID, fleet.Running, nil); err != nil {
				w.Errorf("transition: %v", err)
			}
			for i := range each {
				_, err := w.SaveStage(w.ctx, lease, fleet.Stage{Task: c.ID, Name: fmt.Sprint("stage ", i), State: fleet.StageCompleted})
				if err != nil {
					w.Errorf("stage: %v", err)
				}
			}
			if _, err := w.Transition(w.ctx, lease, c.ID, fleet.Completed, nil); err != nil {
				w.Errorf("transition: %v", err)
			}
		})
	}
	wait.Wait()
	for _, c := range value(w.Children(w.ctx, task.ID))(w) {
		if n := len(value(w.Stages(w.ctx, c.ID))(w)); n != each || c.State != fleet.Completed {
			w.Errorf("%d stages of %+v", n, c)
		}
	}
}
