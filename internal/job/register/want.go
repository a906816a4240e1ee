// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"
	"fmt"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// want gives the wanted state of each definition. One that cannot be made out is told and left out.
func (r *registration) want(ctx context.Context, found *Outcome) ([]reconcile.Want, error) {
	rules, err := r.settings.Rules(ctx, r.server)
	if err != nil {
		return nil, err
	}
	mirrors, err := r.mirrors(ctx)
	if err != nil {
		return nil, err
	}
	secrets := newSecretCache(r.settings.Secret)
	defer func() { r.waits = secrets.waits() }()
	var want []reconcile.Want
	for _, d := range r.definitions {
		if primary := mirrors.of(d.Name); primary != "" && d.External() {
			// Mirroring owns its remote: the original flips it back and forth for ever (D69).
			r.leave(found, d, fmt.Sprintf("mirrored from %s on this server, so its url is left alone", primary))
			continue
		}
		values, err := secrets.of(ctx, d)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if fault.Is(err, fault.Unavailable) {
			r.left = append(r.left, r.leftStep(d, withHint(err)))
			continue // told at the end, when it is tried again
		}
		var w reconcile.Want
		if err == nil {
			w, err = rules.FromDefinition(r.server.Name, d, values)
		}
		if err != nil {
			r.leave(found, d, withHint(err))
			continue
		}
		want = append(want, w)
	}
	return want, nil
}

// leave notes that a definition is left alone, and why.
func (r *registration) leave(found *Outcome, d fleet.Definition, why string) {
	found.Problems = append(found.Problems, fmt.Sprintf("%s (%s): %s", d.Name, d.Source, why))
	r.left = append(r.left, r.leftStep(d, why))
}

func (r *registration) leftStep(d fleet.Definition, why string) fleet.PlanStep {
	return fleet.PlanStep{Repository: d.Name, Type: d.Type, Server: r.server.Name, Action: fleet.PlanRefuse, Why: why, From: d.Source}
}

// mirrors are the groups of the server that mirror from a primary.
type mirrors []mirror

type mirror struct {
	selection fleet.Selection
	primary   fleet.ServerName
}

// of gives the primary that a repository is mirrored from; empty: none.
func (m mirrors) of(name string) fleet.ServerName {
	for _, g := range m {
		if chosen, err := g.selection.Matches(name); err == nil && chosen {
			return g.primary
		}
	}
	return ""
}

func (r *registration) mirrors(ctx context.Context) (mirrors, error) {
	page, err := r.run.Env.Servers.FindServerGroups(ctx, r.server.ID, fleet.Query{Page: 1, Size: 10000})
	if err != nil {
		return nil, err
	}
	var all mirrors
	for _, g := range page.Items {
		if g.Primary == "" {
			continue
		}
		selection, err := fleet.NewSelection(g.Group.Include, g.Group.Exclude)
		if err != nil {
			return nil, err
		}
		all = append(all, mirror{selection, g.Primary})
	}
	return all, nil
}
