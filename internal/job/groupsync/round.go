// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"strings"

	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// round is the comparison of the server with what its primary has.
func (g *group) round(ctx context.Context, want []reconcile.Want) (reconcile.Round, error) {
	server, err := g.run.Env.Servers.Server(ctx, g.server.ID) // as configured by now
	return reconcile.Round{
		Server: server.ID, Want: want, Adopt: server.Adopt, Ownership: g.run.Env.Ownership,
		Fingerprints: g.settings.Fingerprints, Fingerprint: g.settings.Fingerprint,
	}, err
}

// others asks the server for what it has of types that we do not know.
func (g *group) others(ctx context.Context, p *job.Progress) func(*inventory.Picture) error {
	return func(picture *inventory.Picture) error {
		return g.server.Try(ctx, p, func(ctx context.Context) error { return picture.TakeOthers(ctx, g.server.Client) })
	}
}

// vanished tells what was mirrored from the source and is there no more. It is kept: what a primary lost by mistake, a
// secondary still serves (D79). It is not synced: there is nothing to read.
func (g *group) vanished(ctx context.Context, p *job.Progress, source *job.Server, theirs *inventory.Picture) ([]string, error) {
	gone, looked := g.gone(source, theirs)
	if len(gone) > 0 {
		p.Show(ctx, "gone_from_source", reconcile.Short(gone))
		p.Say(ctx, "%d repositories are gone from %s and are kept: %s", len(gone), source.Name, strings.Join(gone[:min(len(gone), 20)], ", "))
	}
	return gone, g.run.Env.Ownership.SetUnwanted(ctx, g.server.ID, looked, gone)
}

// gone gives what was mirrored from the source and is there no more, and all that was looked at for that.
func (g *group) gone(source *job.Server, theirs *inventory.Picture) (gone, looked []string) {
	there := map[string]bool{}
	for _, r := range theirs.Repositories {
		there[r.Name] = there[r.Name] || r.Repository != nil
	}
	chosen := func(name string) bool {
		ok, err := g.selection.Matches(name)
		return ok && err == nil
	}
	gone = reconcile.Vanished(g.picture, string(source.Name), chosen, func(name string) bool { return there[name] })
	for _, r := range g.picture.Repositories {
		if reconcile.MirroredFrom(r) == string(source.Name) && chosen(r.Name) {
			looked = append(looked, r.Name)
		}
	}
	return gone, looked
}

// keeper keeps the store's picture of the server.
func (g *group) keeper() reconcile.Keeper {
	env := g.run.Env
	return reconcile.Keeper{Server: g.server.ID, Repositories: env.Repositories, Ownership: env.Ownership, Locks: env.Locks}
}

// reconcile brings the store's picture of the server up to date.
func (g *group) reconcile(ctx context.Context, p *job.Progress) (job.None, error) {
	if err := g.look(ctx, p); err != nil {
		return job.None{}, err
	}
	err := g.server.Try(ctx, p, func(ctx context.Context) error { return g.picture.Count(ctx, g.server.Client, g.before) })
	if err != nil {
		return job.None{}, err
	}
	drifted, err := g.keeper().Keep(ctx, g.picture, g.before)
	if err != nil {
		return job.None{}, err
	}
	p.Say(ctx, "%s", reconcile.KeptText(g.server.Name, len(g.picture.Fleet(g.server.ID)), drifted))
	return job.None{}, nil
}
