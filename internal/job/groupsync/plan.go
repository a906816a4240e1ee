// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// plan is a dry run: it tells what would be mirrored first, and which repositories would then be synced, from where and
// how, or why not. It only reads.
func (g *group) plan(ctx context.Context, p *job.Progress) (job.None, error) {
	found := Mirrored{}
	var steps []fleet.PlanStep
	if job.Text(g.args.SourceServer) != "" {
		c, err := g.compare(ctx, p, &found)
		if err != nil {
			return job.None{}, err
		}
		if steps, err = g.planMirror(c, &found); err != nil {
			return job.None{}, err
		}
	} else if err := g.look(ctx, p); err != nil {
		return job.None{}, err
	}
	g.picture.Origins = g.origins
	syncs, err := g.planSyncs(ctx, found, steps)
	if err != nil {
		return job.None{}, err
	}
	p.SayPlan(ctx, append(slices.DeleteFunc(steps, func(s fleet.PlanStep) bool { return s.Action == fleet.PlanUnchanged }), syncs...))
	return job.None{}, nil
}

// planMirror tells what mirroring would change. Those that are as wanted are among them.
func (g *group) planMirror(c comparison, found *Mirrored) ([]fleet.PlanStep, error) {
	steps := c.round.Steps(g.server.Name, c.planned)
	for i := range steps {
		steps[i].From = string(c.source.Name)
	}
	tell := func(action fleet.PlanAction, name, why string) {
		steps = append(steps, fleet.PlanStep{Repository: name, Server: g.server.Name, Action: action, Why: why, From: string(c.source.Name)})
	}
	for _, problem := range found.Problems {
		name, why, _ := strings.Cut(problem, ": ")
		tell(fleet.PlanRefuse, name, why)
	}
	for _, name := range found.Unserved {
		tell(fleet.PlanKeep, name, string(c.source.Name)+" does not serve it, nor does this server: nothing to sync from")
	}
	found.Gone, _ = g.gone(c.source, c.theirs)
	for _, name := range found.Gone {
		tell(fleet.PlanKeep, name, "gone from "+string(c.source.Name)+", and kept")
	}
	return steps, nil
}

// planSyncs tells which repositories would be synced after these steps.
func (g *group) planSyncs(ctx context.Context, mirrored Mirrored, before []fleet.PlanStep) ([]fleet.PlanStep, error) {
	rows, err := g.run.Env.Repositories.ServerRepositories(ctx, g.server.ID)
	if err != nil {
		return nil, err
	}
	known := make(map[string]fleet.Repository, len(rows))
	for _, row := range rows {
		known[row.Name] = row
	}
	records, err := g.run.Env.SyncRecords.FindSyncRecords(ctx, g.server.ID)
	if err != nil {
		return nil, err
	}
	var steps []fleet.PlanStep
	for _, r := range g.syncable(before) {
		chosen, err := g.selection.Matches(r.Name)
		if err != nil {
			return nil, err
		}
		if !chosen || mirrored.unserved(r.Name) {
			continue
		}
		if err := r.Type.CheckSyncOptions(g.args.SyncOptions); err != nil {
			return nil, err
		}
		row := known[r.Name]
		step := fleet.PlanStep{Repository: r.Name, Type: r.Type.Name, Server: g.server.Name, Action: fleet.PlanSync}
		if step.Why = g.due(r, row, records[row.ID], changedBefore(before, r.Name) || mirrored.problem(r.Name)); step.Why == "" {
			step.Action, step.Why = fleet.PlanUnchanged, "the source serves what was mirrored "+records[row.ID].Synced.UTC().Format(time.RFC3339)+", and so does this server"
		} else if g.settings.Preview != nil {
			g.settings.Preview(&step, row, g.picture, r, g.args.SyncOptions)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// syncable gives what has a remote, and what will have one once it is mirrored.
func (g *group) syncable(before []fleet.PlanStep) []*inventory.Repository {
	var all []*inventory.Repository
	for _, r := range g.picture.Repositories {
		if r.Repository != nil && r.Linked && r.Remote != nil {
			all = append(all, r)
		}
	}
	for _, step := range before {
		t, known := content.Find(step.Type)
		if step.Action != fleet.PlanCreate || !known {
			continue
		}
		remote := pulp.Remote{Name: step.Repository, Labels: map[string]string{reconcile.PrimaryLabel: job.Text(g.args.SourceServer)}}
		for _, change := range step.Changes {
			if change.Part == string(reconcile.Remote) && change.Field == "url" {
				remote.URL = strings.Trim(change.After, `"`)
			}
		}
		all = append(all, &inventory.Repository{Type: t, Name: step.Repository, Repository: &pulp.Repository{Name: step.Repository}, Remote: &remote, Linked: true})
	}
	slices.SortStableFunc(all, func(a, b *inventory.Repository) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// changedBefore tells whether a step changes a repository.
func changedBefore(steps []fleet.PlanStep, name string) bool {
	return slices.ContainsFunc(steps, func(s fleet.PlanStep) bool { return s.Repository == name && s.Action.Changes() })
}

// due tells why a repository is synced; empty: nothing of it has changed.
func (g *group) due(r *inventory.Repository, row fleet.Repository, record fleet.SyncRecord, changes bool) string {
	switch interval := g.settings.interval(); {
	case g.args.Force:
		return "it is asked for in any case"
	case len(g.args.SyncOptions) > 0:
		return "it is asked for with options"
	case row.ID == 0:
		return "it was never synced"
	case row.SyncFailed():
		return "the sync before did not succeed"
	case changes:
		return "it is changed before"
	case r.Remote.Labels[reconcile.PrimaryLabel] == "":
		return "it comes from outside: whether anything has changed is seen when it is synced"
	case job.Text(g.args.SourceServer) == "":
		return "no source is given that would tell whether anything has changed"
	case interval <= 0:
		return "each sync is a full one (full_sync_interval)"
	default:
		return g.changed(r, record, interval)
	}
}
