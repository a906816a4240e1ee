// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Search is what is looked for in a repository: all that is given must fit exactly. A version is Pulp's
// own field of that name or, of a named or hashed package, the full one as its tools write it.
type Search struct{ Name, Version, SHA256 string }

// Found is a unit, with the fields that Pulp gave of it.
type Found struct {
	content.Unit
	Fields map[string]any
}

// FullName is the unit's name, full version and architecture, as far as it has them.
func (f Found) FullName() string { return f.Unit.String() }

// searchFields are asked for whatever the type: pkgId is rpm's. Pulp leaves out what a type does not have.
var searchFields = []string{"pulp_href", "pkgId"}

// Find asks a server for the units of a repository's newest version that fit a search. Invalid says that
// nothing is searched for, or something that the type's units do not have; NotFound that the repository is
// not there. Whatever else goes wrong between us and the server is Unavailable.
func Find(ctx context.Context, c *pulp.Client, r fleet.Repository, s Search) ([]Found, error) {
	t, known := content.Find(r.Type)
	if !known {
		return nil, fault.New(fault.Invalid, "repository %s is of type %q, which cannot be searched", r.Name, r.Type)
	}
	query, err := s.query(t)
	if err != nil {
		return nil, err
	}
	there, err := c.Repository(ctx, pulp.Href(r.Href))
	if err != nil {
		return nil, live(err)
	}
	if there.LatestVersion == "" {
		return []Found{}, nil
	}
	query.Set("repository_version", string(there.LatestVersion))
	query.Set("fields", strings.Join(slices.Concat(searchFields, t.Packages.Fields), ","))
	found, err := list(ctx, c, t, query)
	if err != nil || len(found) > 0 || s.Version == "" || len(t.Packages.Filters) < 2 || s.Name+s.SHA256 == "" {
		return found, live(err)
	}
	// Pulp's field may be a part of what people know as the version.
	query.Del(t.Packages.Filters["version"])
	found, err = list(ctx, c, t, query)
	return slices.DeleteFunc(found, func(f Found) bool { return f.Version != s.Version }), live(err)
}

// query gives the list's filters for a search.
func (s Search) query(t content.Type) (url.Values, error) {
	q := url.Values{}
	for _, criterion := range []struct{ name, value string }{
		{"name", s.Name}, {"version", s.Version}, {"sha256", strings.ToLower(strings.TrimPrefix(s.SHA256, "sha256:"))},
	} {
		if criterion.value == "" {
			continue
		}
		filter, ok := t.Packages.Filters[criterion.name]
		if !ok {
			return nil, fault.New(fault.Invalid, "a %s of a %s repository has no %s to look for", t.Noun, t.Name, criterion.name).
				WithHint("leave %s out", criterion.name)
		}
		if criterion.name == "sha256" {
			criterion.value = t.Packages.HashPrefix + criterion.value
		}
		q.Set(filter, criterion.value)
	}
	if len(q) == 0 {
		return nil, fault.New(fault.Invalid, "name, version or sha256 must be given").WithHint("an empty text counts as not given")
	}
	return q, nil
}

func list(ctx context.Context, c *pulp.Client, t content.Type, query url.Values) ([]Found, error) {
	objects, err := c.Content(ctx, t.Packages.Path, query)
	found := make([]Found, 0, len(objects))
	for _, o := range objects {
		u := t.Packages.Unit(o)
		u.Href = string(o.Href())
		found = append(found, Found{Unit: u, Fields: o})
	}
	return found, err
}

// live gives the kind of an error to one who asked for something live: that our account is refused, say, is
// no fault of theirs.
func live(err error) error {
	if err == nil || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "%s", fault.Message(err)).WithHint("%s", fault.Hint(err))
}
