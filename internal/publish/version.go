// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// serveVersion makes the newest version of a type without publications the served one.
func serveVersion(ctx context.Context, h Hands, r Request) (Done, error) {
	d := r.Repository.Distribution
	pinned := d != nil && d.RepositoryVersion == r.Newest
	if r.Newest == "" || (r.ByHand && r.follows()) {
		return Done{Unchanged: true, Units: -1}, nil
	}
	if pinned {
		return Done{Unchanged: true, Units: -1}, guardMirror(ctx, h, r)
	}
	units, err := guard(ctx, h, r)
	if err == nil {
		err = guardMirror(ctx, h, r)
	}
	if err != nil {
		return Done{}, err
	}
	return Done{Units: units}, serve(ctx, h, d, "repository_version", r.Newest)
}

// guardMirror compares a mirror's newest version with what its primary serves, for types of which Pulp
// does not tell what a sync lost.
func guardMirror(ctx context.Context, h Hands, r Request) error {
	t := r.Repository.Type
	if t.GuardMirror == nil || r.Theirs == nil || r.ByHand {
		return nil
	}
	theirs, err := r.Theirs(ctx)
	if err != nil || theirs.Href == "" {
		return err
	}
	err = t.GuardMirror(ctx, content.Version{Href: string(r.Newest), List: Lister(h)}, theirs)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "repository %s: %s: not published", r.Repository.Name, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	return nil
}

// serve makes a distribution serve something, and nothing else.
func serve(ctx context.Context, h Hands, d *pulp.Distribution, field string, what pulp.Href) error {
	body, has := pulp.Fields{field: what}, d.Fields()
	for _, other := range []string{"publication", "repository", "repository_version"} {
		if _, ok := has[other]; ok && other != field {
			body[other] = nil
		}
	}
	_, err := h.Task(ctx, "serve", func(ctx context.Context) (pulp.Href, error) {
		change, err := h.Client().UpdateDistribution(ctx, d.Href, body)
		return change.Task, err
	})
	if fault.Is(err, fault.NotFound) {
		return vanished(d, err)
	}
	return err
}
