// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"maps"
	"slices"
	"sort"
	"strings"
)

// listContent lists the units of a kind; nil: of all kinds.
func (c *call) listContent(k *contentKind) reply {
	units, refusal := c.contentOf(k)
	if refusal != nil {
		return *refusal
	}
	sort.SliceStable(units, func(i, j int) bool { return units[i].created.Before(units[j].created) })
	rows := make([]row, 0, len(units))
	for _, u := range units {
		rows = append(rows, row{item: u, get: func(f string) any { return unitValue(u, f) }})
	}
	path := "content"
	if k != nil {
		path = k.path
	}
	return c.list(path, rows, c.s.contentFilter)
}

// contentOf gives the units of a kind, of the versions that the query names.
func (c *call) contentOf(k *contentKind) ([]*unit, *reply) {
	s, q := c.s, c.r.URL.Query()
	var sets []map[*unit]struct{}
	for _, filter := range []string{
		"repository_version", "repository_version_added", "repository_version_removed", "added_between", "removed_between",
	} {
		if q.Get(filter) == "" {
			continue
		}
		var versions []*version
		for _, ref := range strings.Split(q.Get(filter), ",") {
			v := s.versionOrLatest(ref)
			if v == nil {
				rep := bad([]any{"URI " + ref + " not found for repositoryversion."})
				return nil, &rep
			}
			versions = append(versions, v)
		}
		sets = append(sets, unitsBy(filter, versions))
	}
	var units []*unit
	if len(sets) == 0 {
		for kind, all := range s.unitsByKind {
			if k == nil || kind == k {
				units = append(units, all...)
			}
		}
		return units, nil
	}
	for u := range sets[0] {
		if (k == nil || u.kind == k) && !slices.ContainsFunc(sets[1:], func(set map[*unit]struct{}) bool { _, in := set[u]; return !in }) {
			units = append(units, u)
		}
	}
	return units, nil
}

// unitsBy gives the units that a filter by versions lets through.
func unitsBy(filter string, versions []*version) map[*unit]struct{} {
	without := func(a, b map[*unit]struct{}) map[*unit]struct{} {
		rest := maps.Clone(a)
		maps.DeleteFunc(rest, func(u *unit, _ struct{}) bool { _, in := b[u]; return in })
		return rest
	}
	first, last := versions[0], versions[len(versions)-1]
	var before map[*unit]struct{}
	if p := first.previous(); p != nil {
		before = p.units
	}
	switch filter {
	case "repository_version_added":
		return without(first.units, before)
	case "repository_version_removed":
		return without(before, first.units)
	case "added_between":
		return without(last.units, first.units)
	case "removed_between":
		return without(first.units, last.units)
	}
	return first.units
}
