// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// Steps tells what a round would do, one step for each wanted repository in their order: what is made or changed, what
// waits, what is in the way, and what is as wanted already.
func (r Round) Steps(server fleet.ServerName, planned Planned) []fleet.PlanStep {
	byKey := map[string]*fleet.PlanStep{}
	var more []fleet.PlanStep // a name that is wanted twice
	add := func(changes []Change, waits bool) {
		for _, group := range groupsOf(changes) {
			step := stepOf(server, group, waits)
			key := string(step.Type) + "/" + step.Repository
			if byKey[key] != nil {
				more = append(more, step)
				continue
			}
			byKey[key] = &step
		}
	}
	add(planned.Apply, false)
	add(planned.Wait, true)
	var steps []fleet.PlanStep
	for _, w := range r.Want {
		key := string(w.Type.Name) + "/" + w.Name
		step, planned := byKey[key]
		switch {
		case planned && step == nil: // told already
			continue
		case planned:
			steps = append(steps, *step)
		default:
			steps = append(steps, fleet.PlanStep{
				Repository: w.Name, Type: w.Type.Name, Server: server, Action: fleet.PlanUnchanged, Why: "as wanted", From: w.Source,
			})
		}
		byKey[key] = nil
	}
	return append(steps, more...)
}

// stepOf tells the changes to one repository.
func stepOf(server fleet.ServerName, group []Change, waits bool) fleet.PlanStep {
	first := group[0]
	step := fleet.PlanStep{Repository: first.Name, Type: first.Type.Name, Server: server, Action: fleet.PlanUpdate, From: first.Source}
	switch {
	case first.Conflict != "":
		step.Action, step.Why = fleet.PlanRefuse, first.Conflict
		return step
	case waits:
		step.Action, step.Why = fleet.PlanWait, "made by somebody else: nothing of it is changed until it is adopted"
	}
	for _, c := range group {
		if c.Create() && c.Noun == Repository && !waits {
			step.Action = fleet.PlanCreate
		}
		step.Changes = append(step.Changes, c.Differences()...)
	}
	return step
}

// AdoptSteps tells what an adoption does: labels now, and by the next registration or mirroring what was told when the
// repositories were found. One that is gone, or ours by now, is left as it is.
func AdoptSteps(server fleet.ServerName, accepted []fleet.Adoption, plan []Change) []fleet.PlanStep {
	changes := map[string][]Change{}
	for _, c := range plan {
		changes[c.Name] = append(changes[c.Name], c)
	}
	steps := make([]fleet.PlanStep, 0, len(accepted))
	for _, a := range accepted {
		step := fleet.PlanStep{Repository: a.Name, Type: a.Type, Server: server, Action: fleet.PlanAdopt}
		for _, c := range changes[a.Name] {
			step.Changes = append(step.Changes, c.Differences()...)
		}
		if len(step.Changes) == 0 {
			step.Action, step.Why = fleet.PlanUnchanged, "it is gone, or ours already"
		}
		for _, line := range a.Changes {
			step.Notes = append(step.Notes, "changed by the next registration or mirroring: "+line)
		}
		steps = append(steps, step)
	}
	return steps
}

// RemovalStep tells what Remove would delete of a repository, or why it would not.
func RemovalStep(step fleet.PlanStep, r *inventory.Repository, have *inventory.Picture) fleet.PlanStep {
	remoteShared, servedBy := Shared(r, have)
	if len(servedBy) > 0 {
		step.Action, step.Why = fleet.PlanRefuse, "still served by distribution "+strings.Join(servedBy, ", ")
		return step
	}
	gone := func(noun Noun) {
		step.Changes = append(step.Changes, fleet.PlanChange{Part: string(noun), Before: quoted(r.Name), After: "removed"})
	}
	if r.Distribution != nil {
		gone(Distribution)
	}
	if r.Repository != nil {
		gone(Repository)
	}
	if r.Own != nil && !remoteShared {
		gone(Remote)
	}
	return step
}
