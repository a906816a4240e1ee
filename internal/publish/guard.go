// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"net/url"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// guard compares the newest version with the served one, and with what was asked for. It gives the
// number of units in the newest.
func guard(ctx context.Context, h Hands, r Request) (int, error) {
	t, name := r.Repository.Type, r.Repository.Name
	newest, served, err := versions(ctx, h, r)
	if err != nil {
		return 0, err
	}
	units, before := newest.Present[t.Units], served.Present[t.Units]
	switch {
	case r.ByHand && (units > 0 || r.Empty):
		return units, nil
	case units == 0 && before > 0:
		return 0, fault.New(fault.Invalid, "repository %s: its newest version has no %ss, the served one has %d: not published", name, t.Noun, before).
			WithHint("upstream has gone empty, or serves something else: check it; what was served before is served on")
	case units == 0 && !r.Mirrored:
		return 0, fault.New(fault.Invalid, "repository %s: upstream has no %ss for it: not published", name, t.Noun).
			WithHint("check url, suites, components and architectures in its definition")
	}
	if r.Mirrored || r.Looked || t.Guard == nil {
		return units, nil
	}
	err = t.Guard(ctx, content.Version{
		Href: string(r.Newest), Remote: remoteFields(r.Repository), Added: newest.Added[t.Units], List: Lister(h),
	})
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "repository %s: %s: not published", name, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	return units, nil
}

// versions gives the newest and the served version in one request.
func versions(ctx context.Context, h Hands, r Request) (newest, served pulp.RepositoryVersion, err error) {
	hrefs := []pulp.Href{r.Newest}
	if r.Repository.Served != "" {
		hrefs = append(hrefs, pulp.Href(r.Repository.Served))
	}
	var found map[pulp.Href]pulp.RepositoryVersion
	err = h.Try(ctx, func(ctx context.Context) error {
		found, err = h.Client().Versions(ctx, hrefs)
		return err
	})
	if err != nil {
		return newest, served, err
	}
	newest, ok := found[r.Newest]
	if !ok {
		return newest, served, fault.New(fault.NotFound, "repository %s: its version %s is gone", r.Repository.Name, r.Newest).
			WithHint("somebody deleted it in the middle of this run: run it again")
	}
	return newest, found[pulp.Href(r.Repository.Served)], nil
}

// Lister gives the way by which package content asks a server.
func Lister(h Hands) content.List {
	return func(ctx context.Context, path string, query url.Values) ([]map[string]any, error) {
		var found []map[string]any
		err := h.Try(ctx, func(ctx context.Context) error {
			objects, err := h.Client().List(ctx, path, query)
			found = found[:0]
			for _, o := range objects {
				found = append(found, o)
			}
			return err
		})
		return found, err
	}
}
