// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

const mirroredRepositories = 1000

// unchanged mirrors a secondary of 1,000 repositories of which nothing has changed on the primary.
func unchanged(ctx context.Context, o options, r *result) (err error) {
	primary := pulpfake.Options{Name: "primary", Seed: o.seed, Workers: 8}
	s, err := simulate(ctx, o, "unchanged", mirroredRepositories, primary)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	second, err := s.secondary(ctx, pulpfake.Options{Name: "secondary", Seed: o.seed + 1, Workers: 8})
	if err != nil {
		return err
	}
	mirror := func() (float64, error) {
		return s.daemon.ask(ctx, address(second), "sync_repos", map[string]any{
			"max_runtime": "1h", "max_concurrent_syncs": 8, "regex_include": "^ext-", "source_pulp_server_name": s.server(),
		})
	}
	if _, err := s.daemon.register(ctx, s.server()); err != nil {
		return err
	}
	if _, err := s.daemon.sync(ctx, s.server(), 8); err != nil {
		return err
	}
	first, err := mirror()
	if err != nil {
		return err
	}
	s.fake.ForgetRequests()
	second.ForgetRequests()
	tasks := len(s.fake.Tasks()) + len(second.Tasks())
	again, err := mirror()
	if err != nil {
		return err
	}
	asked := counted{}
	for _, fake := range []*pulpfake.Server{s.fake, second} {
		for _, request := range fake.Requests() {
			asked.add(request.Method, request.Path)
		}
	}
	if n := len(second.Names("repositories")); n != mirroredRepositories {
		return fmt.Errorf("the secondary has %d repositories", n)
	}
	_, most := s.daemon.memory()
	r.Details["no_change"] = asked
	r.add(figure{Name: "requests to both servers, no-change mirroring of 1,000", Measured: float64(asked.All), Goal: 30})
	r.add(figure{Name: "Pulp tasks, no-change mirroring of 1,000", Measured: float64(len(s.fake.Tasks()) + len(second.Tasks()) - tasks), Goal: 0})
	r.add(figure{Name: "no-change mirroring of 1,000", Measured: again, Unit: "s", Goal: 5})
	r.add(figure{Name: "first mirroring of 1,000, c=8", Measured: first, Unit: "s", Free: true})
	r.add(figure{Name: "most memory (RSS), 1,000 mirrored", Measured: most, Unit: "MB", Goal: 200})
	return nil
}

// secondary adds a second simulated server to the configuration, and waits until the daemon knows it.
func (s *simulation) secondary(ctx context.Context, shape pulpfake.Options) (*pulpfake.Server, error) {
	fake := pulpfake.New(shape)
	s.end = append(s.end, fake.Close)
	if _, err := fake.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	both := fmt.Sprintf(yaml, s.server())
	both = strings.Replace(both, "credentials:\n  local:", fmt.Sprintf("  %q:\n    credentials: local\n    repo_groups: {}\ncredentials:\n  local:", address(fake)), 1)
	if err := os.WriteFile(filepath.Join(s.daemon.dir, "pulp_config.yml"), []byte(both), 0o600); err != nil {
		return nil, err
	}
	return fake, s.again(ctx)
}

func address(fake *pulpfake.Server) string { return strings.TrimPrefix(fake.Base(), "http://") }

// again starts the daemon again, with what its configuration says now.
func (s *simulation) again(ctx context.Context) error {
	dir := s.daemon.dir
	if err := s.daemon.stop(); err != nil {
		return err
	}
	next, err := serve(ctx, filepath.Join(dir, "pulp-manager"), dir)
	s.daemon = next
	return err
}
