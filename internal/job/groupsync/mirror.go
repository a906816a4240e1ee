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
	Gone     []string `json:"gone"`     // repositories that were mirrored and that the source has no more
	Waiting  int      `json:"waiting"`  // repositories that wait to be adopted; they are among the problems
}

// unserved tells whether there is nothing to sync a repository from.
func (m Mirrored) unserved(name string) bool {
	return slices.Contains(m.Unserved, name) || slices.Contains(m.Gone, name)
}

func (m Mirrored) text() string {
	shown := m.Problems[:min(len(m.Problems), 20)]
	return strings.Join(shown, "; ")
}

// mirror makes the server have the source's repositories, each with a remote that reads the source.
// One that cannot be mirrored stops none of the others (D80).
func (g *group) mirror(ctx context.Context, p *job.Progress) (Mirrored, error) {
	found := Mirrored{Problems: []string{}, Unserved: []string{}, Gone: []string{}}
	c, err := g.compare(ctx, p, &found)
	if err != nil {
		return found, err
	}
	source, theirs, round, planned := c.source, c.theirs, c.round, c.planned
	reconcile.ShowPlan(planned, func(key string, lines []string) { p.Show(ctx, key, lines) })
	found.Changes = len(planned.Apply)
	p.Say(ctx, "%d repositories of %s, nothing to change", len(round.Want), source.Name)
	if len(planned.Apply) > 0 {
		results, err := g.bring(ctx, p, planned.Apply, source.Name)
		if err != nil {
			return found, err
		}
		// See what came of it. Another run may have made meanwhile what failed here.
		if err := g.look(ctx, p); err != nil {
			return found, err
		}
		if planned, err = round.Plan(ctx, g.picture, g.others(ctx, p)); err != nil {
			return found, err
		}
		found.still(results, planned.Apply)
	}
	for _, a := range reconcile.Adoptions(planned.Wait) {
		found.Problems, found.Waiting = append(found.Problems, reconcile.WaitText(a)), found.Waiting+1
	}
	if err := round.End(ctx, g.picture, planned); err != nil {
		return found, err
	}
	gone, err := g.vanished(ctx, p, source, theirs)
	found.Gone = append(found.Gone, gone...)
	return found, err
}

// comparison is what mirroring finds out before it changes anything.
type comparison struct {
	source  *job.Server
	theirs  *inventory.Picture
	round   reconcile.Round
	planned reconcile.Planned
}

// compare looks at both servers and says what is to be changed on this one. It only reads.
func (g *group) compare(ctx context.Context, p *job.Progress, found *Mirrored) (comparison, error) {
	var c comparison
	row, err := g.run.Env.Servers.ServerByName(ctx, fleet.ServerName(job.Text(g.args.SourceServer)))
	if err != nil {
		return c, err
	}
	if c.source, err = g.run.Server(ctx, row.ID); err != nil {
		return c, err
	}
	if err := p.Settle(ctx, g.server); err != nil {
		return c, err
	}
	if c.theirs, err = g.takeSource(ctx, p, c.source); err != nil {
		return c, err
	}
	if err := g.look(ctx, p); err != nil {
		return c, err
	}
	rules, err := g.settings.Rules(ctx, g.server)
	if err != nil {
		return c, err
	}
	want, err := g.want(ctx, p, c.source, c.theirs, rules, found)
	if err != nil {
		return c, err
	}
	if c.round, err = g.round(ctx, want); err != nil {
		return c, err
	}
	c.planned, err = c.round.Plan(ctx, g.picture, g.others(ctx, p))
	return c, err
}

// bring applies the changes. It gives an error where that ends the attempt.
func (g *group) bring(ctx context.Context, p *job.Progress, changes []reconcile.Change, source fleet.ServerName) ([]reconcile.Result, error) {
	results := reconcile.Applier{Hands: p.Hands(g.server), Sent: g.sent}.Apply(ctx, changes, g.picture, func(done, all int) {
		p.Say(ctx, "%d/%d repositories brought in line with %s", done, all, source)
	})
	g.picture = nil // it has changed
	for _, r := range results {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if r.Err != nil && g.run.Ends(r.Err) {
			return nil, r.Err
		}
	}
	return results, nil
}

// still notes what failed and is not as wanted yet.
func (m *Mirrored) still(results []reconcile.Result, left []reconcile.Change) {
	wanting := map[string]bool{}
	for _, c := range left {
		wanting[c.Name] = true
	}
	for _, r := range results {
		if r.Err != nil && wanting[r.Name] {
			m.Problems = append(m.Problems, r.Name+": "+fault.Message(r.Err))
		}
	}
}

// want gives the wanted state of each chosen repository of the source.
func (g *group) want(ctx context.Context, p *job.Progress, source *job.Server, theirs *inventory.Picture, rules reconcile.Rules, found *Mirrored) ([]reconcile.Want, error) {
	address := g.settings.MirrorAddress(source.Server)
	list := publish.Lister(p.Hands(source))
	login := logins{find: g.settings.Login, source: source}
	signers := keyring{list: list, warn: func(why string) { p.Say(ctx, "%s", why) }}
	already, err := g.mirrored(ctx)
	if err != nil {
		return nil, err
	}
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
			m.Remote = r.Remote.Fields()
		}
		m.Mirror = already(r)
		var w reconcile.Want
		var signer signer
		if signer, err = signers.of(ctx, r); err != nil {
			return nil, err
		}
		m.PublicKey = signer.key
		if m.Secrets, err = login.of(ctx, r.Type); err == nil {
			w, err = rules.FromPrimary(ctx, g.server.Name, source.Name, address, m, list)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			found.Problems = append(found.Problems, r.Name+": "+fault.Message(err))
			continue
		}
		if signer.unknown {
			delete(w.Remote, r.Type.Signature.Key)
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
