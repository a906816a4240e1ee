// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// told is a store that tells what a test wants.
type told struct {
	vitals       fleet.Vitals
	repositories []fleet.RepositoryVitals
	err          error
	asked        atomic.Int64
	wait         chan struct{} // Vitals answers once it is closed; nil: at once
}

func (s *told) Vitals(ctx context.Context) (fleet.Vitals, error) {
	s.asked.Add(1)
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
			return fleet.Vitals{}, ctx.Err()
		}
	}
	return s.vitals, s.err
}

func (s *told) EachRepository(_ context.Context, fn func(fleet.RepositoryVitals) error) error {
	for _, r := range s.repositories {
		if err := fn(r); err != nil {
			return err
		}
	}
	return nil
}

var errGone = errors.New("gone")

func pointer[T any](v T) *T { return &v }

// moment is the store's now, in another zone than that of the moments before it.
var moment = time.Date(2026, 3, 29, 1, 30, 0, 0, time.FixedZone("", 2*3600))

func before(d time.Duration) time.Time { return moment.Add(-d).UTC() }

// oneOfEach is a fleet in which everything occurs that there are metrics of.
func oneOfEach() *told {
	return &told{
		vitals: fleet.Vitals{
			Now: moment,
			Servers: []fleet.ServerVitals{
				{
					ID: 7, Name: "pulp-primary:80", Health: fleet.Red, HealthDate: before(72 * time.Hour),
					State: fleet.ServerState{
						Server: 7, Checked: before(10 * time.Second), Reachable: true, DatabaseConnected: pointer(true), RedisConnected: pointer(false),
						Workers: 3, TasksWaiting: 2, TasksRunning: 1, OldestWaiting: before(90 * time.Second), ResponseTime: 20 * time.Millisecond,
						StorageTotal: pointer(int64(1 << 40)), StorageUsed: pointer(int64(5)), StorageFree: pointer(int64(6)),
						Use: fleet.ServerUse{Breaker: fleet.BreakerHalfOpen, Waiting: 4, Syncs: 2, Concurrency: 8},
					},
					Repositories: map[fleet.Health]int{fleet.Red: 1, "": 1}, Tasks: map[fleet.TaskState]int{fleet.Completed: 5, fleet.Failed: 1}, Locks: 1,
				},
				{
					ID: 8, Name: "down.example.com",
					State: fleet.ServerState{Server: 8, Checked: before(time.Second), DatabaseConnected: pointer(true), Use: fleet.ServerUse{Breaker: fleet.BreakerOpen}},
				},
				{ID: 9, Name: "new.example.com"},
			},
			Schedules: []fleet.ScheduleVitals{
				{Server: "pulp-primary:80", Group: "all", Kind: fleet.KindRepoGroupSync, NextRun: before(30 * time.Second), LastState: fleet.Completed},
				{Server: "pulp-primary:80", Kind: fleet.KindRegister, NextRun: before(time.Hour), Paused: true, LastState: fleet.Failed},
				{Server: "new.example.com", Kind: fleet.KindRegister, LastState: fleet.Running},
			},
			Processes: []fleet.Process{{Host: "one", Roles: "api worker", Alive: true}, {Host: "one", Roles: "api worker"}, {Host: "two", Roles: "worker"}},
			Queued:    3, Running: 2, Waited: 61 * time.Second, Jobs: map[string]int{"available": 3, "running": 2},
		},
		repositories: []fleet.RepositoryVitals{
			{Server: 7, Name: "ext-nodejs.org", Remote: true, Health: fleet.Red, HealthDate: before(26 * time.Hour), LastSuccess: before(50 * time.Hour), Created: before(1000 * time.Hour)},
			{Server: 7, Name: "own \"\\\n", Created: before(time.Hour)},
			{Server: 99, Name: "of a server that has just come"},
		},
	}
}

// expectDay expects a success a day of every repository.
func expectDay(*fleet.Vitals) func(fleet.ServerID, string) float64 {
	return func(fleet.ServerID, string) float64 { return 24 * 3600 }
}

// many is a fleet with so many repositories.
func many(servers, each int) *told {
	s := &told{vitals: fleet.Vitals{Now: moment}}
	for i := range servers {
		id := fleet.ServerID(i + 1)
		s.vitals.Servers = append(s.vitals.Servers, fleet.ServerVitals{
			ID: id, Name: fleet.ServerName(fmt.Sprintf("pulp%d.example.com", id)), Repositories: map[fleet.Health]int{fleet.Green: each},
		})
		for j := range each {
			s.repositories = append(s.repositories, fleet.RepositoryVitals{
				Server: id, Name: fmt.Sprintf("ext-debian-bookworm-%05d", j), Remote: true, Health: fleet.Green, HealthDate: before(time.Hour), LastSuccess: before(time.Hour),
			})
		}
	}
	return s
}
