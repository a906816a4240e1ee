// SPDX-License-Identifier: Apache-2.0

// Package inventory takes a bulk picture of what is on a Pulp server: a few list
// requests, however many repositories there are.
package inventory

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Picture is what is on a server, at one moment.
type Picture struct {
	Server       fleet.ServerName
	Status       pulp.Status
	Types        []content.Type // those whose plugin the server has
	Repositories []*Repository  // by type and name
	// Others are distributions and names of types that we do not know; set by TakeOthers.
	Others Others
	// Origins is what the server that this one mirrors from served before anything was synced; nil: not known.
	Origins Origins

	byName       map[key]*Repository
	publications map[pulp.Href][]pulp.Href // version → its publications, oldest first; set by Serve
}

type key struct {
	kind fleet.RepositoryType
	name string
}

// Repository is a repository with what goes by its name. Any of the parts may be nil.
type Repository struct {
	Type         content.Type
	Name         string
	Repository   *pulp.Repository
	Remote       *pulp.Remote // the one the repository names; else the one of its name
	Linked       bool         // the repository names that remote: it can sync
	Own          *pulp.Remote // the one of its name, whichever the repository names
	Distribution *pulp.Distribution
	Served       string // version the distribution serves; set by Picture.Serve
	// ServedPublication is the publication of that version that is served; set by Picture.Serve.
	ServedPublication pulp.Href
	Published         string // when that publication was made, in Pulp's words; set by Picture.Serve
	// Packages is how many units that version has, or the newest one where nothing is served, and
	// PackagesVersion is the one counted; set by Picture.Count.
	Packages        int
	PackagesVersion pulp.Href
}

// Take asks a server for all repositories, remotes and distributions of the types it can hold. Only
// those whose name is one of names, where names are given.
func Take(ctx context.Context, c *pulp.Client, server fleet.ServerName, names ...string) (*Picture, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	p := NewPicture(server, status)
	for _, t := range p.Types {
		if err := p.take(ctx, c, t, everyList, names); err != nil {
			return nil, err
		}
	}
	p.sort()
	return p, nil
}

// NewPicture makes a picture of a server with these repositories.
func NewPicture(server fleet.ServerName, status pulp.Status, repositories ...*Repository) *Picture {
	p := &Picture{Server: server, Status: status, byName: map[key]*Repository{}}
	for _, t := range content.Types() {
		if status.Has(t.Component) {
			p.Types = append(p.Types, t)
		}
	}
	for _, r := range repositories {
		p.byName[key{r.Type.Name, r.Name}] = r
	}
	p.sort()
	return p
}

// listLimit is how many objects of a type one request gives at most: Pulp sets no bound, and is faster with few
// large pages than with many.
const listLimit = "2000"

func (p *Picture) sort() {
	p.Repositories = slices.SortedFunc(maps.Values(p.byName), func(a, b *Repository) int {
		return cmp.Or(cmp.Compare(a.Type.Name, b.Type.Name), cmp.Compare(a.Name, b.Name))
	})
}

// lists are those of a type that are asked for.
type lists struct {
	others  bool // the further lists of repositories
	remotes bool
}

// everyList is all lists of a type.
var everyList = lists{others: true, remotes: true}

func (p *Picture) take(ctx context.Context, c *pulp.Client, t content.Type, of lists, names []string) error {
	query := url.Values{"ordering": {"name"}, "limit": {listLimit}}
	switch len(names) {
	case 0:
	case 1:
		query.Set("name", names[0]) // it may have a comma in it
	default:
		query.Set("name__in", strings.Join(names, ","))
	}
	repositories, err := c.Repositories(ctx, t.Path, query)
	if err != nil {
		return err
	}
	for _, path := range t.OtherPaths {
		if !of.others {
			continue
		}
		others, err := c.Repositories(ctx, path, query)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		repositories = append(repositories, others...)
	}
	var remotes []pulp.Remote
	if of.remotes {
		if remotes, err = c.Remotes(ctx, t.Path, query); err != nil {
			return err
		}
	}
	distributions, err := c.Distributions(ctx, t.DistributionKind(), query)
	if err != nil {
		return err
	}
	byHref := make(map[pulp.Href]*pulp.Remote, len(remotes))
	for i := range remotes {
		byHref[remotes[i].Href] = &remotes[i]
	}
	for i := range repositories {
		r := p.entry(t, repositories[i].Name)
		r.Repository = &repositories[i]
		r.Remote = byHref[repositories[i].Remote]
		r.Linked = repositories[i].Remote != ""
	}
	for i := range remotes {
		// A remote of the same name that the repository does not name is known, but makes nothing sync (D93).
		r := p.entry(t, remotes[i].Name)
		if r.Own = &remotes[i]; !r.Linked {
			r.Remote = r.Own
		}
	}
	for i := range distributions {
		p.entry(t, distributions[i].Name).Distribution = &distributions[i]
	}
	return nil
}

func (p *Picture) entry(t content.Type, name string) *Repository {
	k := key{t.Name, name}
	r, ok := p.byName[k]
	if !ok {
		r = &Repository{Type: t, Name: name}
		p.byName[k] = r
	}
	return r
}

// Find gives what goes by a name; nil where there is nothing.
func (p *Picture) Find(t fleet.RepositoryType, name string) *Repository {
	return p.byName[key{t, name}]
}

// FindByHref gives the repository with that href; nil where there is none.
func (p *Picture) FindByHref(href string) *Repository {
	for _, r := range p.Repositories {
		if r.Repository != nil && string(r.Repository.Href) == href {
			return r
		}
	}
	return nil
}

// Fleet gives the picture in the form the store keeps.
func (p *Picture) Fleet(server fleet.ServerID) []fleet.Repository {
	var all []fleet.Repository
	for _, r := range p.Repositories {
		if r.Repository == nil {
			continue
		}
		row := fleet.Repository{
			Server: server, Name: r.Name, Type: r.Type.Name, Href: string(r.Repository.Href),
			LatestVersion: string(r.Repository.LatestVersion), ServedVersion: r.Served, ServedPublication: string(r.ServedPublication),
			Packages: r.Packages, PackagesVersion: string(r.PackagesVersion),
		}
		if r.Linked {
			row.RemoteHref = string(r.Repository.Remote)
			if r.Remote != nil {
				row.RemoteFeed = r.Remote.URL
			}
		}
		if r.Distribution != nil {
			row.DistributionHref, row.BasePath = string(r.Distribution.Href), r.Distribution.BasePath
		}
		all = append(all, row)
	}
	return all
}
