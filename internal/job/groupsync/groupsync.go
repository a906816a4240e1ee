// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Stage names, as the original's (legacy section 5.10).
const (
	stageMirror    = "registering repos from " // + source
	stageReconcile = "reconcile repos"
	stageSync      = "sync repos"
	stageHealth    = "calculate repo health"
	stageRollUp    = "calculate pulp server repo health roll up"
	stagePlan      = stageSync + job.DryRun // the only stage of a dry run
)

// Settings are what a group sync takes from the configuration.
type Settings struct {
	// Rules gives the rules for a server's repositories; it may ask that server.
	Rules func(ctx context.Context, s *job.Server) (reconcile.Rules, error)
	// MirrorAddress gives the scheme and host at which secondaries read a primary.
	MirrorAddress func(primary fleet.Server) string
	// Login gives what a secondary's remotes log in to a primary with, by the remote's field.
	Login        func(ctx context.Context, primary fleet.Server) (map[string]fleet.Secret, error)
	Fingerprints fleet.Fingerprints
	Fingerprint  reconcile.Fingerprint
	// FullSyncInterval is how long a repository of which nothing has changed is not really synced; nil
	// or 0: it is each time.
	FullSyncInterval func() time.Duration
	// Preview adds to a step of a plan how a repository would be synced; nil: nothing.
	Preview func(step *fleet.PlanStep, row fleet.Repository, have *inventory.Picture, r *inventory.Repository, asked map[string]any)
}

// Definition declares the job.
func Definition(settings Settings) job.Definition {
	return job.Definition{
		Kind:    fleet.KindRepoGroupSync,
		Summary: "Mirror the set of repositories from a source, if there is one, and sync each of them.",
		Stages:  []string{stageMirror + "SOURCE", stageReconcile, stageSync, stageHealth, stageRollUp},
		Ask:     ask,
		Run: func(ctx context.Context, r *job.Run) error {
			var args Args
			if err := r.Args(&args); err != nil {
				return err
			}
			return (&group{run: r, args: args, settings: settings}).sync(ctx)
		},
	}
}

// group is one run.
type group struct {
	run      *job.Run
	args     Args
	settings Settings

	server    *job.Server
	selection fleet.Selection
	before    []fleet.Repository     // what the store knew before picture was taken
	picture   *inventory.Picture     // of the server; nil when a stage that takes it was done by an earlier attempt
	origins   inventory.Origins      // what the source serves; nil when not looked at by this attempt
	types     []fleet.RepositoryType // of the source's repositories
}

func (g *group) sync(ctx context.Context) error {
	var err error
	if g.selection, err = fleet.NewSelection(job.Text(g.args.RegexInclude), job.Text(g.args.RegexExclude)); err != nil {
		return err
	}
	if g.server, err = g.run.Server(ctx, g.run.Task.Server); err != nil {
		return err
	}
	if g.args.DryRun {
		_, err = job.Stage(ctx, g.run, stagePlan, g.plan)
		return err
	}
	var mirrored Mirrored
	if source := job.Text(g.args.SourceServer); source != "" {
		if mirrored, err = job.Stage(ctx, g.run, stageMirror+source, g.mirror); err != nil {
			return err
		}
	}
	if _, err = job.Stage(ctx, g.run, stageReconcile, g.reconcile); err != nil {
		return err
	}
	children, err := g.children(ctx, mirrored)
	if err != nil {
		return err
	}
	if err := g.health(ctx); err != nil {
		return err
	}
	return verdict(g.server.Name, children, mirrored)
}

// look takes a picture of the server, unless there is one.
func (g *group) look(ctx context.Context, p *job.Progress) error {
	if g.picture != nil {
		return nil
	}
	var err error
	if g.before, err = g.keeper().Known(ctx); err != nil {
		return err
	}
	g.picture, err = served(ctx, p, g.server, func(ctx context.Context) (*inventory.Picture, error) {
		return inventory.TakePresent(ctx, g.server.Client, g.server.Name, g.types...)
	})
	return err
}

// served takes a picture of a server, with what it serves.
func served(ctx context.Context, p *job.Progress, s *job.Server, take func(context.Context) (*inventory.Picture, error)) (*inventory.Picture, error) {
	var picture *inventory.Picture
	err := s.Try(ctx, p, func(ctx context.Context) error {
		var err error
		if picture, err = take(ctx); err != nil {
			return err
		}
		return picture.Serve(ctx, s.Client)
	})
	return picture, err
}

// takeSource takes a picture of the server that this one mirrors from, with what it serves.
func (g *group) takeSource(ctx context.Context, p *job.Progress, source *job.Server) (*inventory.Picture, error) {
	theirs, err := served(ctx, p, source, func(ctx context.Context) (*inventory.Picture, error) {
		return inventory.TakeSource(ctx, source.Client, source.Name)
	})
	if err == nil {
		g.origins, g.types = theirs.Serves(), theirs.Present()
	}
	return theirs, err
}

// children syncs each repository that is meant to sync and that the group chooses.
func (g *group) children(ctx context.Context, mirrored Mirrored) ([]fleet.Task, error) {
	specs, err := g.candidates(ctx, mirrored)
	if err != nil {
		return nil, err
	}
	var children []fleet.Task
	_, err = job.Stage(ctx, g.run, stageSync, func(ctx context.Context, p *job.Progress) (job.None, error) {
		if err := g.look(ctx, p); err != nil {
			return job.None{}, err
		}
		if err := g.source(ctx, p); err != nil {
			return job.None{}, err
		}
		g.picture.Origins = g.origins
		g.run.Share(g.picture)
		same, err := g.unchanged(ctx, mirrored, specs)
		g.before = nil // what the store knew is not needed for hours
		if err != nil {
			return job.None{}, err
		}
		children, err = job.Children(ctx, g.run, specs, g.args.MaxConcurrentSyncs, func(running, ended, all int) {
			p.Say(ctx, "%d in progress, %d/%d completed%s", running, ended, all, unchangedNote(same))
		})
		if err == nil && len(children) == 0 {
			p.Say(ctx, "no repository with a remote is chosen")
		}
		return job.None{}, err
	})
	if err == nil && children == nil { // done by an earlier attempt
		children, err = g.run.Env.Tasks.Children(ctx, g.run.Task.ID)
	}
	return children, err
}

// candidates gives the children to create: one for each repository with a remote that the group
// chooses, of a type we know.
func (g *group) candidates(ctx context.Context, mirrored Mirrored) ([]fleet.NewTask, error) {
	rows, err := g.run.Env.Repositories.ServerRepositories(ctx, g.server.ID)
	if err != nil {
		return nil, err
	}
	var specs []fleet.NewTask
	for _, row := range rows {
		chosen, err := g.selection.Matches(row.Name)
		if err != nil {
			return nil, err
		}
		t, known := content.Find(row.Type)
		if !chosen || !known || !row.HasRemote() || mirrored.unserved(row.Name) {
			continue
		}
		if err := t.CheckSyncOptions(g.args.SyncOptions); err != nil {
			return nil, err
		}
		specs = append(specs, fleet.NewTask{
			Name: fmt.Sprintf("%s repo sync %s", g.server.Name, row.Name), Kind: fleet.KindRepoSync,
			Server: g.server.ID, Repository: row.ID, MaxRuntime: fleet.Unlimited,
			Args: childArgs{
				RepositoryID: row.ID, Href: row.Href, SyncOptions: g.args.SyncOptions,
				Full: row.SyncFailed(), Force: g.args.Force,
			},
		})
	}
	return specs, nil
}

// childArgs are those of a repository sync.
type childArgs struct {
	RepositoryID fleet.RepositoryID `json:"pulp_server_repo_id"`
	Href         string             `json:"repo_href"`
	SyncOptions  map[string]any     `json:"sync_options,omitempty"`
	Full         bool               `json:"full,omitempty"`
	Force        bool               `json:"force,omitempty"`
}

// unchangedNote tells of children that had nothing to do.
func unchangedNote(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them unchanged", n)
}

// verdict says what did not go well, of mirroring and of the children (D87).
func verdict(server fleet.ServerName, children []fleet.Task, mirrored Mirrored) error {
	failed := job.ChildrenError(children)
	if len(mirrored.Problems) == 0 {
		return failed
	}
	text := fmt.Sprintf("%d repositories could not be mirrored: %s", len(mirrored.Problems), mirrored.text())
	if failed != nil {
		text += "; " + fault.Message(failed)
	}
	hint := "look at the first stage and the failed child tasks: each says what to do"
	if mirrored.Waiting > 0 {
		hint += "; " + reconcile.AdoptHint(server)
	}
	return fault.New(fault.Invalid, "%s", text).WithHint("%s", hint)
}
