// SPDX-License-Identifier: Apache-2.0

package register

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// missing looks for repositories that are ours and that no definition names any more. They are told, and removed
// only where the configuration says so (`on_missing: remove`, D79). What is not known completely says nothing: a
// definition that cannot be read may be the missing one.
func (r *registration) missing(ctx context.Context, p *job.Progress, unread int) (Outcome, error) {
	found := Outcome{Problems: []string{}}
	if r.defined == nil { // read by an earlier attempt
		bad, err := r.load(ctx)
		if err != nil {
			return found, err
		}
		unread = max(unread, len(bad))
	}
	if unread > 0 || len(r.defined) == 0 {
		p.Say(ctx, "not looked for: %s", map[bool]string{true: "some definitions cannot be used", false: "there are no definitions at all"}[unread > 0])
		return found, nil
	}
	if err := p.Settle(ctx, r.server); err != nil {
		return found, err
	}
	if r.picture == nil {
		picture, err := r.take(ctx, p)
		if err != nil {
			return found, err
		}
		r.picture = picture
	}
	gone, err := r.gone(ctx, r.picture)
	if err != nil {
		return found, err
	}
	if len(gone.repositories) > 0 {
		p.Show(ctx, "without_definition", reconcile.Short(gone.names()))
	}
	if err := r.run.Env.Ownership.SetUnwanted(ctx, r.server.ID, gone.looked, gone.names()); err != nil {
		return found, err
	}
	if len(gone.repositories) == 0 {
		p.Say(ctx, "none")
		return found, nil
	}
	server, err := r.run.Env.Servers.Server(ctx, r.server.ID)
	if err != nil {
		return found, err
	}
	removes, most := onMissing(server, gone)
	if !removes {
		p.Say(ctx, "%d are in no definition any more and are kept (on_missing): %s", len(gone.repositories), gone)
		return found, nil
	}
	if len(gone.repositories) > most {
		p.Say(ctx, "%d are in no definition any more, which is more than the %d that one run removes: all are kept", len(gone.repositories), most)
		found.Problems = append(found.Problems, fmt.Sprintf(
			"%d repositories are in no definition any more, more than the %d that one run removes, so none is removed: %s; if that is meant, "+
				"raise on_missing_cap at the server's repo_config_registration in pulp_config.yml", len(gone.repositories), most, gone))
		return found, nil
	}
	return r.remove(ctx, p, gone)
}

// onMissing tells whether what no definition names is removed, and how many one run removes at most.
func onMissing(server fleet.Server, gone leftovers) (removes bool, most int) {
	if server.Registration == nil || server.Registration.OnMissing != fleet.RemoveMissing {
		return false, 0
	}
	if most = server.Registration.OnMissingCap; most == 0 {
		most = fleet.DefaultMissingCap(gone.ours)
	}
	return true, most
}

// leftovers are repositories without a definition.
type leftovers struct {
	repositories []*inventory.Repository
	looked       []string // names of all that were looked at
	ours         int      // how many of these are ours
}

func (l leftovers) names() []string {
	var names []string
	for _, r := range l.repositories {
		names = append(names, r.Name)
	}
	return names
}

// String names a few of them.
func (l leftovers) String() string {
	const most = 20
	names := l.names()
	text := strings.Join(names[:min(len(names), most)], ", ")
	if n := len(names) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// gone gives what no definition and no mirror wants, of what this run's patterns choose.
func (r *registration) gone(ctx context.Context, picture *inventory.Picture) (leftovers, error) {
	mirrors, err := r.mirrors(ctx)
	if err != nil {
		return leftovers{}, err
	}
	var found leftovers
	skip := map[string]bool{}
	for _, there := range picture.Repositories {
		chosen, err := r.selection.Matches(there.Name)
		if err != nil {
			return found, err
		}
		if !chosen {
			skip[there.Name] = true
			continue
		}
		found.looked = append(found.looked, there.Name)
		if reconcile.Owned(there.Repository) {
			found.ours++
		}
	}
	found.repositories = reconcile.Gone(picture, func(name string) bool { return skip[name] || r.defined[name] || mirrors.of(name) != "" })
	return found, nil
}

// remove deletes what is gone from the definitions.
func (r *registration) remove(ctx context.Context, p *job.Progress, gone leftovers) (Outcome, error) {
	found := Outcome{Problems: []string{}}
	picture := r.picture
	if err := r.server.Try(ctx, p, func(ctx context.Context) error { return picture.Serve(ctx, r.server.Client) }); err != nil {
		return found, err
	}
	r.picture = nil // it changes
	results := reconcile.Applier{Hands: p.Hands(r.server)}.Remove(ctx, gone.repositories, picture, func(done, all int) {
		p.Say(ctx, "%d/%d repositories without a definition removed", done, all)
	})
	var removed []string
	for _, result := range results {
		switch {
		case ctx.Err() != nil:
			return found, context.Cause(ctx)
		case result.Err != nil && r.run.Ends(result.Err):
			return found, result.Err
		case result.Err != nil:
			found.Problems = append(found.Problems, fmt.Sprintf("%s, which is in no definition any more, could not be removed: %s", result.Name, fault.Message(result.Err)))
		default:
			removed = append(removed, result.Name)
		}
	}
	slices.Sort(removed)
	p.Show(ctx, "removed", removed)
	p.Say(ctx, "%d repositories without a definition removed: %s", len(removed), strings.Join(removed[:min(len(removed), 20)], ", "))
	found.Done = len(removed)
	return found, r.run.Env.Ownership.DropBaselines(ctx, r.server.ID, removed)
}
