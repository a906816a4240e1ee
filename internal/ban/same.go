// SPDX-License-Identifier: Apache-2.0

package ban

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// same tells whether two versions of the repository have the same units, but for those that are not shown.
func (c *cleaning) same(ctx context.Context, a, b pulp.RepositoryVersion) (bool, error) {
	var kinds []string
	for _, present := range []map[string]int{a.Present, b.Present} {
		kinds = slices.AppendSeq(kinds, maps.Keys(present))
	}
	slices.Sort(kinds)
	kinds = slices.DeleteFunc(slices.Compact(kinds), func(kind string) bool { return slices.Contains(c.Repository.Type.Hidden, kind) })
	for _, kind := range kinds {
		if a.Present[kind] != b.Present[kind] {
			return false, nil
		}
	}
	if len(kinds) == 0 {
		return true, nil
	}
	query := url.Values{"pulp_type__in": {strings.Join(kinds, ",")}}
	added, err := c.added(ctx, a, b, query)
	if !fault.Is(err, fault.Invalid) {
		return added == 0, err // there are as many of each kind, so none is gone either
	}
	return c.equal(ctx, a, b, query)
}

// added counts the units that a version has and one before has not. Invalid: Pulp cannot tell (3.85).
func (c *cleaning) added(ctx context.Context, before, v pulp.RepositoryVersion, query url.Values) (count int, err error) {
	query = maps.Clone(query)
	query.Set("added_between", string(before.Href)+","+string(v.Href))
	err = c.hands.Try(ctx, func(ctx context.Context) error {
		count, err = c.hands.Client().Count(ctx, "content/", query)
		return err
	})
	return count, err
}

// equal compares all units of two versions: on one server, the same content is the same unit.
func (c *cleaning) equal(ctx context.Context, a, b pulp.RepositoryVersion, query url.Values) (bool, error) {
	var units [2][]pulp.Href
	for i, v := range []pulp.RepositoryVersion{a, b} {
		q := maps.Clone(query)
		q.Set("repository_version", string(v.Href))
		q.Set("fields", "pulp_href")
		q.Set("ordering", "pk")
		err := c.hands.Try(ctx, func(ctx context.Context) error {
			units[i] = units[i][:0]
			found, err := c.hands.Client().Content(ctx, "", q)
			for _, f := range found {
				units[i] = append(units[i], f.Href())
			}
			return err
		})
		if err != nil {
			return false, err
		}
		slices.Sort(units[i])
	}
	return slices.Equal(units[0], units[1]), nil
}
