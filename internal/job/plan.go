// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// DryRun is behind the names of the stages that only plan (legacy D109).
const DryRun = " (Dry Run)"

// PlanKey is the key of a stage's detail that holds the plan, as a list of fleet.PlanStep.
const PlanKey = "plan"

// dryRunNote is behind the names of tasks that only plan, so that nobody takes them for the real ones.
const dryRunNote = " (dry run)"

// TaskName gives the name of a task that only plans if it is a dry run.
func TaskName(name string, dryRun bool) string {
	if dryRun {
		return name + dryRunNote
	}
	return name
}

// shown gives a plan as it is stored: without nulls.
func shown(steps []fleet.PlanStep) []fleet.PlanStep {
	if steps == nil {
		steps = []fleet.PlanStep{}
	}
	for i := range steps {
		if steps[i].Changes == nil {
			steps[i].Changes = []fleet.PlanChange{}
		}
	}
	return steps
}

// Plan stores, as a part of the stage's detail, what is done or would be, for each repository.
func (p *Progress) Plan(ctx context.Context, steps []fleet.PlanStep) {
	p.Show(ctx, PlanKey, shown(steps))
}

// PlanText tells a plan in a line: how many repositories have what done to them.
func PlanText(steps []fleet.PlanStep) string {
	counts := fleet.CountPlan(steps)
	var parts []string
	for _, action := range fleet.PlanActions {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(action), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// SayPlan stores a plan of a dry run and tells it in a line.
func (p *Progress) SayPlan(ctx context.Context, steps []fleet.PlanStep) {
	p.setAll(ctx, map[string]any{PlanKey: shown(steps), "msg": "nothing was changed; planned: " + PlanText(steps)})
}
