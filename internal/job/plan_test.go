// SPDX-License-Identifier: Apache-2.0

package job

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

func TestPlanText(t *testing.T) {
	for want, steps := range map[string][]fleet.PlanStep{
		"nothing to do": nil,
		"1 create, 2 remove content, 1 refuse": {
			{Action: fleet.PlanRemoveContent}, {Action: fleet.PlanRefuse}, {Action: fleet.PlanCreate}, {Action: fleet.PlanRemoveContent},
		},
	} {
		if got := PlanText(steps); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, action := range fleet.PlanActions {
		if got := PlanText([]fleet.PlanStep{{Action: action}}); got == "nothing to do" {
			t.Errorf("%s is not counted", action)
		}
	}
}

// The report with a known total is the one that a bar can be drawn of.
func TestProgressOfAPulpTask(t *testing.T) {
	for want, reports := range map[string][]pulp.Progress{
		"": {{Message: "Downloading Metadata Files", State: "completed", Done: 5}},
		"Downloading Metadata Files 7": {
			{Message: "Un-Associating Content", State: "completed"},
			{Message: "Downloading Metadata Files", State: "running", Done: 7},
			{Message: "Associating Content", State: "running", Done: 9},
		},
		"Parsed Packages 3/10": {
			{Message: "Downloading Artifacts", State: "running", Done: 2}, {Message: "Parsed Packages", State: "running", Done: 3, Total: 10},
		},
	} {
		if got := progressText(&pulp.Task{Progress: reports}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
