// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// stageRepository is the stage of a child that syncs, as package reposync names it.
const stageRepository = "sync repo"

// source looks at the server that this one mirrors from, unless an earlier stage has: before any
// repository is synced, so that what changes there during the syncs is seen as changed by the next run.
func (g *group) source(ctx context.Context, p *job.Progress) error {
	name := job.Text(g.args.SourceServer)
	if name == "" || g.origins != nil {
		return nil
	}
	row, err := g.run.Env.Servers.ServerByName(ctx, fleet.ServerName(name))
	if err != nil {
		return err
	}
	server, err := g.run.Server(ctx, row.ID)
	if err != nil {
		return err
	}
	_, err = g.takeSource(ctx, p, server)
	return err
}

// unchanged completes the children whose repositories have nothing to sync: the source serves what it
// served at their last good sync, and nothing of theirs is other than that sync left it. They cost Pulp
// nothing, and the store a few statements together. It tells how many there are.
func (g *group) unchanged(ctx context.Context, mirrored Mirrored, specs []fleet.NewTask) (int, error) {
	interval := g.settings.interval()
	if g.args.Force || len(g.args.SyncOptions) > 0 || interval <= 0 || len(g.origins) == 0 {
		return 0, nil
	}
	records, err := g.run.Env.SyncRecords.FindSyncRecords(ctx, g.server.ID)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	children, err := g.run.Env.Work.CreateChildren(ctx, g.run.Lease, g.run.Task.ID, specs)
	if err != nil {
		return 0, err
	}
	rows, err := g.run.Env.Repositories.ServerRepositories(ctx, g.server.ID)
	if err != nil {
		return 0, err
	}
	byID := make(map[fleet.RepositoryID]fleet.Repository, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	var all []fleet.UnchangedSync
	for _, c := range children {
		row, record := byID[c.Repository], records[c.Repository]
		if c.State != fleet.Queued || row.ID == 0 || row.SyncFailed() || mirrored.problem(row.Name) {
			continue
		}
		r := g.picture.Find(row.Type, row.Name)
		if reason := g.changed(r, record, interval); reason != "" {
			g.run.Log.Debug("to be synced", "server", g.server.Name, "repository", row.Name, "because", reason)
			continue
		}
		stage, err := unchangedStage(c.ID, r, record)
		if err != nil {
			return 0, err
		}
		all = append(all, fleet.UnchangedSync{Stage: stage, Record: record})
	}
	ended, err := g.run.Env.SyncRecords.CompleteUnchanged(ctx, g.run.Lease, all)
	return len(ended), err
}

// changed tells why a repository has to be synced; empty: it has not.
func (g *group) changed(r *inventory.Repository, record fleet.SyncRecord, interval time.Duration) string {
	if r == nil || r.Repository == nil || r.Remote == nil || !r.Linked {
		return "it is not whole"
	}
	if r.Remote.Labels[reconcile.PrimaryLabel] != job.Text(g.args.SourceServer) {
		return "it is mirrored from elsewhere"
	}
	basis := r.Basis(g.origins.Of(r.Type.Name, r.Name), r.Type.MirrorSync, nil, "")
	return record.Changed(basis, r.State(), time.Now(), interval)
}

// unchangedStage is the only stage of a child that has nothing to do.
func unchangedStage(child fleet.TaskID, r *inventory.Repository, record fleet.SyncRecord) (fleet.Stage, error) {
	result, err := json.Marshal(map[string]any{
		"newest": r.Repository.LatestVersion, "method": "", "changed": false, "unchanged": true,
	})
	return fleet.Stage{
		Task: child, Name: stageRepository, State: fleet.StageCompleted, Result: result,
		Detail: map[string]any{"msg": fmt.Sprintf("unchanged since %s: %s serves what was mirrored then, and so does this server",
			record.Synced.UTC().Format(time.RFC3339), record.Basis.Source.Server)},
	}, err
}

// mirrored gives the way to the fields of a remote by which the server has mirrored what the source serves of
// a repository now; nil where it has not, or the remote has been changed since.
func (g *group) mirrored(ctx context.Context) (func(theirs *inventory.Repository) map[string]any, error) {
	records, err := g.run.Env.SyncRecords.FindSyncRecords(ctx, g.server.ID)
	if err != nil {
		return nil, err
	}
	ids := make(map[string]fleet.RepositoryID, len(g.before))
	for _, row := range g.before {
		ids[row.Name] = row.ID
	}
	return func(theirs *inventory.Repository) map[string]any {
		r, record := g.picture.Find(theirs.Type.Name, theirs.Name), records[ids[theirs.Name]]
		if r == nil || r.Repository == nil || r.Remote == nil || !r.Linked {
			return nil
		}
		basis := r.Basis(g.origins.Of(theirs.Type.Name, theirs.Name), nil, nil, "")
		if !basis.Source.Same(record.Basis.Source) || basis.Fields != record.Basis.Fields {
			return nil
		}
		return r.Remote.Fields()
	}, nil
}

// problem tells whether a repository could not be mirrored as it should.
func (m Mirrored) problem(name string) bool {
	for _, p := range m.Problems {
		if strings.HasPrefix(p, name+": ") {
			return true
		}
	}
	return false
}

func (s Settings) interval() time.Duration {
	if s.FullSyncInterval == nil {
		return 0
	}
	return s.FullSyncInterval()
}
