// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/catalog"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storetest"
)

// fakeDaemon is a daemon without workers: the real API on a real store. The test does what
// workers do.
type fakeDaemon struct {
	store   *store.Store
	url     string
	primary fleet.Server
}

// startDaemon starts one with two servers, a group and two repositories.
func startDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	if err := storetest.Prepare(dir); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Apply(ctx, fleet.Configuration{
		Hash: "1", Groups: []fleet.Group{{Name: "external", Include: "^ext"}},
		Servers: []fleet.ConfiguredServer{
			{Server: fleet.Server{Name: "primary.example.com", Username: "admin", Registration: &fleet.Registration{Schedule: "0 3 * * *", MaxRuntime: "1h"}}},
			{
				Server: fleet.Server{Name: "secondary.example.com", Username: "admin", SnapshotSupported: true},
				Groups: []fleet.ServerGroup{{Group: fleet.Group{Name: "external"}, Primary: "primary.example.com", Schedule: "0 4 * * *", MaxConcurrentSyncs: 3, MaxRuntime: "6h"}},
			},
		},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	primary, err := s.ServerByName(ctx, "primary.example.com")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Mirror(ctx, primary.ID, []fleet.Repository{
		{Name: "ext-debian", Type: "deb", Href: "/repositories/1/", RemoteHref: "/remotes/1/", RemoteFeed: "https://deb.example.com/"},
		{Name: "int-tools", Type: "file", Href: "/repositories/2/"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Options{Schedules: s, ScheduleControl: s, EngineJobs: s, MaxJobPageSize: 24, Servers: s, Repositories: s, Tasks: s, Requests: s, Queue: s, Jobs: catalog.All(catalog.Settings{}), Find: foundOne, Loopback: true, Access: auth.Everyone(), Audit: s, Prunings: s}))
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &fakeDaemon{store: s, url: server.URL, primary: primary}
}

// run runs a client verb against the daemon, and gives what it printed.
func (d *fakeDaemon) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return runVerb(t.Context(), append(args, "--url", d.url))
}

// runVerb runs a client verb and gives its standard output.
func runVerb(ctx context.Context, args []string) (string, error) {
	out, _, err := runBoth(ctx, args)
	return out, err
}

// runBoth runs a client verb and gives both its outputs.
func runBoth(ctx context.Context, args []string) (stdout, stderr string, err error) {
	root := rootCommand()
	var out, told bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&told)
	root.SetArgs(args)
	err = root.ExecuteContext(ctx)
	return out.String(), told.String(), err
}

// queued waits until there is a queued task, and takes it as a worker does.
func (d *fakeDaemon) queued(t *testing.T) (fleet.Task, fleet.Lease) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		page, err := d.store.FindTasks(t.Context(), fleet.Query{Filters: []fleet.Filter{{Field: "state", Value: "queued"}}, Page: 1, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 1 {
			task, lease, err := d.store.Claim(t.Context(), page.Items[0].ID, "owner", "worker", "1")
			if err != nil {
				t.Fatal(err)
			}
			return task, lease
		}
	}
	t.Fatal("no task was queued")
	return fleet.Task{}, fleet.Lease{}
}

// end moves tasks on, failing the test where that is refused.
func (d *fakeDaemon) end(t *testing.T, lease fleet.Lease, id fleet.TaskID, why *fleet.TaskError, states ...fleet.TaskState) {
	t.Helper()
	for _, state := range states {
		if _, err := d.store.Transition(t.Context(), lease, id, state, why); err != nil {
			t.Fatal(err)
		}
	}
}
