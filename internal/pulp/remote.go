// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// Remote is where a repository syncs from. Pulp never gives a secret back.
type Remote struct {
	Href   Href
	Name   string
	URL    string
	Labels map[string]string

	// Hidden tells of each secret whether it is set (Pulp 3.22; nil before).
	Hidden map[string]bool

	Object // the whole object, but for hidden_fields
}

func newRemote(f Fields) Remote {
	out := Remote{
		Href:   f.Href(),
		Name:   f.text("name"),
		URL:    f.text("url"),
		Labels: f.labels(),
	}
	if _, ok := f["hidden_fields"].([]any); ok {
		out.Hidden = map[string]bool{}
		for _, hidden := range f.objects("hidden_fields") {
			out.Hidden[hidden.text("name")] = hidden.flag("is_set")
		}
		delete(f, "hidden_fields") // half of the object, and said already
	}
	out.Object = Keep(f)
	return out
}

// Remotes lists the remotes of a kind, such as "deb/apt"; "" lists those of all
// kinds, with their common fields only.
func (c *Client) Remotes(ctx context.Context, kind string, q url.Values) ([]Remote, error) {
	list, err := c.List(ctx, collection("remotes/"+kind), q)
	return each(list, newRemote), err
}

// Remote reads one remote.
func (c *Client) Remote(ctx context.Context, href Href) (Remote, error) {
	f, err := c.read(ctx, "read remote", href)
	return newRemote(f), err
}

// CreateRemote creates a remote of a kind.
func (c *Client) CreateRemote(ctx context.Context, kind string, body Fields) (Remote, error) {
	f, err := c.create(ctx, naming("create", kind, "remote", body), collection("remotes/"+kind), body)
	return newRemote(f), err
}

// UpdateRemote changes the fields given. It waits in Pulp for syncs that use it.
func (c *Client) UpdateRemote(ctx context.Context, href Href, body Fields) (Change, error) {
	return c.update(ctx, "change remote", href, body)
}

// DeleteRemote deletes a remote; repositories that used it have none afterwards.
// It gives the task.
func (c *Client) DeleteRemote(ctx context.Context, href Href) (Href, error) {
	return c.remove(ctx, "delete remote", href)
}
