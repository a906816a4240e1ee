// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// DryRun runs a queued task that only plans and gives its plan. The test fails where the task does not complete, where
// anything but a read reaches a server, or where more than the task itself and the inventory changes in the store.
func (f *Fleet) DryRun(task fleet.Task) []fleet.PlanStep {
	f.t.Helper()
	before := f.memory()
	f.Primary.ForgetRequests()
	f.Secondary.ForgetRequests()
	done := f.Work(task)
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		if n := s.Writes(); n > 0 {
			f.t.Errorf("%d writes reached %s: %+v", n, s.Name(), s.Requests())
		}
	}
	if diff := cmp.Diff(before, f.memory()); diff != "" {
		f.t.Errorf("the store changed (-before +after):\n%s", diff)
	}
	if len(f.Children(task.ID)) > 0 {
		f.t.Error("a dry run has children")
	}
	f.Tidy()
	if done.State != fleet.Completed || !strings.HasSuffix(task.Name, "(dry run)") {
		f.t.Fatalf("task %q is %s: %s", task.Name, done.State, f.Story(task.ID))
	}
	return f.Plan(task.ID)
}

// Plan gives the plan that a task's stages tell.
func (f *Fleet) Plan(id fleet.TaskID) []fleet.PlanStep {
	f.t.Helper()
	stages, err := f.Store.Stages(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, stage := range stages {
		told, err := json.Marshal(stage.Detail[job.PlanKey])
		if err != nil || string(told) == "null" {
			continue
		}
		var steps []fleet.PlanStep
		if err := json.Unmarshal(told, &steps); err != nil {
			f.t.Fatal(err)
		}
		return steps
	}
	f.t.Fatalf("no stage tells a plan: %s", f.Story(id))
	return nil
}

// memory is what the store remembers of both servers besides tasks and the inventory.
func (f *Fleet) memory() map[string]string {
	f.t.Helper()
	all := map[string]string{}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		row, ctx := f.Server(s), f.t.Context()
		note := func(what string, value any, err error) {
			if err != nil {
				f.t.Fatal(err)
			}
			all[s.Name()+" "+what] = fmt.Sprintf("%+v", value)
		}
		baselines, err := f.Store.Baselines(ctx, row.ID)
		note("baselines", baselines, err)
		adoptions, err := f.Store.Adoptions(ctx, row.ID)
		note("adoptions", adoptions, err)
		records, err := f.Store.FindSyncRecords(ctx, row.ID)
		note("sync records", records, err)
		fingerprints, err := f.Store.Fingerprints(ctx, row.ID)
		note("fingerprints", fingerprints, err)
		locks, err := f.Store.FindLocks(ctx, row.ID)
		note("locks", locks, err)
		note("health", row.Health, nil)
	}
	return all
}

// PlanLines gives a plan as lines that a test can compare: action, repository, origin and the changed fields.
func PlanLines(steps []fleet.PlanStep) []string {
	lines := []string{}
	for _, s := range steps {
		line := fmt.Sprintf("%s %s", s.Action, s.Repository)
		for _, c := range s.Changes {
			line += fmt.Sprintf(" [%s %s: %s → %s]", c.Part, c.Field, c.Before, c.After)
		}
		lines = append(lines, line)
	}
	return lines
}
