// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"net/url"
	"strconv"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

const (
	countPage  = 1000
	countPages = 10 // most requests that one Count makes
)

// Count finds out how many packages each repository has: in the version served, else in its newest one.
// Versions never change, so what the store knows of one is not asked for again. New versions are the
// newest there are, so a few pages of Pulp's list, newest first, have them; what is not among
// those stays unknown.
func (p *Picture) Count(ctx context.Context, c *pulp.Client, known []fleet.Repository) error {
	counted := make(map[string]int, len(known))
	for _, r := range known {
		if r.PackagesVersion != "" {
			counted[r.PackagesVersion] = r.Packages
		}
	}
	missing := map[pulp.Href][]*Repository{}
	for _, r := range p.Repositories {
		r.Packages, r.PackagesVersion = fleet.UnknownPackages, ""
		if r.Repository == nil {
			continue
		}
		version := pulp.Href(r.Served)
		if version == "" {
			version = r.Repository.LatestVersion
		}
		_, number, ok := version.VersionNumber()
		n, have := counted[string(version)]
		switch {
		case have:
			r.Packages, r.PackagesVersion = n, version
		case ok && number == 0: // always empty
			r.Packages, r.PackagesVersion = 0, version
		case ok:
			missing[version] = append(missing[version], r)
		}
	}
	pages := min(countPages, 1+len(missing)/(countPage/10))
	for page := 0; page < pages && len(missing) > 0; page++ {
		found, all, err := versions(ctx, c, page)
		if err != nil {
			return err
		}
		for _, f := range found {
			for _, r := range missing[f.Href()] {
				r.Packages, r.PackagesVersion = units(f, r.Type.Units), f.Href()
			}
			delete(missing, f.Href())
		}
		if (page+1)*countPage >= all {
			break
		}
	}
	return nil
}

// versions gives a page of the versions of all repositories but the empty first ones, newest first, and how
// many there are.
func versions(ctx context.Context, c *pulp.Client, page int) ([]pulp.Fields, int, error) {
	return c.Page(ctx, "repository_versions/", url.Values{
		"number__gt": {"0"}, "ordering": {"-pulp_created"}, "fields": {"pulp_href,content_summary"},
		"limit": {strconv.Itoa(countPage)}, "offset": {strconv.Itoa(page * countPage)},
	})
}

// units gives how many units of a type a version has.
func units(f pulp.Fields, name string) int {
	for _, key := range []string{"content_summary", "present", name} {
		inner, ok := f[key].(map[string]any)
		if !ok {
			return 0
		}
		f = inner
	}
	n, _ := f["count"].(float64)
	return int(n)
}
