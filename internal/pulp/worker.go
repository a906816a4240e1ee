// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
)

// WorkerOf gives the name of the online worker that works on a Pulp task; empty: none does, so that one which shows as
// running has lost its worker. Known is false where the server does not tell what its workers work on.
func (c *Client) WorkerOf(ctx context.Context, task Href) (name string, known bool, err error) {
	list, err := c.List(ctx, "workers/", url.Values{"online": {"true"}, "fields": {"name,current_task"}})
	if err != nil {
		return "", false, err
	}
	for _, f := range list {
		if _, told := f["current_task"]; !told {
			continue
		}
		known = true
		if current := Href(f.text("current_task")); current != "" && current.ID() == task.ID() {
			return f.text("name"), true, nil
		}
	}
	return "", known, nil
}
