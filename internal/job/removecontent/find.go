// SPDX-License-Identifier: Apache-2.0

package removecontent

import (
	"context"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/publish"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Found is what the first stage found out, before anything is changed.
type Found struct {
	Newest    pulp.Href `json:"newest"`
	Gone      bool      `json:"gone"`      // the unit was in the repository once, and is not any more
	Served    bool      `json:"served"`    // the newest version is what clients get, or nothing can be served
	Published int       `json:"published"` // publications of the newest version
}

// find finds the repository and the unit in it, and refuses what should not be done.
func (s *removal) find(ctx context.Context, p *job.Progress) (Found, error) {
	found, r, name, err := s.examine(ctx, p)
	switch {
	case err != nil:
	case found.Gone:
		p.Say(ctx, "it was in %s, but is not in its newest version any more", s.row.Name)
	default:
		p.Say(ctx, "%s is in %s%s", name, s.row.Name, comesBack(r))
	}
	return found, err
}

// examine looks at the repository and gives the unit's name, if it is in there.
func (s *removal) examine(ctx context.Context, p *job.Progress) (found Found, r *inventory.Repository, name string, err error) {
	picture, r, err := s.look(ctx, p)
	if err != nil {
		return Found{}, nil, "", err
	}
	newest := r.Repository.LatestVersion
	found = Found{
		Newest: newest, Served: r.Distribution == nil || r.Served == string(newest), Published: len(picture.PublicationsOf(newest)),
	}
	if primary := mirrorOf(r); primary != "" {
		return found, r, "", fault.New(fault.Invalid, "server %s: repository %s is a mirror of the one on %s: what is removed here comes back with the next sync",
			s.server.Name, s.row.Name, primary).WithHint("remove it on %s: the next sync takes it away here", primary)
	}
	if r.Linked && !found.Served && r.Served != "" && !s.args.forced() {
		return found, r, "", fault.New(fault.Invalid, "server %s: the newest version of %s is not the served one: publishing it would bring more than this removal",
			s.server.Name, s.row.Name).WithHint("sync it first and see what its task says; or give force_publish to serve its newest version as it is")
	}
	if name, err = s.member(ctx, p, r, newest); err != nil {
		return found, r, "", err
	}
	if found.Gone = name == ""; found.Gone {
		return found, r, "", nil
	}
	return found, r, name, s.last(ctx, p, r, newest, name)
}

// mirrorOf gives the server that a repository is mirrored from; empty: it is not.
func mirrorOf(r *inventory.Repository) string {
	if !r.Linked || r.Remote == nil {
		return ""
	}
	return r.Remote.Labels[reconcile.PrimaryLabel]
}

// comesBack warns of a sync that brings back what is removed.
func comesBack(r *inventory.Repository) string {
	switch {
	case !r.Linked || r.Remote == nil:
		return ""
	case r.Type.Packages.Banned:
		return "; the next sync from " + r.Remote.URL + " brings it back as long as it is there, unless banned_package_regex finds it"
	}
	return "; the next sync from " + r.Remote.URL + " brings it back as long as it is there"
}

// member gives the unit's name if it is in the newest version; empty where it was in an earlier one. A unit
// that never was in the repository is Invalid.
func (s *removal) member(ctx context.Context, p *job.Progress, r *inventory.Repository, newest pulp.Href) (string, error) {
	list := publish.Lister(p.Hands(s.server))
	if newest != "" {
		units, err := list(ctx, "content/"+r.Type.Packages.Path+"/", url.Values{
			"repository_version": {string(newest)}, "pulp_href__in": {string(s.unit)}, "fields": {strings.Join(r.Type.Packages.Fields, ",")},
		})
		if err != nil {
			return "", err
		}
		if len(units) > 0 {
			return r.Type.Packages.Unit(units[0]).String(), nil
		}
	}
	had, err := list(ctx, "repositories/"+r.Type.Path+"/", url.Values{"name": {s.row.Name}, "with_content": {string(s.unit)}, "fields": {"pulp_href"}})
	if err != nil && !fault.Is(err, fault.Invalid) { // Invalid: Pulp does not know the unit at all
		return "", err
	}
	if len(had) == 0 {
		return "", fault.New(fault.Invalid, "server %s: repository %s has no %s %s", s.server.Name, s.row.Name, r.Type.Noun, s.unit).
			WithHint("find_package_content gives the address of each of its %ss", r.Type.Noun)
	}
	return "", nil
}

// last refuses to remove the last unit, unless a person insists.
func (s *removal) last(ctx context.Context, p *job.Progress, r *inventory.Repository, newest pulp.Href, name string) error {
	if s.args.forced() {
		return nil
	}
	var version pulp.RepositoryVersion
	err := s.server.Try(ctx, p, func(ctx context.Context) error {
		var err error
		version, err = s.server.Client.Version(ctx, newest)
		return err
	})
	if err != nil || version.Present[r.Type.Units] != 1 {
		return err
	}
	return fault.New(fault.Invalid, "server %s: %s is the last %s in %s: nothing would be left to serve", s.server.Name, name, r.Type.Noun, s.row.Name).
		WithHint("give force_publish to serve it empty, or remove the repository")
}
