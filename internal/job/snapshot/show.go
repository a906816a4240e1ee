// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// show is a dry run: it tells which snapshots would be made or used again, of which version of their sources. It only
// reads, and takes no lock.
func (s *snapshots) show(ctx context.Context, p *job.Progress) (job.None, error) {
	if err := s.look(ctx, p); err != nil {
		return job.None{}, err
	}
	sources, _, err := s.chosen(ctx)
	if err != nil {
		return job.None{}, err
	}
	if err := s.lookClosely(ctx, p, sources); err != nil {
		return job.None{}, err
	}
	var steps []fleet.PlanStep
	for _, one := range s.plan(sources) {
		steps = append(steps, s.step(one))
	}
	p.SayPlan(ctx, steps)
	return job.None{}, nil
}

// step tells what would be done for one snapshot.
func (s *snapshots) step(one One) fleet.PlanStep {
	step := fleet.PlanStep{Repository: one.Name, Type: one.Type, Server: s.server.Name, Action: fleet.PlanCreate, From: one.Source}
	if _, number, ok := one.Version.VersionNumber(); ok {
		step.From = fmt.Sprintf("version %d of %s", number, one.Source)
	}
	switch {
	case one.Problem != "":
		step.Action, step.Why = fleet.PlanRefuse, one.Problem
		return step
	case !s.args.Reuse && s.survey.has(one.Name):
		step.Action, step.Why = fleet.PlanRefuse, "there is a repository of that name already (allow_snapshot_reuse uses it)"
		return step
	case one.Unchanged:
		step.Action, step.Why = fleet.PlanUnchanged, "it serves exactly that already"
		return step
	case one.Href != "":
		step.Action = fleet.PlanReuse
	}
	if one.PublishedAs != nil {
		step.Notes = append(step.Notes, "published as its source is")
	}
	step.Changes = append(partChanges(reconcile.Repository, one.Repository), partChanges(reconcile.Distribution, one.Distribution)...)
	return step
}

// partChanges tells the fields that are sent for a part.
func partChanges(noun reconcile.Noun, part *Part) []fleet.PlanChange {
	if part == nil {
		return nil
	}
	var all []fleet.PlanChange
	for _, field := range slices.Sorted(maps.Keys(part.Fields)) {
		if value := part.Fields[field]; value != nil {
			all = append(all, fleet.PlanChange{Part: string(noun), Field: field, Before: "", After: fmt.Sprint(value)})
		}
	}
	return all
}
