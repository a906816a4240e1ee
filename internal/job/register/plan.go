// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"
	"fmt"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// plan is a dry run: it tells what a registration would change now, and only reads.
func (r *registration) plan(ctx context.Context, p *job.Progress) (job.None, error) {
	if r.definitions == nil { // read by an earlier attempt
		if _, err := r.load(ctx); err != nil {
			return job.None{}, err
		}
	}
	picture, err := r.take(ctx, p)
	if err != nil {
		return job.None{}, err
	}
	var found Outcome
	want, err := r.want(ctx, &found)
	if err != nil {
		return job.None{}, err
	}
	round, err := r.round(ctx, want)
	if err != nil {
		return job.None{}, err
	}
	planned, err := round.Plan(ctx, picture, r.others(ctx, p))
	if err != nil {
		return job.None{}, err
	}
	steps := append(round.Steps(r.server.Name, planned), r.left...)
	for _, b := range r.bad {
		steps = append(steps, fleet.PlanStep{Server: r.server.Name, Action: fleet.PlanRefuse, Why: fault.Message(b.Err), From: b.Source})
	}
	if len(r.bad) == 0 && len(r.defined) > 0 { // else the missing one may be among those that cannot be read
		left, err := r.planMissing(ctx, p, picture)
		if err != nil {
			return job.None{}, err
		}
		steps = append(steps, left...)
	}
	p.SayPlan(ctx, steps)
	return job.None{}, nil
}

// planMissing tells what would become of repositories without a definition.
func (r *registration) planMissing(ctx context.Context, p *job.Progress, picture *inventory.Picture) ([]fleet.PlanStep, error) {
	gone, err := r.gone(ctx, picture)
	if err != nil || len(gone.repositories) == 0 {
		return nil, err
	}
	server, err := r.run.Env.Servers.Server(ctx, r.server.ID)
	if err != nil {
		return nil, err
	}
	action, why := fleet.PlanRemove, "in no definition any more (on_missing: remove)"
	switch removes, most := onMissing(server, gone); {
	case !removes:
		action, why = fleet.PlanKeep, "in no definition any more (on_missing: keep)"
	case len(gone.repositories) > most:
		action, why = fleet.PlanKeep, fmt.Sprintf("in no definition any more, as %d are, more than the %d that one run removes (on_missing_cap)", len(gone.repositories), most)
	default: // who else serves it is known from what is served
		if err := r.server.Try(ctx, p, func(ctx context.Context) error { return picture.Serve(ctx, r.server.Client) }); err != nil {
			return nil, err
		}
	}
	steps := make([]fleet.PlanStep, 0, len(gone.repositories))
	for _, there := range gone.repositories {
		step := fleet.PlanStep{Repository: there.Name, Type: there.Type.Name, Server: r.server.Name, Action: action, Why: why}
		if action == fleet.PlanRemove {
			step = reconcile.RemovalStep(step, there, picture)
		}
		steps = append(steps, step)
	}
	return steps, nil
}
