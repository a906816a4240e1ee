// SPDX-License-Identifier: Apache-2.0

package removecontent

import (
	"context"
	"fmt"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// plan is a dry run: it tells what would be removed, whether that would be served, and what would come back. It only
// reads. What a real run refuses it refuses, too.
func (s *removal) plan(ctx context.Context, p *job.Progress) (job.None, error) {
	found, r, name, err := s.examine(ctx, p)
	if err != nil {
		return job.None{}, err
	}
	step := fleet.PlanStep{Repository: s.row.Name, Type: s.row.Type, Server: s.server.Name, Action: fleet.PlanRemoveContent, From: string(found.Newest)}
	if found.Gone {
		step.Action, step.Why = fleet.PlanUnchanged, "it was in there, but is not in the newest version any more"
	} else {
		step.Changes = append(step.Changes, fleet.PlanChange{Part: r.Type.Noun, Before: name, After: "removed"})
	}
	switch {
	case found.Gone && found.Served && !s.args.forced():
		step.Notes = append(step.Notes, "nothing is published: the newest version is served")
	case r.Distribution == nil:
		step.Notes = append(step.Notes, "what is left is published; there is no distribution that would serve it")
	default:
		step.Notes = append(step.Notes, fmt.Sprintf("what is left is published and served at %s", r.Distribution.BasePath))
	}
	if why := comesBack(r); why != "" && !found.Gone {
		step.Notes = append(step.Notes, why[len("; "):])
	}
	p.SayPlan(ctx, []fleet.PlanStep{step})
	return job.None{}, nil
}
