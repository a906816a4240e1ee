// SPDX-License-Identifier: Apache-2.0

package removecontent

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Stage names, as the original's (legacy section 5.10).
const (
	stageFind    = "finding repo on pulp server"
	stageModify  = "modifying repo content"
	stagePublish = "publishing repo version " // + href, or skipped
	skipped      = "skipped"
)

// Definition declares the job.
func Definition() job.Definition {
	return job.Definition{
		Kind: fleet.KindRemoveRepoContent,
		Summary: "Take one package out of a repository's newest version and serve what is left. Where the repository is synced, " +
			"the next sync brings it back unless it is banned there.",
		Stages: []string{stageFind, stageModify, stagePublish + "HREF"},
		Ask:    ask,
		Run:    run,
	}
}

func run(ctx context.Context, r *job.Run) error {
	var args Args
	if err := r.Args(&args); err != nil {
		return err
	}
	row, err := r.Env.Repositories.RepositoryByID(ctx, r.Task.Repository)
	if err != nil {
		return err
	}
	server, err := r.Server(ctx, row.Server)
	if err != nil {
		return err
	}
	s := &removal{run: r, args: args, server: server, row: row, unit: pulp.Href(args.ContentHref)}
	if args.DryRun {
		_, err = job.Stage(ctx, r, stageFind+job.DryRun, s.plan)
		return err
	}
	found, err := job.Stage(ctx, r, stageFind, s.find)
	if err != nil {
		return err
	}
	modified, err := job.Stage(ctx, r, stageModify, func(ctx context.Context, p *job.Progress) (Modified, error) { return s.modify(ctx, p, found) })
	if err != nil {
		return err
	}
	if !modified.Changed && found.Served && !args.forced() {
		_, err = job.Stage(ctx, r, stagePublish+skipped, func(ctx context.Context, p *job.Progress) (job.None, error) {
			p.Say(ctx, "nothing has changed, and the newest version is served")
			return job.None{}, nil
		})
		return err
	}
	_, err = job.Stage(ctx, r, stagePublish+string(modified.Newest), func(ctx context.Context, p *job.Progress) (job.None, error) {
		return job.None{}, s.publish(ctx, p, found, modified)
	})
	return notServed(err, modified)
}

// notServed adds to an error in publishing what has been done by then.
func notServed(err error, modified Modified) error {
	if err == nil || !modified.Changed || fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Internal {
		return err
	}
	return fault.Wrap(fault.KindOf(err), err, "removed from the newest version, which is not served: %s", fault.Message(err)).
		WithHint("put that right, then ask again with force_publish")
}

// removal is one run.
type removal struct {
	run    *job.Run
	args   Args
	server *job.Server
	row    fleet.Repository
	unit   pulp.Href
}

// look takes a view of the repository as it is now.
func (s *removal) look(ctx context.Context, p *job.Progress) (*inventory.Picture, *inventory.Repository, error) {
	var picture *inventory.Picture
	var repository *inventory.Repository
	err := s.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		if picture, err = inventory.Take(ctx, s.server.Client, s.server.Name, s.row.Name); err != nil {
			return err
		}
		if repository = picture.Find(s.row.Type, s.row.Name); repository == nil || repository.Repository == nil {
			return fault.New(fault.NotFound, "server %s: repository %s is not there any more", s.server.Name, s.row.Name)
		}
		return picture.Serve(ctx, s.server.Client, repository.Repository.Href)
	})
	return picture, repository, err
}
