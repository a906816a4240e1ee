// SPDX-License-Identifier: Apache-2.0

// Package jobtest gives jobs a small fleet to work on: two fake Pulp servers with an
// upstream, spoken to by the real client, and a real store.
package jobtest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/reconcile"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/worker"
)

// RequestLimit is the time limit of requests to the fakes: short, because what is believed about a
// lost answer waits for it.
const RequestLimit = 2 * time.Second

// Fleet is a primary and a secondary with repositories from an upstream.
type Fleet struct {
	Primary, Secondary *pulpfake.Server
	Upstream           *pulpfake.Upstream
	UpstreamURL        string

	Store       *store.Store
	Env         *job.Env
	Worker      *worker.Worker
	Definitions []fleet.Definition
	Problems    []fleet.DefinitionProblem

	t *testing.T
}

// New makes a fleet with a deb, an rpm and a file repository upstream, none of them defined yet on
// the servers.
func New(t *testing.T) *Fleet {
	t.Helper()
	f := &Fleet{t: t}
	f.Primary, _ = pulpfake.Start(t, pulpfake.Options{Name: "primary", Seed: 1})
	f.Secondary, _ = pulpfake.Start(t, pulpfake.Options{Name: "secondary", Seed: 2})
	f.Upstream = pulpfake.NewUpstream()
	f.UpstreamURL = f.Upstream.Start(t)
	f.Upstream.Add("deb", pulpfake.Spec{Kind: pulpfake.DebTree, Suite: "stable", Packages: []pulpfake.Package{
		{Name: "alpha", Version: "1.0"}, {Name: "beta", Version: "1.0"},
	}})
	f.Upstream.Add("rpm", pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{{Name: "bear", Version: "1.0"}}})
	f.Upstream.Add("file", pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "a.txt", Body: "a"}}})
	f.Definitions = []fleet.Definition{
		f.Define("deb", "ext-deb", f.UpstreamURL+"/deb/"),
		f.Define("rpm", "ext-rpm", f.UpstreamURL+"/rpm/"),
		f.Define("file", "ext-file", f.UpstreamURL+"/file/PULP_MANIFEST"),
	}
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f.Store = s
	f.configure()
	f.wire()
	return f
}

// Define gives a definition; an empty url makes it internal.
func (f *Fleet) Define(kind fleet.RepositoryType, name, url string) fleet.Definition {
	return fleet.Definition{
		Name: name, Candidate: name, Type: kind, Description: "a repository", Owner: "tests", BaseURL: "repos", URL: url,
		Options: map[string]any{}, Source: "remote/" + name + ".json",
	}
}

func (f *Fleet) configure() {
	f.t.Helper()
	c := fleet.Configuration{Hash: "1", Groups: []fleet.Group{{Name: "external", Include: "^ext-"}}}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		c.Servers = append(c.Servers, fleet.ConfiguredServer{Server: fleet.Server{Name: Name(s), Username: "admin"}})
	}
	c.Servers[1].Groups = []fleet.ServerGroup{{
		Group: c.Groups[0], Primary: Name(f.Primary), MaxConcurrentSyncs: 2, MaxRuntime: "1h",
	}}
	if _, err := f.Store.Apply(f.t.Context(), c, true); err != nil {
		f.t.Fatal(err)
	}
}

// Name gives a fake's name in the fleet: its address.
func Name(s *pulpfake.Server) fleet.ServerName {
	return fleet.ServerName(strings.TrimPrefix(s.Base(), "http://"))
}

func (f *Fleet) wire() {
	connect := func(s fleet.Server) (*pulp.Client, error) {
		return pulp.New(pulp.Config{
			Base: "http://" + string(s.Name), Name: string(s.Name), Username: s.Username, RequestTimeout: RequestLimit,
			RetryWait: time.Millisecond, Password: func(context.Context) (string, error) { return "password", nil },
		})
	}
	rules := func(context.Context, *job.Server) (reconcile.Rules, error) { return reconcile.Rules{}, nil }
	signed := func(ctx context.Context, s *job.Server) (reconcile.Rules, error) {
		services, err := s.Client.SigningServices(ctx, "deb-release")
		if err != nil || len(services) != 1 {
			return reconcile.Rules{}, fmt.Errorf("signing services of %s: %v %w", s.Name, services, err)
		}
		return reconcile.Rules{SigningService: string(services[0].Href)}, nil
	}
	log := slog.New(slog.DiscardHandler)
	f.Env = &job.Env{
		Servers: f.Store, Repositories: f.Store, Tasks: f.Store, Work: f.Store, Requests: f.Store, Locks: f.Store,
		Pulps: job.NewPulps(connect, RequestLimit), Limits: &job.Limits{}, Logger: log,
		Catalog: catalog.All(catalog.Settings{
			Register: register.Settings{
				Definitions: definitions{f}, Rules: signed, Fingerprints: f.Store,
				Fingerprint: func(s fleet.Secret) string { return "fingerprint of " + s.Reveal() },
				Secret: func(context.Context, fleet.SecretSource) (fleet.Secret, error) {
					return fleet.NewSecret("hunter2"), nil
				},
			},
			GroupSync: groupsync.Settings{
				Rules:         rules,
				MirrorAddress: func(s fleet.Server) string { return "http://" + string(s.Name) },
			},
		}),
	}
	f.Worker = worker.New(f.Store, f.Env, "test:"+f.t.Name(), "test")
	f.t.Cleanup(func() {
		f.Worker.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = f.Env.Pulps.Close(ctx)
	})
}

type definitions struct{ fleet *Fleet }

func (d definitions) Definitions(context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	return d.fleet.Definitions, d.fleet.Problems, nil
}
