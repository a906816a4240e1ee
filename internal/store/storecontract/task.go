// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var tasks = []contract{
	{name: "a queued task reads back as it was asked for", check: taskReadBack},
	{name: "a task that cannot be is refused and leaves nothing", check: taskRefused},
	{name: "stages are kept in the order they began", check: stages},
	{name: "a task's mark changes with it, its stages and its children", check: taskMarks},
	{name: "text of any kind is stored as it is", check: strangeTexts},
	{name: "the database answers", check: func(w *world) { w.ok(w.Ping(w.ctx)) }},
}

func taskReadBack(w *world) {
	server := w.servers("a.test")[0]
	repository := w.mirrored(server, "x")[0]
	first := w.queued("first")
	task, err := w.Enqueue(w.ctx, fleet.NewTask{
		Name: "repo sync", Kind: fleet.KindRepoSync, Args: map[string]any{"name": "x", "n": 1}, Server: server,
		Repository: repository.ID, RetryOf: first.ID, MaxRuntime: fleet.Unlimited,
	})
	w.ok(err)
	want := fleet.Task{
		ID: task.ID, Name: "repo sync", Kind: fleet.KindRepoSync, Args: json.RawMessage(`{"n":1,"name":"x"}`), State: fleet.Queued,
		Server: server, Repository: repository.ID, RetryOf: first.ID, MaxRuntime: fleet.Unlimited,
		Queued: task.Queued, Created: task.Created, Updated: task.Updated,
	}
	if diff := cmp.Diff(want, w.task(task.ID)); diff != "" {
		w.Errorf("task (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, task); diff != "" {
		w.Errorf("answer (-want +got):\n%s", diff)
	}
	if task.Queued.Location() != time.UTC || time.Since(task.Queued).Abs() > time.Hour || task.ID <= first.ID {
		w.Errorf("task %+v after %+v", task, first)
	}
	if string(first.Args) != "{}" || first.MaxRuntime != time.Hour {
		w.Errorf("first: %+v", first)
	}
	w.is(second(w.Task(w.ctx, 999)), fault.NotFound)
}

func taskRefused(w *world) {
	for name, bad := range map[string]fleet.NewTask{
		"no run time":       {Name: "bad", Kind: fleet.KindRegister},
		"negative run time": {Name: "bad", Kind: fleet.KindRegister, MaxRuntime: -time.Hour},
		"unknown server":    {Name: "bad", Kind: fleet.KindRegister, MaxRuntime: time.Hour, Server: 7},
	} {
		if _, err := w.Enqueue(w.ctx, bad); !fault.Is(err, fault.Invalid) {
			w.Errorf("%s: %v", name, err)
		}
	}
	bad := newTask("bad")
	bad.Args = []int{1}
	w.is(second(w.Enqueue(w.ctx, bad)), fault.Internal)
	if all := value(w.FindTasks(w.ctx, fleet.Query{}))(w); all.Total != 0 {
		w.Errorf("%d tasks", all.Total)
	}
}

func stages(w *world) {
	task, lease := w.claimed("me")
	first := w.stage(lease, task.ID, "reconcile")
	w.stage(lease, task.ID, "sync")
	if first.ID == 0 || first.State != fleet.StageRunning || first.Created.IsZero() {
		w.Errorf("first: %+v", first)
	}
	saved, err := w.SaveStage(w.ctx, lease, fleet.Stage{
		Task: task.ID, Name: "reconcile", State: fleet.StageCompleted, Detail: map[string]any{"msg": "done", "hrefs": []any{"a"}},
		Result: json.RawMessage(`{"b": 1,  "a": [1.50]}`), Error: &fleet.TaskError{Msg: "warned", Detail: "look"},
	})
	w.ok(err)
	all := value(w.Stages(w.ctx, task.ID))(w)
	if len(all) != 2 || all[0].Name != "reconcile" || all[1].Name != "sync" {
		w.Fatalf("stages %+v", all)
	}
	want := fleet.Stage{
		ID: first.ID, Task: task.ID, Name: "reconcile", State: fleet.StageCompleted, Detail: map[string]any{"msg": "done", "hrefs": []any{"a"}},
		Result: json.RawMessage(`{"b": 1,  "a": [1.50]}`), Error: &fleet.TaskError{Msg: "warned", Detail: "look"},
		Created: first.Created, Updated: saved.Updated,
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		w.Errorf("stage (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, saved); diff != "" {
		w.Errorf("answer (-want +got):\n%s", diff)
	}
	if all[1].Detail != nil || all[1].Error != nil || all[1].Result != nil {
		w.Errorf("an empty stage: %+v", all[1])
	}
}

func strangeTexts(w *world) {
	for i, text := range []string{`it's "quoted" \ back\\slash`, "?0 ?1 ? :name $1 @x %s", "line\nbreak\ttab", "żółć 💥", "'; DROP TABLE tasks; --", ""} {
		n := newTask(text)
		n.Args = map[string]string{"text": text}
		task, lease := w.claim(value(w.Enqueue(w.ctx, n))(w).ID, fmt.Sprint("owner ", i, text))
		got := w.task(task.ID)
		var args map[string]string
		w.ok(json.Unmarshal(got.Args, &args))
		if got.Name != text || args["text"] != text {
			w.Errorf("%q became %q and %q", text, got.Name, args["text"])
		}
		failed, err := w.Transition(w.ctx, lease, task.ID, fleet.Failed, &fleet.TaskError{Msg: text, Detail: text + "\x00"})
		w.ok(err)
		if failed.Error == nil || failed.Error.Msg != text || failed.Error.Detail != text+"\x00" {
			w.Errorf("%q became %+v", text, failed.Error)
		}
		found := value(w.FindTasks(w.ctx, fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{{Field: "name", Value: text}}}))(w)
		if found.Total != 1 || found.Items[0].ID != task.ID {
			w.Errorf("%q is found %d times", text, found.Total)
		}
	}
}

func taskMarks(w *world) {
	task, lease := w.claimed("me")
	other, _ := w.claimed("other")
	last := ""
	mark := func() string { return value(w.TaskMark(w.ctx, task.ID))(w) }
	changed := func(what string, yes bool) {
		w.Helper()
		now := mark()
		if (now != last) != yes {
			w.Errorf("%s: the mark changed: %v; from %q to %q", what, !yes, last, now)
		}
		last = now
	}
	changed("at first", true)
	changed("nothing", false)
	stage := w.stage(lease, task.ID, "one")
	changed("a new stage", true)
	stage.Detail = map[string]any{"msg": "half"}
	w.ok(second(w.SaveStage(w.ctx, lease, stage)))
	changed("progress", true)
	children := w.children(lease, newTask("a"), newTask("b"))
	changed("new children", true)
	w.move(lease, children[0].ID, fleet.Running)
	changed("a child begins", true)
	w.move(lease, children[0].ID, fleet.Completed)
	w.move(lease, children[1].ID, fleet.Skipped)
	changed("children end", true)
	w.ok(second(w.Cancel(w.ctx, other.ID)))
	changed("another task ends", false)
	w.move(lease, task.ID, fleet.Completed)
	changed("it ends", true)
	w.is(second(w.TaskMark(w.ctx, 99)), fault.NotFound)
}
