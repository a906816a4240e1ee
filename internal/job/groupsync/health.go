// SPDX-License-Identifier: Apache-2.0

package groupsync

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// health rates the server's repositories, and the server by them.
func (g *group) health(ctx context.Context) error {
	_, err := job.Stage(ctx, g.run, stageHealth, func(ctx context.Context, p *job.Progress) (job.None, error) {
		healths, all, err := g.rate(ctx)
		if err != nil {
			return job.None{}, err
		}
		p.Say(ctx, "%d/%d complete", len(healths), all)
		return job.None{}, g.run.Env.Repositories.SetHealth(ctx, healths)
	})
	if err != nil {
		return err
	}
	_, err = job.Stage(ctx, g.run, stageRollUp, func(ctx context.Context, p *job.Progress) (job.None, error) {
		healths, _, err := g.rate(ctx)
		if err != nil {
			return job.None{}, err
		}
		var all []fleet.Health
		for _, h := range healths {
			all = append(all, h)
		}
		rolled := fleet.RollUp(all)
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

// rate gives the health of each repository of the server that is meant to sync.
func (g *group) rate(ctx context.Context) (map[fleet.RepositoryID]fleet.Health, int, error) {
	rows, err := g.run.Env.Repositories.ServerRepositories(ctx, g.server.ID)
	if err != nil {
		return nil, 0, err
	}
	expectations, err := g.expectations(ctx)
	if err != nil {
		return nil, 0, err
	}
	healths := map[fleet.RepositoryID]fleet.Health{}
	meant := 0
	for _, row := range rows {
		if !row.HasRemote() {
			continue
		}
		meant++
		if h := fleet.RepositoryHealth(row, expectations.of(row.Name), time.Now()); h != "" {
			healths[row.ID] = h
		}
	}
	return healths, meant, nil
}

// scheduled is what a group's schedule makes one expect of its repositories.
type scheduled struct {
	selection   fleet.Selection
	expectation fleet.Expectation
}

type expectations []scheduled

// of gives the expectation of the most frequent schedule that syncs a repository.
func (e expectations) of(name string) fleet.Expectation {
	var best fleet.Expectation
	for _, s := range e {
		if chosen, err := s.selection.Matches(name); err != nil || !chosen {
			continue
		}
		if best.Period == 0 || s.expectation.Period < best.Period {
			best = s.expectation
		}
	}
	return best
}

func (g *group) expectations(ctx context.Context) (expectations, error) {
	page, err := g.run.Env.Servers.FindServerGroups(ctx, g.server.ID, fleet.Query{Page: 1, Size: 10000})
	if err != nil {
		return nil, err
	}
	var all expectations
	for _, sg := range page.Items {
		if sg.Schedule == "" {
			continue
		}
		selection, err := fleet.NewSelection(sg.Group.Include, sg.Group.Exclude)
		if err != nil {
			return nil, err
		}
		limit, err := fleet.ParseRuntime(sg.MaxRuntime)
		if err != nil {
			return nil, err
		}
		schedule, err := cron.Parse(sg.Schedule)
		if err != nil {
			return nil, err
		}
		all = append(all, scheduled{selection, fleet.Expectation{Period: schedule.Period(time.Now()), MaxRuntime: limit}})
	}
	return all, nil
}
