// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
	"time"
)

// Process is one of the daemon's processes, on any machine.
type Process struct {
	ID       int64     `json:"id"`
	Owner    string    `json:"owner"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Roles    string    `json:"roles"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	LastSeen time.Time `json:"last_seen"`
	Alive    bool      `json:"alive"`
}

// Processes gives one page of the processes. It is for administrators. The query is the API's.
func (c *Client) Processes(ctx context.Context, query url.Values) (Page[Process], error) {
	return get[Page[Process]](ctx, c, "/v1/processes/", query)
}
