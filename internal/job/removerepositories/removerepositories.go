// SPDX-License-Identifier: Apache-2.0

package removerepositories

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Stage names, the first two as the original's (legacy section 5.10).
const (
	stageFind   = "Getting Repos for Removal"
	stageRemove = "Removing Repositories and their Distributions/Remotes"
	stageStore  = "reconcile repos" // not of a dry run
	dryRun      = job.DryRun        // D109
)

// Settings are what a removal takes from the configuration.
type Settings struct {
	// MirrorAddress gives the scheme and host at which secondaries read a server.
	MirrorAddress func(server fleet.Server) string
}

// Definition declares the job.
func Definition(settings Settings) job.Definition {
	return job.Definition{
		Kind: fleet.KindRepoRemoval,
		Summary: "Remove repositories with their distributions and remotes, or show what would be removed. What is still defined, or on a server that this " +
			"one mirrors, comes back with the next registration or group sync. Pulp's clean-up of orphaned content gives the space back.",
		Stages: []string{stageFind, stageRemove, stageStore},
		Ask:    ask,
		Run: func(ctx context.Context, r *job.Run) error {
			var args Args
			if err := r.Args(&args); err != nil {
				return err
			}
			return (&removal{run: r, args: args, settings: settings}).remove(ctx)
		},
	}
}

// removal is one run.
type removal struct {
	run      *job.Run
	args     Args
	settings Settings
	server   *job.Server
}

func (s *removal) remove(ctx context.Context) error {
	var err error
	if s.server, err = s.run.Server(ctx, s.run.Task.Server); err != nil {
		return err
	}
	suffix := ""
	if s.args.DryRun {
		suffix = dryRun
	}
	plan, err := job.Stage(ctx, s.run, stageFind+suffix, s.find)
	if err != nil {
		return err
	}
	if s.args.DryRun {
		_, err = job.Stage(ctx, s.run, stageRemove+suffix, func(ctx context.Context, p *job.Progress) (job.None, error) {
			p.Say(ctx, "Nothing removed: %d repositories would be%s", len(plan.Items), dryRun)
			return job.None{}, nil
		})
		return err
	}
	removed, err := job.Stage(ctx, s.run, stageRemove, func(ctx context.Context, p *job.Progress) (Removed, error) { return s.removeAll(ctx, p, plan) })
	if err != nil {
		return err
	}
	left, err := job.Stage(ctx, s.run, stageStore, func(ctx context.Context, p *job.Progress) (Left, error) { return s.store(ctx, p, plan) })
	if err != nil {
		return err
	}
	return verdict(s.server.Name, plan, removed, left)
}

// find takes a picture of the server as it is now (D110), and says what of it is to go.
func (s *removal) find(ctx context.Context, p *job.Progress) (Plan, error) {
	chosen, err := fleet.NewSelection(job.Text(s.args.RegexInclude), job.Text(s.args.RegexExclude))
	if err != nil {
		return Plan{}, err
	}
	picture, err := s.take(ctx, p)
	if err != nil {
		return Plan{}, err
	}
	plan, err := makePlan(picture, chosen, s.args.Internal)
	if err != nil {
		return Plan{}, err
	}
	if len(plan.Items) == 0 { // D107
		none := fault.New(fault.NotFound, "server %s: no repository matches", s.server.Name)
		if len(plan.LeftOut) > 0 {
			none = fault.New(fault.NotFound, "server %s: no repository with a remote matches", s.server.Name).
				WithHint("internal chooses those without one, too: %s", shorten(plan.LeftOut))
		}
		return plan, none
	}
	if err := s.count(ctx, p, plan.Items); err != nil {
		return plan, err
	}
	if err := s.mirrors(ctx, plan.Items); err != nil {
		return plan, err
	}
	p.Show(ctx, "repositories", plan.Items) // D111
	p.Plan(ctx, plan.steps(s.server.Name))
	p.Say(ctx, "%s", s.told(plan))
	if s.args.DryRun {
		return clean(plan), nil
	}
	return clean(plan), plan.allowed(s.server.Name, s.args)
}

// told says in a line what was found.
func (s *removal) told(plan Plan) string {
	text := "Found matching repositories: " + plan.names()
	if len(plan.LeftOut) > 0 {
		text += "; left out because they have no remote: " + shorten(plan.LeftOut)
	}
	if reasons := plan.needs(); len(reasons) > 0 && s.args.DryRun {
		text += fmt.Sprintf("; to remove them, confirm %d: %s", len(plan.Items), strings.Join(reasons, ", "))
	}
	return text
}

// clean gives a plan without what is not stored with it.
func clean(plan Plan) Plan {
	for i := range plan.Items {
		plan.Items[i].latest = ""
	}
	return plan
}

func (s *removal) take(ctx context.Context, p *job.Progress) (*inventory.Picture, error) {
	var picture *inventory.Picture
	err := s.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		if picture, err = inventory.Take(ctx, s.server.Client, s.server.Name); err != nil {
			return err
		}
		return picture.Serve(ctx, s.server.Client)
	})
	return picture, err
}

// count finds out how many packages the newest versions have. How many bytes Pulp does not tell.
func (s *removal) count(ctx context.Context, p *job.Progress, items []Item) error {
	var hrefs []pulp.Href
	for _, i := range items {
		if i.latest != "" {
			hrefs = append(hrefs, i.latest)
		}
	}
	var found map[pulp.Href]pulp.RepositoryVersion
	err := s.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		found, err = s.server.Client.Versions(ctx, hrefs)
		return err
	})
	for i := range items {
		if t, known := content.Find(items[i].Type); known {
			items[i].Packages = found[items[i].latest].Present[t.Units]
		}
	}
	return err
}

func shorten(names []string) string {
	const most = 20
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
