// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"fmt"
	"net/url"
)

// Repository is a repository as Pulp describes it.
type Repository struct {
	Href          Href
	Remote        Href // "" when none is set
	LatestVersion Href
	VersionsHref  Href
	Name          string
	Description   string
	Labels        map[string]string
	Object        // the whole object
}

func newRepository(f Fields) Repository {
	return Repository{
		Href:          f.Href(),
		Remote:        f.href("remote"),
		LatestVersion: f.href("latest_version_href"),
		VersionsHref:  f.href("versions_href"),
		Name:          f.text("name"),
		Description:   f.text("description"),
		Labels:        f.labels(),
		Object:        Keep(f),
	}
}

// Repositories lists the repositories of a kind, such as "deb/apt"; "" lists
// those of all kinds, with their common fields only.
func (c *Client) Repositories(ctx context.Context, kind string, q url.Values) ([]Repository, error) {
	list, err := c.List(ctx, collection("repositories/"+kind), q)
	return each(list, newRepository), err
}

// Repository reads one repository.
func (c *Client) Repository(ctx context.Context, href Href) (Repository, error) {
	f, err := c.read(ctx, "read repository", href)
	return newRepository(f), err
}

// CreateRepository creates a repository of a kind. A name that any repository of
// any kind has already is Invalid; see IsNotUnique.
func (c *Client) CreateRepository(ctx context.Context, kind string, body Fields) (Repository, error) {
	f, err := c.create(ctx, naming("create", kind, "repository", body), collection("repositories/"+kind), body)
	return newRepository(f), err
}

// UpdateRepository changes the fields given. It waits in Pulp for a running sync.
func (c *Client) UpdateRepository(ctx context.Context, href Href, body Fields) (Change, error) {
	return c.update(ctx, "change repository", href, body)
}

// DeleteRepository deletes a repository with its versions and publications, even
// when they are being served. It gives the task.
func (c *Client) DeleteRepository(ctx context.Context, href Href) (Href, error) {
	return c.remove(ctx, "delete repository", href)
}

// Sync starts a sync. Options differ by type: "mirror", "sync_policy", "optimize"…
func (c *Client) Sync(ctx context.Context, repository Href, options Fields) (Href, error) {
	return c.startAt(ctx, "sync repository", repository, "sync/", options)
}

// Modify starts adding and removing content. A version results only if something
// changed.
func (c *Client) Modify(ctx context.Context, repository Href, body Fields) (Href, error) {
	return c.startAt(ctx, "modify repository", repository, "modify/", body)
}

// RemoveContent starts removing content, with what only that needs, from a repository of a type that has no
// "modify/": container. A version results only if something changed.
func (c *Client) RemoveContent(ctx context.Context, repository Href, units []Href) (Href, error) {
	return c.startAt(ctx, "remove content of repository", repository, "remove/", Fields{"content_units": units})
}

// Copy starts copying content between repositories of a plugin, "deb" or "rpm".
func (c *Client) Copy(ctx context.Context, plugin string, body Fields) (Href, error) {
	return c.start(ctx, "copy "+plugin+" content", c.api+collection(plugin+"/copy"), body)
}

// naming says what is done to which object, for error texts.
func naming(verb, kind, noun string, body Fields) string {
	if name := body.text("name"); name != "" {
		return fmt.Sprintf("%s %s %s %q", verb, kind, noun, name)
	}
	return fmt.Sprintf("%s %s %s", verb, kind, noun)
}

func each[T any](list []Fields, from func(Fields) T) []T {
	out := make([]T, 0, len(list))
	for _, f := range list {
		out = append(out, from(f))
	}
	return out
}
