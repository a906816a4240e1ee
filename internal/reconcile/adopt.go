// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Split parts a plan into what may be applied and what waits for an administrator: a repository of which
// something is to be changed that is not ours waits as a whole. Ours is what carries our label, and what we know
// by its href to have set before. What needs a place that a waiting one is to leave becomes a conflict.
func Split(plan []Change, have *inventory.Picture, known Baselines) (apply, wait []Change) {
	waits := map[string]bool{}
	for _, c := range plan {
		if c.Conflict == "" && !c.Create() && !ours(c, have, known) {
			waits[c.Name] = true
		}
	}
	stay := map[string]string{} // whose place is not left → because of whom
	for grew := true; grew; {
		grew = false
		for _, c := range plan {
			i := slices.IndexFunc(c.After, func(name string) bool { return waits[name] || stay[name] != "" })
			if i >= 0 && stay[c.Name] == "" && !waits[c.Name] {
				stay[c.Name], grew = c.After[i], true
			}
		}
	}
	for _, group := range groupsOf(plan) {
		first := group[0]
		switch by := stay[first.Name]; {
		case first.Conflict != "":
			apply = append(apply, group...)
		case waits[first.Name]:
			wait = append(wait, group...)
		case by != "":
			apply = append(apply, Change{Type: first.Type, Name: first.Name, Source: first.Source, Conflict: fmt.Sprintf(
				"its base path is still that of %s, which waits to be adopted", by)})
		default:
			apply = append(apply, group...)
		}
	}
	return apply, wait
}

// ours tells whether what a change is about is ours.
func ours(c Change, have *inventory.Picture, known Baselines) bool {
	found, there := parts(have.Find(c.Type.Name, c.Name))[c.Noun]
	if !there || string(found.href) != c.Href {
		return false
	}
	if _, labelled := found.labels[OwnerLabel]; labelled {
		return true
	}
	b, ok := known[fleet.BaselineKey{Noun: string(c.Noun), Name: c.Name}]
	return ok && b.Href == c.Href
}

// Adoptions gives what waits, by repository, in the form that the store keeps.
func Adoptions(wait []Change) []fleet.Adoption {
	var all []fleet.Adoption
	for _, group := range groupsOf(wait) {
		a := fleet.Adoption{Name: group[0].Name, Type: group[0].Type.Name}
		for _, c := range group {
			if !c.Create() {
				a.Hrefs = append(a.Hrefs, c.Href)
			}
			a.Changes = append(a.Changes, c.Describe()...)
		}
		all = append(all, a)
	}
	return all
}

// Adopt gives the changes that put our label on what waits to be adopted, as far as it is still there. Nothing
// else changes by them.
func Adopt(server fleet.ServerName, accepted []fleet.Adoption, have *inventory.Picture) []Change {
	var plan []Change
	for _, a := range accepted {
		there := have.Find(a.Type, a.Name)
		if there == nil {
			continue
		}
		found := parts(there)
		for _, noun := range []Noun{Remote, Repository, Distribution} {
			p, ok := found[noun]
			if !ok || !slices.Contains(a.Hrefs, string(p.href)) {
				continue
			}
			if merged, differs := mergeLabels(map[string]string{OwnerLabel: string(server)}, p.labels, false); differs {
				plan = append(plan, Change{
					Type: there.Type, Name: a.Name, Noun: noun, Href: string(p.href), Source: "adoption",
					Fields: map[string]any{"pulp_labels": merged}, Before: map[string]any{"pulp_labels": p.labels},
				})
			}
		}
	}
	return plan
}

// groupsOf parts a plan by repository.
func groupsOf(plan []Change) [][]Change {
	var groups [][]Change
	for _, c := range plan {
		if n := len(groups); n > 0 && c.Conflict == "" && groups[n-1][0].Conflict == "" &&
			groups[n-1][0].Name == c.Name && groups[n-1][0].Type.Name == c.Type.Name {
			groups[n-1] = append(groups[n-1], c)
			continue
		}
		groups = append(groups, []Change{c})
	}
	return groups
}

// Owned tells whether a repository carries our label.
func Owned(r *pulp.Repository) bool {
	if r == nil {
		return false
	}
	_, ok := r.Labels[OwnerLabel]
	return ok
}
