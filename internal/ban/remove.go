// SPDX-License-Identifier: Apache-2.0

package ban

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// remove takes units out of the newest version, and gives the one that comes of it. Of deb packages Pulp takes
// their places in components along. No base version is named: what somebody else adds meanwhile would get
// lost with it, and what comes is looked at in any case.
func (c *cleaning) remove(ctx context.Context, v pulp.RepositoryVersion, units []pulp.Href) (pulp.RepositoryVersion, error) {
	part := 0
	for some := range slices.Chunk(units, maxUnits) {
		step := "remove banned packages"
		if part++; part > 1 {
			step = fmt.Sprintf("%s, part %d", step, part)
		}
		task, err := c.hands.Task(ctx, step, func(ctx context.Context) (pulp.Href, error) {
			return c.hands.Client().Modify(ctx, c.Repository.Repository.Href, pulp.Fields{"remove_content_units": some})
		})
		if err != nil {
			return v, err
		}
		c.done.Task = task.Href
		made, ok := task.CreatedVersion()
		if !ok {
			return v, fault.New(fault.Internal, "repository %s: Pulp took no banned packages out of version %d: not published", c.Repository.Name, v.Number).
				WithHint("somebody else may be changing the repository: run it again; what was served before is served on")
		}
		c.made = append(c.made, made)
		v.Href = made
	}
	err := c.hands.Try(ctx, func(ctx context.Context) error {
		var err error
		v, err = c.hands.Client().Version(ctx, v.Href)
		return err
	})
	c.versions = append([]pulp.RepositoryVersion{v}, c.versions...)
	return v, err
}

// tidy finds out whether the cleaned version shows anything new, and deletes what this run made in vain.
func (c *cleaning) tidy(ctx context.Context, clean pulp.RepositoryVersion) error {
	same := func(other pulp.RepositoryVersion) (bool, error) { return c.same(ctx, other, clean) }
	served, rest := c.find(pulp.Href(c.Repository.Served)), c.rest()
	if served.Href != "" {
		alike, err := same(served)
		if err != nil {
			return err
		}
		if alike {
			c.done.Serve = served.Href
		}
	}
	drop := c.done.Serve == rest.Href && rest.Href != ""
	if rest.Href != served.Href && rest.Number > 0 { // others have made versions since: the newest of theirs may have banned packages
		alike, err := same(rest)
		if err != nil {
			return err
		}
		if drop = alike; alike && c.done.Serve == clean.Href {
			c.done.Serve = rest.Href
		}
	}
	if drop {
		c.done.Newest = rest.Href
	}
	return c.delete(ctx, clean, drop)
}

// find gives the version of that href; a zero one where there is none.
func (c *cleaning) find(href pulp.Href) pulp.RepositoryVersion {
	for _, v := range c.versions {
		if v.Href == href {
			return v
		}
	}
	return pulp.RepositoryVersion{}
}

// rest gives the newest version that this run has not made: what it made may be deleted, what others made not.
func (c *cleaning) rest() pulp.RepositoryVersion {
	for _, v := range c.versions {
		if !slices.Contains(c.made, v.Href) {
			return v
		}
	}
	return pulp.RepositoryVersion{}
}

// delete deletes what this run made but the clean version, and that one last, if at all: at no time a version with
// banned packages is the newest one again. What is served, or pinned by somebody, Pulp keeps.
func (c *cleaning) delete(ctx context.Context, clean pulp.RepositoryVersion, cleanToo bool) error {
	doomed := slices.Clone(c.made)
	slices.SortFunc(doomed, func(a, b pulp.Href) int {
		_, x, _ := a.VersionNumber()
		_, y, _ := b.VersionNumber()
		return cmp.Compare(x, y)
	})
	for _, href := range slices.Compact(doomed) {
		if (href == clean.Href && !cleanToo) || href == pulp.Href(c.Repository.Served) || !c.there(href) {
			continue
		}
		_, number, _ := href.VersionNumber()
		_, err := c.hands.Task(ctx, fmt.Sprintf("delete version %d", number), func(ctx context.Context) (pulp.Href, error) {
			return c.hands.Client().DeleteVersion(ctx, href)
		})
		switch {
		case err == nil, fault.Is(err, fault.NotFound):
		case !fault.Is(err, fault.Invalid):
			return err
		case href == clean.Href: // Pulp keeps it
			c.done.Newest = href
		}
	}
	return nil
}

// there tells whether a version this run made may still be there: earlier attempts may have deleted it, and
// versions in the midst of a removal by parts are not listed.
func (c *cleaning) there(href pulp.Href) bool {
	return c.find(href).Href != "" || !slices.Contains(c.Cleaned, href) && href != c.Synced
}
