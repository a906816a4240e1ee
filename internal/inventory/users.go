// SPDX-License-Identifier: Apache-2.0

package inventory

import "github.com/pulp/pulp-manager/internal/pulp"

// Users tells what depends on what on a server, by href.
type Users struct {
	Distributions map[pulp.Href][]*pulp.Distribution // repository → those that serve something of it, of any name
	Remotes       map[pulp.Href][]*Repository        // remote → those that name it, and the one that is called as it is
	Publications  map[pulp.Href]int                  // repository → how many its versions have
}

// Users finds out what depends on what, as Serve saw it.
func (p *Picture) Users() Users {
	u := Users{Distributions: map[pulp.Href][]*pulp.Distribution{}, Remotes: map[pulp.Href][]*Repository{}, Publications: map[pulp.Href]int{}}
	published := map[pulp.Href]pulp.Href{} // publication → repository
	for version, publications := range p.publications {
		repository, _, _ := version.VersionNumber()
		u.Publications[repository] += len(publications)
		for _, publication := range publications {
			published[publication] = repository
		}
	}
	for _, r := range p.Repositories {
		if d := r.Distribution; d != nil {
			pinned, _, _ := d.RepositoryVersion.VersionNumber()
			for _, repository := range []pulp.Href{d.Repository, pinned, published[d.Publication]} {
				if repository != "" {
					u.Distributions[repository] = append(u.Distributions[repository], d)
				}
			}
		}
		if r.Repository == nil {
			continue
		}
		if r.Repository.Remote != "" {
			u.Remotes[r.Repository.Remote] = append(u.Remotes[r.Repository.Remote], r)
		}
		if r.Own != nil && r.Own.Href != r.Repository.Remote {
			u.Remotes[r.Own.Href] = append(u.Remotes[r.Own.Href], r)
		}
	}
	return u
}

// LeadsNowhere tells whether a distribution serves nothing of any repository.
func LeadsNowhere(d *pulp.Distribution) bool {
	return d.Repository == "" && d.RepositoryVersion == "" && d.Publication == ""
}
