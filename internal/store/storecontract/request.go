// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"encoding/json"
	"sync"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var requests = []contract{
	{name: "a request is noted and updated", check: requestReadBack},
	{name: "a step has one open request", check: requestAttempts},
	{name: "what is known about a request is not forgotten", check: requestKnown},
	{name: "open requests of a tree are found", check: requestsOpen},
	{name: "nothing is asked for a task that is over", check: requestOver},
}

func requestReadBack(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	stage := w.stage(lease, task.ID, "sync")
	r, err := w.RecordRequest(w.ctx, lease, fleet.PulpRequest{
		Task: task.ID, Stage: stage.ID, Server: server, Step: "sync", Attempt: 1, Correlation: "pm-1", State: fleet.RequestDone,
	})
	w.ok(err)
	want := fleet.PulpRequest{
		ID: r.ID, Task: task.ID, Stage: stage.ID, Server: server, Step: "sync", Attempt: 1, Correlation: "pm-1",
		Sent: r.Sent, State: fleet.RequestOpen,
	}
	age := cmpopts.IgnoreFields(fleet.PulpRequest{}, "Age")
	if diff := cmp.Diff(want, r, age); diff != "" || r.ID == 0 || r.Sent.IsZero() {
		w.Errorf("recorded (-want +got):\n%s", diff)
	}
	r.Href, r.State, r.Outcome = "/tasks/1/", fleet.RequestDone, json.RawMessage(`{"state": "completed"}`)
	w.ok(w.UpdateRequest(w.ctx, r))
	w.until("it to be older", func() bool { return value(w.Requests(w.ctx, stage.ID))(w)[0].Age > 0 })
	all := value(w.Requests(w.ctx, stage.ID))(w)
	want.Href, want.State, want.Outcome = r.Href, r.State, r.Outcome
	if diff := cmp.Diff([]fleet.PulpRequest{want}, all, age); diff != "" {
		w.Errorf("updated (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all, value(w.TaskRequests(w.ctx, r.Task))(w), age); diff != "" || len(value(w.TaskRequests(w.ctx, r.Task+1))(w)) != 0 {
		w.Errorf("of the task (-want +got):\n%s", diff)
	}
	w.is(w.UpdateRequest(w.ctx, fleet.PulpRequest{ID: 99, State: fleet.RequestDone}), fault.NotFound)
}

func requestAttempts(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	r := w.asked(lease, task.ID, server, "sync")
	again := fleet.PulpRequest{Task: task.ID, Stage: r.Stage, Server: server, Step: "sync", Attempt: 2}
	w.is(second(w.RecordRequest(w.ctx, lease, again)), fault.Conflict)
	w.done(r)
	again.Attempt = 1
	w.is(second(w.RecordRequest(w.ctx, lease, again)), fault.Conflict)
	again.Attempt = 0
	if next := value(w.RecordRequest(w.ctx, lease, again))(w); next.Attempt != 2 {
		w.Errorf("next: %+v", next)
	}
	again.Step = "publish"
	if other := value(w.RecordRequest(w.ctx, lease, again))(w); other.Attempt != 1 {
		w.Errorf("another step: %+v", other)
	}

	// Also when asked at the same time.
	again.Step, again.Attempt = "race", 1
	var wait sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wait.Go(func() { errs[i] = second(w.RecordRequest(w.ctx, lease, again)) })
	}
	wait.Wait()
	var won int
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		w.is(err, fault.Conflict)
	}
	if won != 1 {
		w.Errorf("%d requests of one attempt", won)
	}
}

func requestKnown(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	r := w.asked(lease, task.ID, server, "sync")
	r.Href, r.Outcome = "/tasks/1/", json.RawMessage(`1`)
	w.ok(w.UpdateRequest(w.ctx, r))
	w.ok(w.UpdateRequest(w.ctx, fleet.PulpRequest{ID: r.ID, State: fleet.RequestDone}))
	w.ok(w.UpdateRequest(w.ctx, fleet.PulpRequest{ID: r.ID, State: fleet.RequestOpen}))
	w.ok(w.UpdateRequest(w.ctx, fleet.PulpRequest{ID: r.ID, State: fleet.RequestNotSent}))
	got := value(w.Requests(w.ctx, r.Stage))(w)[0]
	if got.State != fleet.RequestDone || got.Href != "/tasks/1/" || string(got.Outcome) != "1" {
		w.Errorf("request %+v", got)
	}
}

func requestsOpen(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	child := w.children(lease, newTask("child"), newTask("other"))
	w.move(lease, child[0].ID, fleet.Running)
	own, below := w.asked(lease, task.ID, server, "own"), w.asked(lease, child[0].ID, server, "below")
	w.done(w.asked(lease, task.ID, server, "done"))
	_, others := w.claimed("you")
	w.asked(others, others.Task, server, "other")
	ids := func(task fleet.TaskID) (ids []fleet.RequestID) {
		for _, r := range value(w.OpenRequests(w.ctx, task))(w) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]fleet.RequestID{own.ID, below.ID}, ids(task.ID)); diff != "" {
		w.Errorf("of the tree (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]fleet.RequestID{below.ID}, ids(child[0].ID)); diff != "" {
		w.Errorf("of the child (-want +got):\n%s", diff)
	}
	if got := ids(child[1].ID); len(got) != 0 {
		w.Errorf("of the other child: %v", got)
	}
}

func requestOver(w *world) {
	server := w.servers("a.test")[0]
	_, lease := w.claimed("me")
	child := w.children(lease, newTask("child"))[0]
	w.move(lease, child.ID, fleet.Running)
	r := fleet.PulpRequest{Task: child.ID, Stage: w.stage(lease, child.ID, "sync").ID, Server: server, Step: "sync", Attempt: 1}
	w.move(lease, child.ID, fleet.Failed)
	w.is(second(w.RecordRequest(w.ctx, lease, r)), fault.Conflict)
}
