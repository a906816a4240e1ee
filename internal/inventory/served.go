// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"net/url"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// publicationFields are all that telling the served version needs.
const publicationFields = "pulp_href,repository,repository_version,pulp_created"

// Serve finds out which version each distribution serves, from one bulk list of publications, or from
// the list of one repository's. A repository's newest publication of its newest published version is
// what is served where the distribution names the repository.
func (p *Picture) Serve(ctx context.Context, c *pulp.Client, only ...pulp.Href) error {
	query := url.Values{"fields": {publicationFields}}
	for _, repository := range only {
		query.Add("repository", string(repository))
	}
	publications, err := c.List(ctx, "publications/", query)
	if err != nil {
		return err
	}
	versions := make(map[pulp.Href]pulp.Href, len(publications)) // publication → version
	newest := map[pulp.Href]pulp.Href{}                          // repository → newest published version
	p.publications = make(map[pulp.Href]pulp.Href, len(publications))
	created := make(map[pulp.Href]string, len(publications))
	for _, f := range publications {
		version := text(f, "repository_version")
		versions[f.Href()] = version
		repository, number, ok := version.VersionNumber()
		if !ok {
			continue
		}
		if at := string(text(f, "pulp_created")); at >= created[version] {
			created[version], p.publications[version] = at, f.Href()
		}
		if _, best, ok := newest[repository].VersionNumber(); !ok || number > best {
			newest[repository] = version
		}
	}
	for _, r := range p.Repositories {
		r.Served = ""
		if d := r.Distribution; d != nil {
			r.Served = string(servedBy(*d, versions, newest))
		}
	}
	return nil
}

// PublicationOf gives the newest publication of a version; empty where it had none when Serve asked.
func (p *Picture) PublicationOf(version pulp.Href) pulp.Href { return p.publications[version] }

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
