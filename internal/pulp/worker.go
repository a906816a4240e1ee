// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// Worker is a Pulp worker that is online. One that was killed counts as online for up to 30 s.
type Worker struct {
	Name string
	Task Href // running Pulp task that it works on, not one that is being cancelled; empty: none
}

// Workers gives the workers that are online.
func (c *Client) Workers(ctx context.Context) ([]Worker, error) {
	list, err := c.List(ctx, "workers/", url.Values{"online": {"true"}, "fields": {"name,current_task"}})
	return each(list, func(f Fields) Worker { return Worker{Name: f.text("name"), Task: Href(f.text("current_task"))} }), err
}
