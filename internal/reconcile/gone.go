// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"

	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Gone gives what is ours on a server and in none of the wanted names: left over from a definition that went away.
// Snapshots are never, nor is what was mirrored from another server, by its remote's label.
func Gone(have *inventory.Picture, wanted func(name string) bool) []*inventory.Repository {
	var gone []*inventory.Repository
	for _, r := range have.Repositories {
		if r.Repository == nil || !Owned(r.Repository) || wanted(r.Name) || snapshot(r) || MirroredFrom(r) != "" {
			continue
		}
		gone = append(gone, r)
	}
	return gone
}

// Vanished gives what was mirrored from a primary, is chosen, and is not among the names that the primary has.
func Vanished(have *inventory.Picture, primary string, chosen, there func(name string) bool) []string {
	var names []string
	for _, r := range have.Repositories {
		if r.Repository != nil && MirroredFrom(r) == primary && chosen(r.Name) && !there(r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// MirroredFrom gives the server that a repository is mirrored from, by its remote's label; empty: none.
func MirroredFrom(r *inventory.Repository) string {
	if r.Own == nil {
		return ""
	}
	return r.Own.Labels[PrimaryLabel]
}

func snapshot(r *inventory.Repository) bool {
	_, ok := r.Repository.Labels[SnapshotLabel]
	if r.Distribution != nil {
		_, also := r.Distribution.Labels[SnapshotLabel]
		ok = ok || also
	}
	return ok
}

// Shared gives what others use of a repository, so that it must not be deleted with it: its remote, where another
// repository names it, and distributions of other names that serve it. The picture must know what is served.
func Shared(r *inventory.Repository, have *inventory.Picture) (remote bool, servedBy []string) {
	for _, other := range have.Repositories {
		if other == r {
			continue
		}
		if r.Own != nil && other.Repository != nil && other.Repository.Remote == r.Own.Href {
			remote = true
		}
		if d := other.Distribution; d != nil && r.Repository != nil && serves(d, other.Served, r.Repository.Href) {
			servedBy = append(servedBy, d.Name)
		}
	}
	slices.Sort(servedBy)
	return remote, servedBy
}

// serves tells whether a distribution serves something of a repository.
func serves(d *pulp.Distribution, served string, repository pulp.Href) bool {
	for _, version := range []pulp.Href{pulp.Href(served), d.RepositoryVersion} {
		if of, _, ok := version.VersionNumber(); ok && of == repository {
			return true
		}
	}
	return d.Repository == repository
}
