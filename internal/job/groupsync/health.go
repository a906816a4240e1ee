// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/health"
	"github.com/pulp/pulp-manager/internal/job"
)

// health rates the server's repositories, and the server by them.
func (g *group) health(ctx context.Context) error {
	rater := health.Rater{Servers: g.run.Env.Servers, Repositories: g.run.Env.Repositories}
	_, err := job.Stage(ctx, g.run, stageHealth, func(ctx context.Context, p *job.Progress) (job.None, error) {
		rated, err := rater.Server(ctx, g.server.ID, time.Now())
		if err != nil {
			return job.None{}, err
		}
		p.Say(ctx, "%d/%d complete", len(rated.Healths), rated.Meant)
		return job.None{}, g.run.Env.Repositories.SetHealth(ctx, rated.Healths)
	})
	if err != nil {
		return err
	}
	_, err = job.Stage(ctx, g.run, stageRollUp, func(ctx context.Context, p *job.Progress) (job.None, error) {
		rated, err := rater.Server(ctx, g.server.ID, time.Now())
		if err != nil {
			return job.None{}, err
		}
		rolled := rated.RollUp()
		p.Say(ctx, "%s: %s", g.server.Name, orNone(rolled))
		return job.None{}, g.run.Env.Servers.SetServerHealth(ctx, g.server.ID, rolled)
	})
	return err
}

func orNone(h fleet.Health) string {
	if h == "" {
		return "no repository is meant to sync"
	}
	return string(h)
}
