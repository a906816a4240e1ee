// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"net/url"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// survey is what is on a server: of all types at a glance, by Pulp's lists over all types, which lack what
// a distribution pins; and closely of the types that matter. A picture of everything costs three lists
// a type.
type survey struct {
	server  fleet.ServerName
	status  pulp.Status
	entries map[string]*inventory.Repository // by type and name
	picture *inventory.Picture

	publications map[pulp.Href]pulp.Publication // those that are served of the types looked at closely
}

// take looks at a server.
func take(ctx context.Context, c *pulp.Client, server fleet.ServerName) (*survey, error) {
	s := &survey{server: server, entries: map[string]*inventory.Repository{}}
	var err error
	if s.status, err = c.Status(ctx); err != nil {
		return nil, err
	}
	byName := func() url.Values { return url.Values{"ordering": {"name"}} }
	repositories, err := c.Repositories(ctx, "", byName())
	if err != nil {
		return nil, err
	}
	remotes, err := c.Remotes(ctx, "", byName())
	if err != nil {
		return nil, err
	}
	distributions, err := c.Distributions(ctx, "", byName())
	if err != nil {
		return nil, err
	}
	byHref := map[pulp.Href]*pulp.Remote{}
	for i := range remotes {
		byHref[remotes[i].Href] = &remotes[i]
	}
	for i := range repositories {
		if r := s.entry("repositories", repositories[i].Href, repositories[i].Name); r != nil {
			r.Repository, r.Remote, r.Linked = &repositories[i], byHref[repositories[i].Remote], repositories[i].Remote != ""
		}
	}
	for i := range remotes {
		if r := s.entry("remotes", remotes[i].Href, remotes[i].Name); r != nil {
			if r.Own = &remotes[i]; !r.Linked {
				r.Remote = r.Own
			}
		}
	}
	for i := range distributions {
		if r := s.entry("distributions", distributions[i].Href, distributions[i].Name); r != nil {
			r.Distribution = &distributions[i]
		}
	}
	s.draw()
	return s, nil
}

// entry gives what goes by the name of an object that is a repository, a remote or a distribution; nil where
// it is of a type that we do not know, or that the server can no longer hold.
func (s *survey) entry(class string, href pulp.Href, name string) *inventory.Repository {
	for _, t := range content.Types() {
		path := t.Path
		if class == "distributions" {
			path = t.DistributionKind()
		}
		if strings.Contains(string(href), "/"+class+"/"+path+"/") && s.status.Has(t.Component) {
			return s.at(t, name)
		}
	}
	return nil
}

func (s *survey) at(t content.Type, name string) *inventory.Repository {
	key := string(t.Name) + "/" + name
	r, ok := s.entries[key]
	if !ok {
		r = &inventory.Repository{Type: t, Name: name}
		s.entries[key] = r
	}
	return r
}

// draw makes the picture of all entries.
func (s *survey) draw() {
	all := make([]*inventory.Repository, 0, len(s.entries))
	for _, r := range s.entries {
		all = append(all, r)
	}
	s.picture = inventory.NewPicture(s.server, s.status, all...)
}

// closely reads all repositories and distributions of some types, what they serve, and how that was
// published.
func (s *survey) closely(ctx context.Context, c *pulp.Client, types []content.Type) error {
	for _, t := range types {
		repositories, err := c.Repositories(ctx, t.Path, url.Values{"ordering": {"name"}})
		if err != nil {
			return err
		}
		distributions, err := c.Distributions(ctx, t.DistributionKind(), url.Values{"ordering": {"name"}})
		if err != nil {
			return err
		}
		for _, r := range s.entries {
			if r.Type.Name == t.Name {
				r.Repository, r.Distribution = nil, nil
			}
		}
		for i := range repositories {
			s.at(t, repositories[i].Name).Repository = &repositories[i]
		}
		for i := range distributions {
			s.at(t, distributions[i].Name).Distribution = &distributions[i]
		}
	}
	s.draw()
	published := false
	for _, t := range types {
		published = published || len(t.Snapshot.Publication) > 0
	}
	if !published {
		return nil
	}
	if err := s.picture.Serve(ctx, c); err != nil {
		return err
	}
	return s.readPublications(ctx, c, types)
}

// readPublications reads how what is served was published, of the kinds of publications that have anything
// to tell.
func (s *survey) readPublications(ctx context.Context, c *pulp.Client, types []content.Type) error {
	s.publications = map[pulp.Href]pulp.Publication{}
	for _, t := range types {
		if len(t.Snapshot.Publication) == 0 {
			continue
		}
		path, _ := t.Publication(nil)
		told := false
		for _, r := range s.picture.Repositories {
			told = told || strings.Contains(string(r.ServedPublication), "/publications/"+path+"/")
		}
		if !told {
			continue
		}
		all, err := c.Publications(ctx, path, url.Values{"fields": {"pulp_href," + strings.Join(t.Snapshot.Publication, ",")}})
		if err != nil {
			return err
		}
		for _, publication := range all {
			s.publications[publication.Href] = publication
		}
	}
	return nil
}

// find gives what goes by a name; empty where there is nothing.
func (s *survey) find(t fleet.RepositoryType, name string) inventory.Repository {
	if r := s.picture.Find(t, name); r != nil {
		return *r
	}
	return inventory.Repository{Name: name}
}

// has tells whether there is a repository of any type with that name.
func (s *survey) has(name string) bool {
	for _, t := range s.picture.Types {
		if s.find(t.Name, name).Repository != nil {
			return true
		}
	}
	return false
}

// isSnapshot tells a snapshot, by its label or, for those that the original made, by its name.
func (s *survey) isSnapshot(t fleet.RepositoryType, name string) bool {
	r := s.find(t, name)
	return strings.HasPrefix(name, always) || (r.Repository != nil && r.Repository.Labels[reconcile.SnapshotLabel] != "")
}

// served gives the version that a repository's distribution serves. One without publications serves the
// newest where it follows the repository.
func served(r inventory.Repository) pulp.Href {
	d := r.Distribution
	if d == nil || r.Repository == nil {
		return ""
	}
	if r.Type.Serving == content.PinnedVersion {
		if d.RepositoryVersion != "" {
			return d.RepositoryVersion
		}
		if d.Repository == r.Repository.Href {
			return r.Repository.LatestVersion
		}
		return ""
	}
	return pulp.Href(r.Served)
}

// fleet gives the survey in the form the store keeps, with what the store knows of what is served.
func (s *survey) fleet(server fleet.ServerID, known []fleet.Repository) []fleet.Repository {
	for _, row := range known {
		if r := s.picture.Find(row.Type, row.Name); r != nil && r.Repository != nil && string(r.Repository.Href) == row.Href {
			r.Served, r.ServedPublication = row.ServedVersion, pulp.Href(row.ServedPublication)
		}
	}
	return s.picture.Fleet(server)
}
