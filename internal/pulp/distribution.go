// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// Distribution serves a repository, a repository version or a publication, at most
// one of them, below a path.
type Distribution struct {
	Href              Href
	Name              string
	BasePath          string
	BaseURL           string // "" for containers; may be relative
	Repository        Href
	RepositoryVersion Href
	Publication       Href
	Labels            map[string]string
	Object            // the whole object
}

func newDistribution(f Fields) Distribution {
	return Distribution{
		Href:              f.Href(),
		Name:              f.text("name"),
		BasePath:          f.text("base_path"),
		BaseURL:           f.text("base_url"),
		Repository:        f.href("repository"),
		RepositoryVersion: f.href("repository_version"),
		Publication:       f.href("publication"),
		Labels:            f.labels(),
		Object:            Keep(f),
	}
}

// Distributions lists the distributions of a kind, such as "deb/apt" or
// "python/pypi"; "" lists those of all kinds, without their publications.
func (c *Client) Distributions(ctx context.Context, kind string, q url.Values) ([]Distribution, error) {
	list, err := c.List(ctx, collection("distributions/"+kind), q)
	return each(list, newDistribution), err
}

// Distribution reads one distribution.
func (c *Client) Distribution(ctx context.Context, href Href) (Distribution, error) {
	f, err := c.read(ctx, "read distribution", href)
	return newDistribution(f), err
}

// CreateDistribution starts creating a distribution. Pulp accepts something of
// another type to serve, and two equal requests at once, of which one task fails.
func (c *Client) CreateDistribution(ctx context.Context, kind string, body Fields) (Href, error) {
	return c.start(ctx, naming("create", kind, "distribution", body), c.api+collection("distributions/"+kind), body)
}

// UpdateDistribution changes the fields given. Of repository, repository_version
// and publication the unused ones must be sent as nil.
func (c *Client) UpdateDistribution(ctx context.Context, href Href, body Fields) (Change, error) {
	return c.update(ctx, "change distribution", href, body)
}

// DeleteDistribution deletes a distribution. It gives the task.
func (c *Client) DeleteDistribution(ctx context.Context, href Href) (Href, error) {
	return c.remove(ctx, "delete distribution", href)
}
