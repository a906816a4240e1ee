// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"fmt"

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
)

// Settings are what a group sync takes from the configuration.
type Settings struct {
	// Rules gives the rules for a server's repositories; it may ask that server.
	Rules func(ctx context.Context, s *job.Server) (reconcile.Rules, error)
	// MirrorAddress gives the scheme and host at which secondaries read a primary.
	MirrorAddress func(primary fleet.Server) string
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
	picture   *inventory.Picture // of the server; nil when a stage that takes it was done by an earlier attempt
}

func (g *group) sync(ctx context.Context) error {
	var err error
	if g.selection, err = fleet.NewSelection(deref(g.args.RegexInclude), deref(g.args.RegexExclude)); err != nil {
		return err
	}
	if g.server, err = g.run.Server(ctx, g.run.Task.Server); err != nil {
		return err
	}
	var mirrored Mirrored
	if source := deref(g.args.SourceServer); source != "" {
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
	return verdict(children, mirrored)
}

// reconcile brings the store's picture of the server up to date.
func (g *group) reconcile(ctx context.Context, p *job.Progress) (job.None, error) {
	if err := g.look(ctx, p); err != nil {
		return job.None{}, err
	}
	all := g.picture.Fleet(g.server.ID)
	p.Say(ctx, "%d repositories on %s", len(all), g.server.Name)
	return job.None{}, g.run.Env.Repositories.Mirror(ctx, g.server.ID, all)
}

// look takes a picture of the server, unless there is one.
func (g *group) look(ctx context.Context, p *job.Progress) error {
	if g.picture != nil {
		return nil
	}
	picture, err := take(ctx, p, g.server)
	g.picture = picture
	return err
}

// take takes a picture of a server with what it serves.
func take(ctx context.Context, p *job.Progress, s *job.Server) (*inventory.Picture, error) {
	var picture *inventory.Picture
	err := s.Try(ctx, p, func(ctx context.Context) error {
		var err error
		if picture, err = inventory.Take(ctx, s.Client, s.Name); err != nil {
			return err
		}
		return picture.Serve(ctx, s.Client)
	})
	return picture, err
}

// children syncs each repository that is meant to sync and that the group chooses.
func (g *group) children(ctx context.Context, mirrored Mirrored) ([]fleet.Task, error) {
	specs, err := g.candidates(ctx, mirrored)
	if err != nil {
		return nil, err
	}
	var children []fleet.Task
	_, err = job.Stage(ctx, g.run, stageSync, func(ctx context.Context, p *job.Progress) (job.None, error) {
		if g.picture != nil {
			g.run.Share(g.picture)
		}
		var err error
		children, err = job.Children(ctx, g.run, specs, g.args.MaxConcurrentSyncs, func(running, ended, all int) {
			p.Say(ctx, "%d in progress, %d/%d completed", running, ended, all)
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
				Full: row.SyncFailed(),
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
}

// verdict says what did not go well, of mirroring and of the children (D87).
func verdict(children []fleet.Task, mirrored Mirrored) error {
	failed := job.ChildrenError(children)
	if len(mirrored.Problems) == 0 {
		return failed
	}
	text := fmt.Sprintf("%d repositories could not be mirrored: %s", len(mirrored.Problems), mirrored.text())
	if failed != nil {
		text += "; " + fault.Message(failed)
	}
	return fault.New(fault.Invalid, "%s", text).WithHint("look at the first stage and the failed child tasks: each says what to do")
}
