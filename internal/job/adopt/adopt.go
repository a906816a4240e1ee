// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

const stageAdopt = "adopt repos"

// Definition declares the job.
func Definition() job.Definition {
	return job.Definition{
		Kind: fleet.KindAdopt,
		Summary: "Put our label on repositories that somebody else made and that wait to be adopted. " +
			"What would change of them was told by the task that found them; it is changed by the next registration or mirroring.",
		Stages: []string{stageAdopt},
		Ask:    ask,
		Run: func(ctx context.Context, r *job.Run) error {
			a := &adoption{run: r}
			if err := r.Args(&a.args); err != nil {
				return err
			}
			if a.args.DryRun {
				_, err := job.Stage(ctx, r, stageAdopt+job.DryRun, a.plan)
				return err
			}
			done, err := job.Stage(ctx, r, stageAdopt, a.adopt)
			if err != nil {
				return err
			}
			return done.verdict()
		},
	}
}

// adoption is one run.
type adoption struct {
	run    *job.Run
	args   Args
	server *job.Server
}

// Outcome is what became of what was accepted.
type Outcome struct {
	Adopted  int      `json:"adopted"`
	Problems []string `json:"problems"`
}

func (o Outcome) verdict() error {
	if len(o.Problems) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%d adopted, %d not: %s", o.Adopted, len(o.Problems), strings.Join(o.Problems[:min(len(o.Problems), 20)], "; ")).
		WithHint("correct what is named and ask again; those adopted stay so")
}

func (a *adoption) adopt(ctx context.Context, p *job.Progress) (Outcome, error) {
	done := Outcome{Problems: []string{}}
	var err error
	if a.server, err = a.run.Server(ctx, a.run.Task.Server); err != nil {
		return done, err
	}
	accepted, err := a.accepted(ctx)
	if err != nil {
		return done, err
	}
	if err := p.Settle(ctx, a.server); err != nil {
		return done, err
	}
	picture, err := a.take(ctx, p)
	if err != nil {
		return done, err
	}
	var lines []string
	for _, one := range accepted {
		lines = append(lines, one.Changes...)
	}
	if len(lines) > 0 {
		p.Show(ctx, "accepted", reconcile.Short(lines))
	}
	plan := reconcile.Adopt(a.server.Name, accepted, picture)
	results := reconcile.Applier{Hands: p.Hands(a.server)}.Apply(ctx, plan, picture, func(ended, all int) { p.Say(ctx, "%d/%d repositories adopted", ended, all) })
	failed := map[string]bool{}
	for _, result := range results {
		switch {
		case ctx.Err() != nil:
			return done, context.Cause(ctx)
		case result.Err != nil && a.run.Ends(result.Err):
			return done, result.Err
		case result.Err != nil:
			failed[result.Name] = true
			done.Problems = append(done.Problems, result.Name+": "+fault.Message(result.Err))
		}
	}
	var names []string
	for _, one := range accepted {
		if !failed[one.Name] {
			names = append(names, one.Name)
		}
	}
	if len(accepted) == 0 {
		p.Say(ctx, "nothing of what is chosen waits to be adopted")
		return done, nil
	}
	done.Adopted = len(names)
	p.Say(ctx, "%s", adopted(names))
	return done, a.run.Env.Ownership.SetAdoptions(ctx, a.server.ID, names, nil)
}

// plan is a dry run: it tells what would be adopted, and only reads.
func (a *adoption) plan(ctx context.Context, p *job.Progress) (job.None, error) {
	var err error
	if a.server, err = a.run.Server(ctx, a.run.Task.Server); err != nil {
		return job.None{}, err
	}
	accepted, err := a.accepted(ctx)
	if err != nil {
		return job.None{}, err
	}
	picture, err := a.take(ctx, p)
	if err != nil {
		return job.None{}, err
	}
	p.SayPlan(ctx, reconcile.AdoptSteps(a.server.Name, accepted, reconcile.Adopt(a.server.Name, accepted, picture)))
	return job.None{}, nil
}

func (a *adoption) take(ctx context.Context, p *job.Progress) (*inventory.Picture, error) {
	var picture *inventory.Picture
	err := a.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		picture, err = inventory.Take(ctx, a.server.Client, a.server.Name)
		return err
	})
	return picture, err
}

// adopted says what comes next.
func adopted(names []string) string {
	return fmt.Sprintf("%d repositories adopted; the next registration or mirroring makes them as wanted: %s", len(names), strings.Join(names[:min(len(names), 20)], ", "))
}

// accepted gives what waits and is chosen.
func (a *adoption) accepted(ctx context.Context) ([]fleet.Adoption, error) {
	selection, err := fleet.NewSelection(job.Text(a.args.RegexInclude), job.Text(a.args.RegexExclude))
	if err != nil {
		return nil, err
	}
	waiting, err := a.run.Env.Ownership.Adoptions(ctx, a.run.Task.Server)
	if err != nil {
		return nil, err
	}
	var chosen []fleet.Adoption
	for _, one := range waiting {
		ok, err := selection.Matches(one.Name)
		if err != nil {
			return nil, err
		}
		if ok {
			chosen = append(chosen, one)
		}
	}
	return chosen, nil
}
