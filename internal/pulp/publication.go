// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
	"time"
)

// Publication is a repository version with the metadata to serve it.
type Publication struct {
	Href              Href
	Repository        Href
	RepositoryVersion Href
	Created           time.Time
	Fields            Fields // the whole object
}

func newPublication(f Fields) Publication {
	return Publication{
		Href:              f.Href(),
		Repository:        f.href("repository"),
		RepositoryVersion: f.href("repository_version"),
		Created:           f.time("pulp_created"),
		Fields:            f,
	}
}

// Publications lists the publications of a kind, such as "deb/apt" or
// "deb/verbatim".
func (c *Client) Publications(ctx context.Context, kind string, q url.Values) ([]Publication, error) {
	list, err := c.List(ctx, collection("publications/"+kind), q)
	return each(list, newPublication), err
}

// Publication reads one publication.
func (c *Client) Publication(ctx context.Context, href Href) (Publication, error) {
	f, err := c.read(ctx, "read publication", href)
	return newPublication(f), err
}

// CreatePublication starts publishing a repository or one of its versions.
func (c *Client) CreatePublication(ctx context.Context, kind string, body Fields) (Href, error) {
	return c.start(ctx, "create "+kind+" publication", c.api+collection("publications/"+kind), body)
}

// DeletePublication deletes a publication at once, even when it is being served.
func (c *Client) DeletePublication(ctx context.Context, href Href) error {
	_, err := c.remove(ctx, "delete publication", href)
	return err
}
