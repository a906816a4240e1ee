// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"context"
	"net/url"
	"time"
)

// Queue is how much a server's workers have to do, whoever asked for it.
type Queue struct {
	Waiting int
	Running int
	Oldest  time.Time // when the task that waits longest was created; zero: none waits
}

// Queue counts a server's tasks with two small requests.
func (c *Client) Queue(ctx context.Context) (Queue, error) {
	waiting, err := c.page(ctx, "tasks/", url.Values{
		"state": {string(Waiting)}, "limit": {"1"}, "ordering": {"pulp_created"}, "fields": {"pulp_created"},
	})
	if err != nil {
		return Queue{}, err
	}
	running, err := c.page(ctx, "tasks/", url.Values{
		"state__in": {string(Running) + "," + string(Canceling)}, "limit": {"1"}, "fields": {"pulp_created"},
	})
	if err != nil {
		return Queue{}, err
	}
	q := Queue{Waiting: waiting.Count, Running: running.Count}
	if len(waiting.Results) > 0 {
		q.Oldest = waiting.Results[0].time("pulp_created")
	}
	return q, nil
}

// Watch has fn called after each exchange, besides Config.Observe. Call it before the first request.
func (c *Client) Watch(fn func(Observation)) {
	before := c.observe
	c.observe = func(o Observation) {
		if before != nil {
			before(o)
		}
		fn(o)
	}
}
