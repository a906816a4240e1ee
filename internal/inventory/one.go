// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// TakeOne is Take for one name of one type; no other type is asked for.
func TakeOne(ctx context.Context, c *pulp.Client, server fleet.ServerName, kind fleet.RepositoryType, name string) (*Picture, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	p := NewPicture(server, status)
	for _, t := range p.Types {
		if t.Name != kind {
			continue
		}
		if err := p.take(ctx, c, t, everyList, []string{name}); err != nil {
			return nil, err
		}
	}
	p.sort()
	return p, nil
}
