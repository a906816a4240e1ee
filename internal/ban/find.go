// SPDX-License-Identifier: Apache-2.0

package ban

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// banned gives the packages of a version that the pattern finds. All names are asked for each time: what the
// served version was cleaned by is not remembered, so that a pattern that was changed holds for what is served
// already, too. The pattern is never sent to Pulp: its filters differ by type and know another dialect, in
// which, for deb, case does not count (D58, D84).
func (c *cleaning) banned(ctx context.Context, v pulp.RepositoryVersion) ([]pulp.Href, error) {
	t := c.Repository.Type
	want := v.Present[t.Units]
	if want == 0 {
		return nil, nil
	}
	field := t.Packages.Filters["name"]
	units, err := c.list(ctx, t.Packages.Path, v, "pulp_href,"+field)
	if err != nil {
		return nil, err
	}
	if len(units) != want {
		return nil, fault.New(fault.Internal, "repository %s: version %d has %d %ss, and lists %d", c.Repository.Name, v.Number, want, t.Noun, len(units)).
			WithHint("it cannot be told whether some of them are banned: run it again; what was served before is served on")
	}
	var banned []pulp.Href
	for _, u := range units {
		found, err := c.Pattern.Search(t.Packages.Unit(u).Name)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "banned_package_regex: %s", fault.Message(err)).WithHint("%s", fault.Hint(err))
		}
		if found {
			banned = append(banned, u.Href())
		}
	}
	return banned, nil
}

// list gives the units of a version of one kind, in an order in which no page lacks one.
func (c *cleaning) list(ctx context.Context, path string, v pulp.RepositoryVersion, fields string) (found []pulp.Fields, err error) {
	err = c.hands.Try(ctx, func(ctx context.Context) error {
		found, err = c.hands.Client().Content(ctx, path, url.Values{
			"repository_version": {string(v.Href)}, "fields": {fields}, "ordering": {"pk"},
		})
		return err
	})
	return found, err
}

// referring gives the units that name packages, and none that is not banned. One that names others as well
// stays: an advisory is about those, too, and cannot be changed.
func (c *cleaning) referring(ctx context.Context, v pulp.RepositoryVersion) ([]pulp.Href, error) {
	var all []pulp.Href
	for _, r := range c.Repository.Type.Packages.Referring {
		if v.Present[r.Kind] == 0 {
			continue
		}
		units, err := c.list(ctx, r.Path, v, "pulp_href,"+r.Field)
		if err != nil {
			return nil, err
		}
		for _, u := range units {
			only, err := namesOnly(c.Pattern, r.Names(u[r.Field]))
			if err != nil {
				return nil, err
			}
			if only {
				all = append(all, u.Href())
			}
		}
	}
	return all, nil
}

// namesOnly tells whether there are names, and the pattern finds them all.
func namesOnly(pattern *fleet.Pattern, names []string) (bool, error) {
	for _, name := range names {
		if found, err := pattern.Search(name); !found || err != nil {
			return false, err
		}
	}
	return len(names) > 0, nil
}

// name gives units as people name them.
func (c *cleaning) name(ctx context.Context, units []pulp.Href) ([]content.Unit, error) {
	t := c.Repository.Type
	var ids []string
	for _, u := range units {
		ids = append(ids, string(u))
	}
	var found []pulp.Fields
	err := c.hands.Try(ctx, func(ctx context.Context) error {
		var err error
		found, err = c.hands.Client().ListIn(ctx, "content/"+t.Packages.Path, "pulp_href__in", ids, url.Values{
			"fields": {"pulp_href," + strings.Join(t.Packages.Fields, ",")},
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	named := make([]content.Unit, 0, len(found))
	for _, f := range found {
		u := t.Packages.Unit(f)
		u.Href = string(f.Href())
		named = append(named, u)
	}
	slices.SortFunc(named, func(a, b content.Unit) int { return strings.Compare(a.String()+a.Href, b.String()+b.Href) })
	return named, nil
}
