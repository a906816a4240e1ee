// SPDX-License-Identifier: Apache-2.0

// Package health rates repositories and servers from what the store knows. It asks no Pulp server.
package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Each is how often the health of all servers is looked at: it gets worse with time alone, when
// syncs do not come any more.
const Each = 5 * time.Minute

// Rater rates the repositories of servers.
type Rater struct {
	Servers      fleet.Servers
	Repositories fleet.Repositories
	Log          *slog.Logger
}

// Run looks at the health of all servers now and then, and stores what is no longer so, until the context
// ends.
func (r Rater) Run(ctx context.Context) {
	ticker := time.NewTicker(Each)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := r.All(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.Log.Error("health not looked at", "err", err)
		}
	}
}

// All rates all servers as of now and stores what has changed. One that cannot be rated keeps none of the
// others from it.
func (r Rater) All(ctx context.Context, now time.Time) error {
	const size = 1000
	var errs []error
	for page := 1; ; page++ {
		servers, err := r.Servers.FindServers(ctx, fleet.Query{Page: page, Size: size})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, s := range servers.Items {
			if err := r.again(ctx, s, now); err != nil {
				errs = append(errs, fmt.Errorf("server %s: %w", s.Name, err))
			}
		}
		if page*size >= servers.Total || len(servers.Items) == 0 || ctx.Err() != nil {
			return errors.Join(errs...)
		}
	}
}

func (r Rater) again(ctx context.Context, s fleet.Server, now time.Time) error {
	rated, err := r.Server(ctx, s.ID, now)
	if err != nil {
		return err
	}
	if changed := rated.Changed(); len(changed) > 0 {
		if err := r.Repositories.SetHealth(ctx, changed); err != nil {
			return err
		}
	}
	if rolled := rated.RollUp(); rolled != s.Health {
		return r.Servers.SetServerHealth(ctx, s.ID, rolled)
	}
	return nil
}

// Rated is the health of a server's repositories.
type Rated struct {
	Healths map[fleet.RepositoryID]fleet.Health // of those that have one
	Meant   int                                 // how many are meant to sync

	before map[fleet.RepositoryID]fleet.Health
}

// Server gives the health of each repository of a server that is meant to sync and ever was.
func (r Rater) Server(ctx context.Context, id fleet.ServerID, now time.Time) (Rated, error) {
	rows, err := r.Repositories.ServerRepositories(ctx, id)
	if err != nil {
		return Rated{}, err
	}
	expected, err := r.expectations(ctx, id, now)
	if err != nil {
		return Rated{}, err
	}
	rated := Rated{Healths: map[fleet.RepositoryID]fleet.Health{}, before: map[fleet.RepositoryID]fleet.Health{}}
	for _, row := range rows {
		rated.before[row.ID] = row.Health
		if !row.HasRemote() {
			continue
		}
		rated.Meant++
		if h := fleet.RepositoryHealth(row, expected.of(row.Name), now); h != "" {
			rated.Healths[row.ID] = h
		}
	}
	return rated, nil
}

// Changed gives the healths that are not those stored; an empty one where there is none any more.
func (r Rated) Changed() map[fleet.RepositoryID]fleet.Health {
	changed := map[fleet.RepositoryID]fleet.Health{}
	for id, before := range r.before {
		if r.Healths[id] != before {
			changed[id] = r.Healths[id]
		}
	}
	return changed
}

// RollUp gives the server's health.
func (r Rated) RollUp() fleet.Health {
	var all []fleet.Health
	for _, h := range r.Healths {
		all = append(all, h)
	}
	return fleet.RollUp(all)
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

func (r Rater) expectations(ctx context.Context, id fleet.ServerID, now time.Time) (expectations, error) {
	page, err := r.Servers.FindServerGroups(ctx, id, fleet.Query{Page: 1, Size: 10000})
	if err != nil {
		return nil, err
	}
	var all expectations
	for _, g := range page.Items {
		if g.Schedule == "" {
			continue
		}
		s, err := expectation(g, now)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "group %s: %s", g.Group.Name, fault.Message(err))
		}
		all = append(all, s)
	}
	return all, nil
}

// Expected gives how old the last success of a server's repository may become, by the most frequent of the schedules that sync
// it: a period and a run. 0: nothing is expected. Groups that cannot be understood expect nothing.
func Expected(groups []fleet.ServerGroup, now time.Time) func(server fleet.ServerID, repository string) time.Duration {
	all := map[fleet.ServerID]expectations{}
	known := map[string]scheduled{} // servers have many a group in common
	for _, g := range groups {
		if g.Schedule == "" {
			continue
		}
		key := fmt.Sprintf("%q %q %q %q", g.Schedule, g.MaxRuntime, g.Group.Include, g.Group.Exclude)
		s, ok := known[key]
		if !ok {
			var err error
			if s, err = expectation(g, now); err != nil {
				continue
			}
			known[key] = s
		}
		all[g.Server] = append(all[g.Server], s)
	}
	return func(server fleet.ServerID, repository string) time.Duration {
		e := all[server].of(repository)
		if e.Period <= 0 {
			return 0
		}
		return e.Period + max(e.MaxRuntime, 0)
	}
}

func expectation(g fleet.ServerGroup, now time.Time) (scheduled, error) {
	selection, err := fleet.NewSelection(g.Group.Include, g.Group.Exclude)
	if err != nil {
		return scheduled{}, err
	}
	limit, err := fleet.ParseRuntime(g.MaxRuntime)
	if err != nil {
		return scheduled{}, err
	}
	schedule, err := cron.Parse(g.Schedule)
	if err != nil {
		return scheduled{}, err
	}
	return scheduled{selection, fleet.Expectation{Period: schedule.Period(now), MaxRuntime: limit}}, nil
}
