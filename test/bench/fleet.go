// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

const (
	fleetRepositories = 200
	fleetConcurrency  = 8
	fleetWorkers      = 32 // of the simulated Pulp: never the limit
)

// simulatedFleet syncs a simulated fleet whose requests and Pulp tasks take seeded times, beside the simulator's ideal of the same times.
func simulatedFleet(ctx context.Context, o options, r *result) (err error) {
	times := fleetTimes{seed: o.seed}
	s, err := simulate(ctx, o, "fleet", fleetRepositories, pulpfake.Options{
		Name: "fleet", Seed: o.seed, Workers: fleetWorkers, Delay: times.request, TaskDuration: times.pulpTask,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.daemon.register(ctx, s.server()); err != nil {
		return err
	}
	s.fake.ForgetRequests()
	wall, err := s.daemon.sync(ctx, s.server(), fleetConcurrency)
	if err != nil {
		return err
	}
	requests := s.count()
	var chains [][]step
	for _, name := range s.fake.Names("repositories") {
		chains = append(chains, times.chain(s.fake, name))
	}
	if len(chains) != fleetRepositories {
		return errors.New("the simulated server does not have the repositories that were to be synced")
	}
	ideal := makespan(chains, fleetConcurrency, fleetWorkers).Seconds()
	now, most := s.daemon.memory()
	r.Details["requests"], r.Details["memory_mb"], r.Details["memory_most_mb"] = requests, now, most
	r.add(figure{Name: "first group sync of 200 simulated, c=8, ÷ the simulator's ideal", Measured: wall / ideal, Unit: "×", Goal: 1.15})
	r.add(figure{Name: "first group sync of 200 simulated, c=8", Measured: wall, Unit: "s", Free: true})
	r.add(figure{Name: "the simulator's ideal of that", Measured: ideal, Unit: "s", Free: true})
	r.add(figure{Name: "requests a repository, first sync of 200 simulated, without polls", Measured: float64(requests.withoutPolls()) / fleetRepositories, Goal: 6, Original: "14 (polls among them)"})
	r.add(figure{Name: "polls of the first sync of 200 simulated", Measured: float64(requests.Polls), Free: true})
	r.add(figure{Name: "most memory (RSS), 200 simulated", Measured: most, Unit: "MB", Goal: 100})
	return s.fake.Check()
}

// fleetTimes are the seeded times: the same for the simulated server and for the simulator.
type fleetTimes struct {
	seed   uint64
	longer int // how many times longer Pulp tasks take; 0: as they are
}

// pulpTask is how long a Pulp task takes. Syncs take 0.5 to 4 s, publications 0.2 to 1 s, all else nothing.
func (t fleetTimes) pulpTask(task, repository string) time.Duration {
	longer := time.Duration(max(t.longer, 1))
	switch {
	case strings.Contains(task, "synchronize"):
		return longer * t.between(500*time.Millisecond, 4*time.Second, "sync", repository)
	case strings.Contains(task, "publish"):
		return longer * t.between(200*time.Millisecond, time.Second, "publish", repository)
	}
	return 0
}

// request is how long a request takes before it is handled: 5 to 30 ms, by its kind.
func (t fleetTimes) request(op string) time.Duration {
	return t.between(5*time.Millisecond, 30*time.Millisecond, "request", op)
}

func (t fleetTimes) between(least, most time.Duration, what ...string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.Join(what, "\x00")))
	return least + time.Duration(rand.New(rand.NewPCG(t.seed, h.Sum64())).Int64N(int64(most-least)))
}

// chain is what syncing one repository cannot do without: the request that starts the sync, the sync, the request that starts
// the publication, the publication, and, where the distribution does not follow its repository, the request that points it there.
func (t fleetTimes) chain(fake *pulpfake.Server, name string) []step {
	path := ""
	for _, kind := range kinds {
		if fake.Object("remotes/"+kind.path, name) != nil {
			path = kind.path
		}
	}
	return t.steps(path, name)
}

// steps are those of a repository whose type has a path in Pulp's API.
func (t fleetTimes) steps(path, name string) []step {
	chain := []step{
		{t.request("POST repositories/" + path + "/{}/sync/"), false},
		{t.pulpTask("synchronize", name), true},
		{t.request("POST publications/" + path + "/"), false},
		{t.pulpTask("publish", name), true},
	}
	if !strings.HasPrefix(path, "deb/") {
		chain = append(chain, step{t.request("PATCH distributions/" + path + "/{}/"), false})
	}
	return chain
}
