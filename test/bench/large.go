// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

const largeDefinitions = 5000

// large measures what looking at a simulated server of 5,000 definitions costs when nothing has changed.
func large(ctx context.Context, o options, r *result) (err error) {
	s, err := simulate(ctx, o, "large", largeDefinitions, pulpfake.Options{Name: "large", Seed: o.seed, Workers: 16})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	first, err := s.daemon.register(ctx, s.server())
	if err != nil {
		return err
	}
	s.fake.ForgetRequests()
	again, err := s.daemon.register(ctx, s.server())
	if err != nil {
		return err
	}
	same := s.count()
	r.Details["no_change"] = same
	_, most := s.daemon.memory()
	r.add(figure{Name: "no-change registration of 5,000 definitions", Measured: again, Unit: "s", Goal: 5})
	r.add(figure{Name: "requests, no-change registration of 5,000 definitions", Measured: float64(same.All), Goal: 30, Original: "15,000"})
	r.add(figure{Name: "writes, no-change registration of 5,000 definitions", Measured: float64(same.Writes), Goal: 0})
	r.add(figure{Name: "first registration of 5,000 definitions", Measured: first, Unit: "s", Free: true})
	r.add(figure{Name: "most memory (RSS), 5,000 definitions", Measured: most, Unit: "MB", Free: true})
	return nil
}
