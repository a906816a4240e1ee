// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// findContent searches a repository of a server live, over the connection that the jobs use.
func (d *daemon) findContent(ctx context.Context, server fleet.Server, repository fleet.Repository, s inventory.Search) ([]inventory.Found, error) {
	connection, err := d.env.Pulps.Server(server)
	if err != nil {
		return nil, err
	}
	return inventory.Find(ctx, connection.Client, repository, s)
}

// closePulps logs out of the servers that searches logged in to, in a process without a worker, which does that
// itself.
func (d *daemon) closePulps(ctx context.Context) {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := d.env.Pulps.Close(limit); err != nil {
		d.log.Info("not logged out of every server", "err", err)
	}
}
