// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// planned saves a plan as the stage of a dry run, and ends the task.
func (d *fakeDaemon) planned(t *testing.T, steps []fleet.PlanStep) {
	t.Helper()
	task, lease := d.queued(t)
	_, err := d.store.SaveStage(t.Context(), lease, fleet.Stage{
		Task: task.ID, Name: "register repos" + job.DryRun, State: fleet.StageCompleted, Detail: map[string]any{"msg": "nothing was changed; planned: " + job.PlanText(steps), job.PlanKey: steps},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, task.ID, nil, fleet.Completed)
}

// What a dry run plans is shown by the verb that waits and by the one that shows a task, for whatever job (D111); as
// data where data is asked for.
func TestPlanIsShown(t *testing.T) {
	d := startDaemon(t)
	done := d.start(t, "register", "1", "--dry-run", "--wait")
	d.planned(t, []fleet.PlanStep{
		{Repository: "ext-a", Type: "deb", Server: "primary.example.com", Action: fleet.PlanUpdate, From: "remote/a.json", Changes: []fleet.PlanChange{
			{Part: "remote", Field: "url", Before: `"http://a/"`, After: "\"http://b/\x1b[2J\"", ByHand: true}, {Part: "distribution", Field: "base_path", Before: "none", After: `"deb/a"`},
		}},
		{Repository: "ext-b", Type: "rpm", Action: fleet.PlanSync, Why: "it is changed before", Options: map[string]any{"mirror": true}, Notes: []string{"nothing is taken out"}},
		{Action: fleet.PlanRemoveContent, Changes: []fleet.PlanChange{{Part: "package", Before: "bear 1.0", After: "removed"}}},
	})
	want := strings.TrimSpace(`
ACTION          REPOSITORY  TYPE  FROM           WHY
update          ext-a       deb   remote/a.json
    remote url: "http://a/" → "http://b/ [2J" (changed by somebody else)
    distribution base_path: "deb/a"
sync            ext-b       rpm   -              it is changed before
    options: {"mirror":true}
    nothing is taken out
remove content  -           -     -
    package bear 1.0: removed

dry run: nothing was changed`)
	shown, err := d.run(t, "tasks", "1")
	if err != nil {
		t.Fatal(err)
	}
	for what, out := range map[string]string{"waiting": (<-done).out, "showing": shown} {
		at := strings.Index(out, "ACTION")
		if at < 0 {
			t.Fatalf("%s:\n%s", what, out)
		}
		if diff := cmp.Diff(want, strings.TrimSpace(out[at:])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	text, err := d.run(t, "tasks", "1", "-o", "json")
	var task client.TaskDetail
	if err != nil || json.Unmarshal([]byte(text), &task) != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if steps, ok := task.Plan(); !ok || len(steps) != 3 || steps[0].Changes[0].Field != "url" || !task.DryRun() {
		t.Errorf("plan: %+v", steps)
	}
}

// What would be cancelled is shown, and nothing is.
func TestCancellingDry(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	task, lease := d.queued(t)
	children, err := d.store.CreateChildren(t.Context(), lease, task.ID, []fleet.NewTask{
		{Name: "sync ext-debian", Kind: fleet.KindRepoSync, MaxRuntime: fleet.Unlimited}, {Name: "sync ext-rpm", Kind: fleet.KindRepoSync, MaxRuntime: fleet.Unlimited},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, children[0].ID, nil, fleet.Running, fleet.Completed)
	out, err := d.run(t, "cancel", "1", "--dry-run")
	if err != nil || strings.Contains(out, "ext-debian") || !strings.Contains(out, "sync ext-rpm") || !strings.Contains(out, "task 1, 1 of its 2 parts") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = d.run(t, "cancel", "1", "--dry-run", "-o", "json")
	var would canceling
	if err != nil || json.Unmarshal([]byte(out), &would) != nil || would.Task.ID != 1 || len(would.Children) != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	if now, err := d.store.Task(t.Context(), task.ID); err != nil || now.State != fleet.Running {
		t.Errorf("it is %s: %v", now.State, err)
	}
	d.end(t, lease, task.ID, nil, fleet.Completed)
	if _, err := d.run(t, "cancel", "1", "--dry-run"); exitCode(err) != client.ExitInvalid {
		t.Errorf("one that is over: exit %d: %v", exitCode(err), err)
	}
}
