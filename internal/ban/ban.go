// SPDX-License-Identifier: Apache-2.0

// Package ban takes banned packages, and what names nothing else, out of a repository's newest version before
// anybody publishes it.
package ban

import (
	"context"
	"slices"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Hands are what a repository is cleaned with. A job provides them.
type Hands interface {
	Client() *pulp.Client
	// Try makes a request that is safe to repeat, waiting for the server where it does not answer.
	Try(ctx context.Context, fn func(ctx context.Context) error) error
	// Task makes a request that starts a Pulp task, recorded under step, and waits for the task.
	Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error)
}

// Request is a repository whose newest version is to be cleaned.
type Request struct {
	Repository *inventory.Repository
	Pattern    *fleet.Pattern
	Synced     pulp.Href   // the version that this run's sync made; empty: none
	Cleaned    []pulp.Href // the versions that earlier attempts at cleaning made
	// Look looks at a version as it was synced, before anything is taken out of it: taking out drops what says
	// what upstream has. An error ends the cleaning. May be nil.
	Look func(ctx context.Context, v pulp.RepositoryVersion) error
	// Tell is told what is about to be taken out. May be nil.
	Tell func(ctx context.Context, d Done)
}

// Done tells what cleaning came to.
type Done struct {
	Newest pulp.Href // version, by now; empty: there is none
	// Serve is the version that should be served: the newest, or the one that is served already, where the
	// newest shows nothing else.
	Serve   pulp.Href
	Count   int            // of packages taken out by this attempt
	Removed []content.Unit // the first of them
	With    int            // units that named only such packages, and went with them
	Cleaned bool           // something was taken out, by this attempt or one before
	Task    pulp.Href      // Pulp task that took it out
}

// maxNamed bounds Done.Removed; maxUnits bounds one request that removes (3000 make 220 kB).
const (
	maxNamed = 500
	maxUnits = 5000
)

// Clean takes out of a repository's newest version what the pattern finds, and looks that none is left. Versions
// that this run made and nobody needs are deleted: the one with the banned packages, and the cleaned one where
// it shows what is shown already. Nothing may be published where there is an error.
func Clean(ctx context.Context, h Hands, r Request) (Done, error) {
	c := &cleaning{Request: r, hands: h, made: slices.Clone(r.Cleaned)}
	if r.Synced != "" {
		c.made = append(c.made, r.Synced)
	}
	if err := c.look(ctx); err != nil || len(c.versions) == 0 {
		return Done{}, err
	}
	newest, err := c.clean(ctx, c.versions[0])
	if err != nil {
		return Done{}, err
	}
	c.done.Newest, c.done.Serve = newest.Href, newest.Href
	if c.done.Cleaned = c.done.Count > 0 || len(r.Cleaned) > 0; !c.done.Cleaned {
		return c.done, nil
	}
	return c.done, c.tidy(ctx, newest)
}

// cleaning is one attempt.
type cleaning struct {
	Request
	hands    Hands
	versions []pulp.RepositoryVersion // from the served one on, newest first
	made     []pulp.Href              // by this run
	done     Done
}

// look reads the versions from the served one on; all, where nothing is served.
func (c *cleaning) look(ctx context.Context) error {
	_, from, _ := pulp.Href(c.Repository.Served).VersionNumber()
	return c.hands.Try(ctx, func(ctx context.Context) error {
		var err error
		c.versions, err = c.hands.Client().NewestVersions(ctx, c.Repository.Repository.Href, from)
		return err
	})
}

// clean gives the version that is the newest once nothing banned is left.
func (c *cleaning) clean(ctx context.Context, v pulp.RepositoryVersion) (pulp.RepositoryVersion, error) {
	banned, err := c.banned(ctx, v)
	if err != nil || len(banned) == 0 {
		return v, err
	}
	if len(banned) == v.Present[c.Repository.Type.Units] {
		return v, fault.New(fault.Invalid, "repository %s: banned_package_regex bans all of its %d %ss: not published",
			c.Repository.Name, len(banned), c.Repository.Type.Noun).
			WithHint("correct banned_package_regex, or take the repository's definition away; what was served before is served on")
	}
	if c.Look != nil {
		if err := c.Look(ctx, v); err != nil {
			return v, err
		}
	}
	with, err := c.referring(ctx, v)
	if err != nil {
		return v, err
	}
	if c.done.Removed, err = c.name(ctx, banned[:min(len(banned), maxNamed)]); err != nil {
		return v, err
	}
	c.done.Count, c.done.With = len(banned), len(with)
	if c.Tell != nil {
		c.Tell(ctx, c.done)
	}
	if v, err = c.remove(ctx, v, append(banned, with...)); err != nil {
		return v, err
	}
	left, err := c.banned(ctx, v)
	if err == nil && len(left) > 0 {
		err = fault.New(fault.Internal, "repository %s: version %d still has %d banned %ss after they were taken out: not published",
			c.Repository.Name, v.Number, len(left), c.Repository.Type.Noun).
			WithHint("somebody else may be changing the repository: run it again; what was served before is served on")
	}
	return v, err
}
