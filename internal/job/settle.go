// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Settle finishes what an earlier attempt at this stage left under way on a server: it waits
// for each Pulp task that was asked for. A stage that looks at the server anew and decides from
// what it sees does this first; what it asks for then is asked for anew, whatever earlier
// steps of the same name came to.
func (p *Progress) Settle(ctx context.Context, s *Server) error {
	if !p.resumed {
		return nil
	}
	all, err := p.run.Env.Requests.Requests(ctx, p.id)
	if err != nil {
		return err
	}
	for i := range all {
		row := &all[i]
		if row.State != fleet.RequestOpen || row.Server != s.ID {
			continue
		}
		if row.Href == "" {
			if err := p.run.find(ctx, p, s, row, s.limit-row.Age); err != nil {
				return err
			}
		}
		if row.State != fleet.RequestOpen {
			continue
		}
		if _, err := p.finish(ctx, s, row); err != nil && ctx.Err() != nil {
			return err
		}
	}
	p.settled = true
	return nil
}
