// SPDX-License-Identifier: Apache-2.0

package removerepositories

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// steps tells the plan in the form that all jobs have, beside the one that only removals have.
func (p Plan) steps(server fleet.ServerName) []fleet.PlanStep {
	steps := make([]fleet.PlanStep, 0, len(p.Items)+len(p.LeftOut))
	for _, i := range p.Items {
		steps = append(steps, i.step(server))
	}
	for _, name := range p.LeftOut {
		steps = append(steps, fleet.PlanStep{Repository: name, Server: server, Action: fleet.PlanKeep, Why: "without a remote (internal chooses it, too)"})
	}
	return steps
}

func (i Item) step(server fleet.ServerName) fleet.PlanStep {
	step := fleet.PlanStep{Repository: i.Name, Type: i.Type, Server: server, Action: fleet.PlanRemove}
	gone := func(part, name string) {
		step.Changes = append(step.Changes, fleet.PlanChange{Part: part, Before: name, After: "removed"})
	}
	if i.Distribution != nil {
		gone(string(reconcile.Distribution), i.Distribution.Name)
	}
	if i.Href != "" {
		gone(string(reconcile.Repository), i.Name)
	} else {
		step.Why = "already gone but for these"
	}
	for _, r := range i.Remotes {
		gone(string(reconcile.Remote), r.Name)
	}
	if i.Href != "" {
		step.Notes = append(step.Notes, fmt.Sprintf("%d packages, %d publications", i.Packages, i.Publications))
	}
	note := func(before string, of ...string) {
		if all := strings.Join(of, ", "); all != "" {
			step.Notes = append(step.Notes, before+all)
		}
	}
	note("mirrored by ", i.MirroredBy...)
	note("also served by ", i.ServedBy...)
	note("stays: ", i.Stays...)
	note("comes back from ", i.MirrorOf)
	return step
}
