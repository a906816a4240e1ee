// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

const simulatedDefinitions = 1000

// requests counts what a simulated server of 1,000 definitions is asked.
func requests(ctx context.Context, o options, r *result) (err error) {
	s, err := simulate(ctx, o, "requests", simulatedDefinitions, pulpfake.Options{Name: "requests", Seed: o.seed, Workers: 8})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	first, err := s.daemon.register(ctx, s.server())
	if err != nil {
		return err
	}
	made := s.count()
	s.fake.ForgetRequests()
	again, err := s.daemon.register(ctx, s.server())
	if err != nil {
		return err
	}
	same := s.count()
	r.Details["first"], r.Details["no_change"] = made, same
	_, most := s.daemon.memory()
	r.add(figure{Name: "requests, no-change registration of 1,000 definitions", Measured: float64(same.All), Goal: 30, Original: "3,000"})
	r.add(figure{Name: "writes, no-change registration of 1,000 definitions", Measured: float64(same.Writes), Goal: 0})
	r.add(figure{Name: "requests a definition, first registration of 1,000, without polls", Measured: float64(made.withoutPolls()) / simulatedDefinitions, Free: true, Original: "9.1 (polls among them)"})
	r.add(figure{Name: "no-change registration of 1,000 definitions", Measured: again, Unit: "s", Free: true})
	r.add(figure{Name: "first registration of 1,000 definitions", Measured: first, Unit: "s", Free: true})
	r.add(figure{Name: "most memory (RSS), 1,000 definitions", Measured: most, Unit: "MB", Goal: 100})
	return nil
}

// simulation is a daemon with a simulated Pulp server and an upstream, which live in this process.
type simulation struct {
	fake   *pulpfake.Server
	daemon *daemon
	end    []func()
}

func simulate(ctx context.Context, o options, name string, repositories int, shape pulpfake.Options) (_ *simulation, err error) {
	s := &simulation{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	dir, binary, remove, err := workspace(ctx, o, name)
	if err != nil {
		return s, err
	}
	s.end = append(s.end, remove)
	upstream := pulpfake.NewUpstream()
	feeds, stop, err := upstream.Listen("127.0.0.1:0")
	if err != nil {
		return s, err
	}
	s.end = append(s.end, stop)
	upstream.Add("deb", pulpfake.Spec{Kind: pulpfake.DebTree, Suite: suite, Packages: []pulpfake.Package{{Name: "alpha", Version: "1.0"}, {Name: "beta", Version: "1.0"}}})
	upstream.Add("rpm", pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: "1.0"}}})
	upstream.Add("file", pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "one.txt", Body: "one"}}})
	s.fake = pulpfake.New(shape)
	s.end = append(s.end, s.fake.Close)
	if _, err := s.fake.Listen("127.0.0.1:0"); err != nil {
		return s, err
	}
	if err := configure(dir, s.server(), feeds, repositories); err != nil {
		return s, err
	}
	s.daemon, err = serve(ctx, binary, dir)
	return s, err
}

func (s *simulation) server() string { return strings.TrimPrefix(s.fake.Base(), "http://") }

// count counts the requests the simulated server got since they were last forgotten.
func (s *simulation) count() counted {
	var c counted
	for _, request := range s.fake.Requests() {
		c.add(request.Method, request.Path)
	}
	return c
}

func (s *simulation) close() (err error) {
	if s.daemon != nil {
		err = s.daemon.stop()
	}
	for i := len(s.end) - 1; i >= 0; i-- {
		s.end[i]()
	}
	return err
}
