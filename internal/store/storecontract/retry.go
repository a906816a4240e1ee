// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var retries = []contract{
	{name: "a task that did not end well is queued again as another one", check: retryOne},
	{name: "what is not over, or done, is not retried", check: retryRefused},
	{name: "retries make a chain", check: retryChain},
	{name: "of many who retry a task at once one does", check: retryRace},
	{name: "a retry skips the parts that ended well", check: retryParts},
	{name: "a part is retried alone, and its parent's retry knows", check: retryPartAlone},
	{name: "a retry takes over the stages it is told to", check: retryStages},
	{name: "a task that is put off tells so until it goes on", check: postpone},
	{name: "what a task waits for is told until it is over", check: note},
}

// ended is a task that has ended so.
func (w *world) ended(state fleet.TaskState) fleet.Task {
	w.Helper()
	task, lease := w.claimed("me")
	return w.move(lease, task.ID, state)
}

func (w *world) retried(id fleet.TaskID) fleet.Task {
	w.Helper()
	task, err := w.Retry(w.ctx, id, nil)
	w.ok(err)
	return task
}

// says fails the test unless the error is a conflict that says so.
func (w *world) says(err error, words string) {
	w.Helper()
	w.is(err, fault.Conflict)
	if !strings.Contains(fault.Message(err), words) {
		w.Errorf("error %v, want %q in it", err, words)
	}
}

func retryOne(w *world) {
	server := w.servers("a.test")[0]
	first, err := w.Enqueue(w.ctx, fleet.NewTask{
		Name: "x", Kind: fleet.KindRegister, Args: map[string]any{"n": 1}, Server: server, Schedule: 7, MaxRuntime: time.Hour,
	})
	w.ok(err)
	_, lease := w.claim(first.ID, "me")
	w.move(lease, first.ID, fleet.Failed)
	again := w.retried(first.ID)
	if again.ID == first.ID || again.RetryOf != first.ID || again.State != fleet.Queued || again.Name != "x" || again.Kind != fleet.KindRegister ||
		string(again.Args) != string(first.Args) || again.Server != server || again.Schedule != 0 || again.MaxRuntime != time.Hour || again.Retries != 0 {
		w.Errorf("retry: %+v", again)
	}
	if n := w.swept(); n != 0 { // the engine has it
		w.Errorf("%d tasks without a job", n)
	}
	w.claim(again.ID, "me")
}

func retryRefused(w *world) {
	w.is(second(w.Retry(w.ctx, 99, nil)), fault.NotFound)
	queued := w.queued("queued")
	w.says(second(w.Retry(w.ctx, queued.ID, nil)), fmt.Sprintf("task %d is not over: it is queued", queued.ID))
	running, _ := w.claimed("me")
	w.says(second(w.Retry(w.ctx, running.ID, nil)), "it is running")
	done := w.ended(fleet.Completed)
	w.says(second(w.Retry(w.ctx, done.ID, nil)), "completed: nothing is left to do")
	w.ok(second(w.Cancel(w.ctx, queued.ID)))
	if again := w.retried(queued.ID); again.State != fleet.Queued || !again.CancelRequested.IsZero() {
		w.Errorf("retry of a canceled one: %+v", again)
	}
}

func retryChain(w *world) {
	first := w.ended(fleet.Failed)
	next := w.retried(first.ID)
	w.says(second(w.Retry(w.ctx, first.ID, nil)), fmt.Sprintf("tried again by task %d, which is not over", next.ID))
	_, lease := w.claim(next.ID, "me")
	w.move(lease, next.ID, fleet.Failed)
	third := w.retried(first.ID) // of the newest, whichever is named
	if third.RetryOf != next.ID {
		w.Errorf("third: %+v", third)
	}
	_, lease = w.claim(third.ID, "me")
	w.move(lease, third.ID, fleet.Completed)
	for _, id := range []fleet.TaskID{first.ID, next.ID, third.ID} {
		w.says(second(w.Retry(w.ctx, id, nil)), "nothing is left to do")
	}
}

func retryRace(w *world) {
	for range 5 {
		first := w.ended(fleet.Failed)
		errs := make([]error, 4)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() { errs[i] = second(w.Retry(w.ctx, first.ID, nil)) })
		}
		wait.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			w.is(err, fault.Conflict)
		}
		if won != 1 {
			w.Errorf("%d retries at once: %v", won, errs)
		}
	}
}

// family is a failed task with a part in each of three states.
func (w *world) family() (fleet.Task, []fleet.NewTask, []fleet.Task) {
	w.Helper()
	task, lease := w.claimed("me")
	specs := []fleet.NewTask{newTask("completed"), newTask("failed"), newTask("canceled")}
	all := w.children(lease, specs...)
	for i, state := range []fleet.TaskState{fleet.Completed, fleet.Failed} {
		w.move(lease, all[i].ID, fleet.Running)
		all[i] = w.move(lease, all[i].ID, state)
	}
	w.ok(second(w.Cancel(w.ctx, all[2].ID)))
	return w.move(lease, task.ID, fleet.Failed), specs, all
}

// parts fails the test unless a task's parts are in these states, by name.
func (w *world) parts(id fleet.TaskID, want map[string]fleet.TaskState) map[string]fleet.Task {
	w.Helper()
	children, err := w.Children(w.ctx, id)
	w.ok(err)
	byName := map[string]fleet.Task{}
	for _, c := range children {
		byName[c.Name] = c
		if c.State != want[c.Name] {
			w.Errorf("part %s of task %d is %s, want %s", c.Name, id, c.State, want[c.Name])
		}
	}
	if len(byName) != len(want) || len(children) != len(want) {
		w.Errorf("%d parts, want %d", len(children), len(want))
	}
	return byName
}

func retryParts(w *world) {
	first, specs, before := w.family()
	again := w.retried(first.ID)
	_, lease := w.claim(again.ID, "me")
	specs = append(specs[1:], specs[0], newTask("new"))
	created := w.children(lease, specs...)
	for i, c := range created {
		if c.Name != specs[i].Name {
			w.Errorf("part %d is %s, want %s", i, c.Name, specs[i].Name)
		}
	}
	parts := w.parts(again.ID, map[string]fleet.TaskState{
		"completed": fleet.Skipped, "failed": fleet.Queued, "canceled": fleet.Queued, "new": fleet.Queued,
	})
	done := parts["completed"]
	if done.DoneIn != before[0].ID || done.RetryOf != before[0].ID || done.Finished.IsZero() || !done.Started.IsZero() {
		w.Errorf("skipped part: %+v", done)
	}
	if parts["failed"].RetryOf != before[1].ID || parts["new"].RetryOf != 0 || parts["failed"].DoneIn != 0 {
		w.Errorf("parts: %+v", parts)
	}
	told, err := w.Stages(w.ctx, done.ID)
	w.ok(err)
	if len(told) != 1 || told[0].Detail["msg"] != fmt.Sprintf("done in task %d", before[0].ID) {
		w.Errorf("stages of the skipped part: %+v", told)
	}
	if len(w.children(lease, specs...)) != 4 { // as after a crash
		w.Error("parts were created twice")
	}
	// The retry of the retry takes over what either has done.
	w.move(lease, parts["failed"].ID, fleet.Running)
	w.move(lease, parts["failed"].ID, fleet.Completed)
	w.move(lease, again.ID, fleet.Failed)
	third := w.retried(again.ID)
	_, lease = w.claim(third.ID, "me")
	w.children(lease, specs...)
	last := w.parts(third.ID, map[string]fleet.TaskState{
		"completed": fleet.Skipped, "failed": fleet.Skipped, "canceled": fleet.Queued, "new": fleet.Queued,
	})
	if last["completed"].DoneIn != before[0].ID || last["failed"].DoneIn != parts["failed"].ID || last["completed"].RetryOf != done.ID {
		w.Errorf("parts of the third: %+v", last)
	}
	w.says(second(w.Retry(w.ctx, before[0].ID, nil)), fmt.Sprintf("task %d has done it", before[0].ID))
}

func retryPartAlone(w *world) {
	first, specs, before := w.family()
	alone := w.retried(before[1].ID)
	if alone.Parent != 0 || alone.RetryOf != before[1].ID || alone.MaxRuntime != before[1].MaxRuntime {
		w.Errorf("alone: %+v", alone)
	}
	_, lease := w.claim(alone.ID, "me")
	w.move(lease, alone.ID, fleet.Completed)
	again := w.retried(first.ID)
	_, lease = w.claim(again.ID, "me")
	w.children(lease, specs...)
	parts := w.parts(again.ID, map[string]fleet.TaskState{"completed": fleet.Skipped, "failed": fleet.Skipped, "canceled": fleet.Queued})
	if parts["failed"].DoneIn != alone.ID {
		w.Errorf("part done alone: %+v", parts["failed"])
	}
	unlimited, lease := w.claimed("me")
	child := newTask("unlimited")
	child.MaxRuntime = fleet.Unlimited
	part := w.children(lease, child)[0]
	w.move(lease, unlimited.ID, fleet.Failed)
	if alone := w.retried(part.ID); alone.MaxRuntime != time.Hour {
		w.Errorf("run time of a part alone: %s", alone.MaxRuntime)
	}
}

func retryStages(w *world) {
	task, lease := w.claimed("me")
	for name, state := range map[string]fleet.StageState{"plan": fleet.StageCompleted, "other": fleet.StageCompleted, "late": fleet.StageFailed} {
		w.ok(second(w.SaveStage(w.ctx, lease, fleet.Stage{
			Task: task.ID, Name: name, State: state, Result: []byte(`{"of":"` + name + `"}`), Detail: map[string]any{"msg": name},
		})))
	}
	w.move(lease, task.ID, fleet.Failed)
	again, err := w.Retry(w.ctx, task.ID, []string{"plan", "late", "never"})
	w.ok(err)
	got, err := w.Stages(w.ctx, again.ID)
	w.ok(err)
	if len(got) != 1 || got[0].Name != "plan" || string(got[0].Result) != `{"of":"plan"}` || got[0].Detail["msg"] != "plan" || got[0].State != fleet.StageCompleted {
		w.Errorf("stages: %+v", got)
	}
}

func postpone(w *world) {
	task, lease := w.claimed("me")
	if task.Retries != 0 || lease.Retries != 0 {
		w.Errorf("first attempt: %+v %+v", task, lease)
	}
	mark := value(w.TaskMark(w.ctx, task.ID))(w)
	w.ok(w.Postpone(w.ctx, lease, time.Hour, "no answer"))
	got := w.task(task.ID)
	if got.Retries != 1 || got.RetryReason != "no answer" || got.State != fleet.Running || time.Until(got.NextAttempt) < 50*time.Minute {
		w.Errorf("put off: %+v", got)
	}
	if value(w.TaskMark(w.ctx, task.ID))(w) == mark {
		w.Error("who watches the task does not see it")
	}
	page, err := w.FindTasks(w.ctx, fleet.Query{Page: 1, Size: 10})
	w.ok(err)
	if len(page.Items) != 1 || page.Items[0].Retries != 1 || page.Items[0].NextAttempt.IsZero() {
		w.Errorf("in the list: %+v", page.Items)
	}
	w.ok(w.Yield(w.ctx, lease))
	w.same(w.Postpone(w.ctx, lease, time.Hour, "x"), fleet.ErrLeaseLost)
	got, lease = w.claim(task.ID, "other")
	if got.Retries != 1 || lease.Retries != 1 || !w.task(task.ID).NextAttempt.IsZero() {
		w.Errorf("gone on: %+v %+v", got, lease)
	}
	w.ok(w.Postpone(w.ctx, lease, time.Hour, "again"))
	w.ok(w.Yield(w.ctx, lease))
	canceled, err := w.Cancel(w.ctx, task.ID) // between two attempts
	w.ok(err)
	if canceled.State != fleet.Canceled || !canceled.NextAttempt.IsZero() || canceled.Retries != 2 || canceled.RetryReason != "again" {
		w.Errorf("canceled: %+v", canceled)
	}
}

func note(w *world) {
	task, lease := w.claimed("me")
	child := w.children(lease, newTask("part"))[0]
	w.ok(w.Note(w.ctx, lease, child.ID, "a Pulp task"))
	w.ok(w.Note(w.ctx, lease, task.ID, "its part"))
	if got := w.task(child.ID); got.WaitingFor != "a Pulp task" || got.Retries != 0 {
		w.Errorf("noted: %+v", got)
	}
	w.ok(w.Note(w.ctx, lease, child.ID, ""))
	if got := w.task(child.ID); got.WaitingFor != "" {
		w.Errorf("no longer: %+v", got)
	}
	w.ok(w.Note(w.ctx, lease, child.ID, "again"))
	w.is(w.Note(w.ctx, lease, 99, "x"), fault.Invalid)
	w.move(lease, task.ID, fleet.Failed)
	if a, b := w.task(task.ID), w.task(child.ID); a.WaitingFor != "" || b.WaitingFor != "" {
		w.Errorf("at the end: %+v %+v", a, b)
	}
}
