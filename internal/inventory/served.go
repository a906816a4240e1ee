// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// publicationFields are all that telling the served version needs.
const publicationFields = "pulp_href,repository,repository_version,pulp_created"

// Serve finds out which version each distribution serves, from one bulk list of publications, or from
// one for each of only. A repository's newest publication of its newest published version is
// what is served where the distribution names the repository; of a type without publications it is its
// newest version.
func (p *Picture) Serve(ctx context.Context, c *pulp.Client, only ...pulp.Href) error {
	publications, err := listPublications(ctx, c, only)
	if err != nil {
		return err
	}
	slices.SortStableFunc(publications, func(a, b pulp.Fields) int { return cmp.Compare(text(a, "pulp_created"), text(b, "pulp_created")) })
	versions := make(map[pulp.Href]pulp.Href, len(publications)) // publication → version
	made := make(map[pulp.Href]string, len(publications))
	newest := map[pulp.Href]pulp.Href{} // repository → newest published version
	p.publications = map[pulp.Href][]pulp.Href{}
	for _, f := range publications {
		version := text(f, "repository_version")
		versions[f.Href()], made[f.Href()] = version, string(text(f, "pulp_created"))
		p.publications[version] = append(p.publications[version], f.Href())
		repository, number, ok := version.VersionNumber()
		if !ok {
			continue
		}
		if _, best, ok := newest[repository].VersionNumber(); !ok || number > best {
			newest[repository] = version
		}
	}
	p.unpublished(newest)
	for _, r := range p.Repositories {
		r.Served, r.ServedPublication, r.Published = "", "", ""
		if r.Distribution == nil {
			continue
		}
		version := servedBy(*r.Distribution, versions, newest)
		r.Served, r.ServedPublication = string(version), r.Distribution.Publication
		if all := p.publications[version]; r.ServedPublication == "" && len(all) > 0 {
			r.ServedPublication = all[len(all)-1]
		}
		r.Published = made[r.ServedPublication]
	}
	return nil
}

// unpublished adds, for types without publications, what a distribution serves that names a repository: its
// newest version. Version 0 is nothing yet.
func (p *Picture) unpublished(newest map[pulp.Href]pulp.Href) {
	for _, r := range p.Repositories {
		if r.Repository == nil || r.published() {
			continue
		}
		if _, number, ok := r.Repository.LatestVersion.VersionNumber(); ok && number > 0 {
			newest[r.Repository.Href] = r.Repository.LatestVersion
		}
	}
}

// listPublications lists all publications, or those of some repositories: Pulp looks at one "repository"
// of a query only.
func listPublications(ctx context.Context, c *pulp.Client, only []pulp.Href) ([]pulp.Fields, error) {
	if len(only) == 0 {
		return c.List(ctx, "publications/", url.Values{"fields": {publicationFields}, "limit": {"5000"}})
	}
	var all []pulp.Fields
	for _, repository := range only {
		found, err := c.List(ctx, "publications/", url.Values{"fields": {publicationFields}, "repository": {string(repository)}})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// PublicationsOf gives the publications that a version had when Serve asked, oldest first.
func (p *Picture) PublicationsOf(version pulp.Href) []pulp.Href { return p.publications[version] }

func text(f pulp.Fields, name string) pulp.Href {
	s, _ := f[name].(string)
	return pulp.Href(s)
}

func servedBy(d pulp.Distribution, versions, newest map[pulp.Href]pulp.Href) pulp.Href {
	switch {
	case d.Publication != "":
		return versions[d.Publication]
	case d.RepositoryVersion != "":
		return d.RepositoryVersion
	}
	return newest[d.Repository]
}
