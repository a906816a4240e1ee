// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/publish"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Mirrored is what mirroring the set of repositories found out for the stages after it.
type Mirrored struct {
	Changes  int      `json:"changes"`
	Problems []string `json:"problems"` // repositories that could not be mirrored, and why
	Unserved []string `json:"unserved"` // repositories that the source does not serve (yet), nor does the target
}

func (m Mirrored) unserved(name string) bool {
	for _, u := range m.Unserved {
		if u == name {
			return true
		}
	}
	return false
}

func (m Mirrored) text() string {
	shown := m.Problems[:min(len(m.Problems), 20)]
	return strings.Join(shown, "; ")
}

// mirror makes the server have the source's repositories, each with a remote that reads the source.
// One that cannot be mirrored stops none of the others (D80).
func (g *group) mirror(ctx context.Context, p *job.Progress) (Mirrored, error) {
	found := Mirrored{Problems: []string{}, Unserved: []string{}}
	row, err := g.run.Env.Servers.ServerByName(ctx, fleet.ServerName(deref(g.args.SourceServer)))
	if err != nil {
		return found, err
	}
	source, err := g.run.Server(ctx, row.ID)
	if err != nil {
		return found, err
	}
	if err := p.Settle(ctx, g.server); err != nil {
		return found, err
	}
	theirs, err := take(ctx, p, source)
	if err != nil {
		return found, err
	}
	if err := g.look(ctx, p); err != nil {
		return found, err
	}
	rules, err := g.settings.Rules(ctx, g.server)
	if err != nil {
		return found, err
	}
	want, err := g.want(ctx, p, source, theirs, rules, &found)
	if err != nil {
		return found, err
	}
	changes := reconcile.Plan(want, g.picture, nil, noSecrets)
	found.Changes = len(changes)
	if len(changes) == 0 {
		p.Say(ctx, "%d repositories of %s, nothing to change", len(want), source.Name)
		return found, nil
	}
	results := reconcile.Applier{Hands: p.Hands(g.server)}.Apply(ctx, changes, g.picture, func(done, all int) {
		p.Say(ctx, "%d/%d repositories brought in line with %s", done, all, source.Name)
	})
	g.picture = nil // it has changed
	results = slices.DeleteFunc(results, func(r reconcile.Result) bool { return r.Err == nil })
	for _, r := range results {
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		if g.run.Ends(r.Err) {
			return found, r.Err
		}
	}
	if len(results) == 0 {
		return found, nil
	}
	// Another run may have made meanwhile what failed here.
	if err := g.look(ctx, p); err != nil {
		return found, err
	}
	wanting := map[string]bool{}
	for _, c := range reconcile.Plan(want, g.picture, nil, noSecrets) {
		wanting[c.Name] = true
	}
	for _, r := range results {
		if wanting[r.Name] {
			found.Problems = append(found.Problems, r.Name+": "+fault.Message(r.Err))
		}
	}
	return found, nil
}

// noSecrets is the fingerprint of what mirrors do not have.
func noSecrets(fleet.Secret) string { return "" }

// want gives the wanted state of each chosen repository of the source.
func (g *group) want(ctx context.Context, p *job.Progress, source *job.Server, theirs *inventory.Picture, rules reconcile.Rules, found *Mirrored) ([]reconcile.Want, error) {
	address := g.settings.MirrorAddress(source.Server)
	list := publish.Lister(p.Hands(source))
	var want []reconcile.Want
	for _, r := range theirs.Repositories {
		chosen, err := g.selection.Matches(r.Name)
		if err != nil {
			return nil, err
		}
		if !chosen || r.Repository == nil || r.Distribution == nil {
			continue // nothing of it can be read there
		}
		if r.Served == "" && !g.serves(r) {
			found.Unserved = append(found.Unserved, r.Name)
			continue
		}
		m := reconcile.Mirrored{
			Type: r.Type, Name: r.Name, Description: r.Repository.Description, BasePath: r.Distribution.BasePath, Version: r.Served,
		}
		if r.Linked && r.Remote != nil {
			m.Remote = r.Remote.Fields
		}
		w, err := rules.FromPrimary(ctx, g.server.Name, source.Name, address, m, list)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			found.Problems = append(found.Problems, r.Name+": "+fault.Message(err))
			continue
		}
		want = append(want, w)
	}
	return want, nil
}

// serves tells whether the target serves anything of the repository.
func (g *group) serves(r *inventory.Repository) bool {
	ours := g.picture.Find(r.Type.Name, r.Name)
	return ours != nil && ours.Served != ""
}
