// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// check gives the check of a name.
func check(t *testing.T, all []api.Check, name string) api.Check {
	t.Helper()
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %s: %+v", name, all)
	return api.Check{}
}

// TestReadyTellsOfServersAndTasks: servers that are down or without workers and stuck tasks are warnings: this daemon does
// its part.
func TestReadyTellsOfServersAndTasks(t *testing.T) {
	h, err := opened(t, t.TempDir(), local, "method = none\n[pulp]\nstuck_after = 1\n")
	if err != nil {
		t.Fatal(err)
	}
	configuration := fleet.Configuration{Hash: "1"}
	for _, name := range []fleet.ServerName{"down.test", "idle.test", "well.test"} {
		configuration.Servers = append(configuration.Servers, fleet.ConfiguredServer{Server: fleet.Server{Name: name, Username: "admin"}})
	}
	if _, err := h.store.Apply(t.Context(), configuration, true); err != nil {
		t.Fatal(err)
	}
	ids, err := h.store.ClaimProbes(t.Context(), time.Hour, 10)
	if err != nil || len(ids) != 3 {
		t.Fatalf("claimed %v, %v", ids, err)
	}
	for i, s := range []fleet.ServerState{{Problem: "refused"}, {Reachable: true}, {Reachable: true, Workers: 1}} {
		s.Server = ids[i]
		if err := h.store.SaveProbe(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	task, err := h.store.Enqueue(t.Context(), fleet.NewTask{Name: "stuck", Kind: fleet.KindRegister, MaxRuntime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.store.Claim(t.Context(), task.ID, "me", "w", "1"); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(20 * time.Second)
	for check(t, h.ready(t.Context()), "stuck tasks").Warning == "" {
		select {
		case <-deadline:
			t.Fatal("the task is not found to be stuck")
		case <-time.After(50 * time.Millisecond):
		}
	}
	all := h.ready(t.Context())
	for _, c := range all {
		if !c.OK || strings.Contains(c.Warning, ".test") {
			t.Errorf("%+v", c)
		}
	}
	for name, want := range map[string][]string{
		"servers": {"1 servers do not answer, their tasks wait: 1 since ", "1 servers have no Pulp worker online: 2 since "}, "stuck tasks": {"1 running tasks", "for 1s: 1."}, "queue": {""}, "disk": {""},
	} {
		for _, text := range want {
			if c := check(t, all, name); !strings.Contains(c.Warning, text) {
				t.Errorf("%s: %q, want %q in it", name, c.Warning, text)
			}
		}
	}
}

// TestDisk: little room is a warning, none is trouble.
func TestDisk(t *testing.T) {
	for free, want := range map[uint64]struct{ ok, warns bool }{diskFull - 1: {false, false}, diskFull: {true, true}, diskLow - 1: {true, true}, diskLow: {true, false}} {
		c := api.Check{Name: "disk", OK: true}
		judgeDisk(&c, "data", free)
		if c.OK != want.ok || (c.Warning != "") != want.warns || c.OK != (c.Problem == "") {
			t.Errorf("%d free: %+v", free, c)
		}
	}
	if c := diskCheck(t.TempDir() + "/gone"); c.OK || c.Problem == "" {
		t.Errorf("a directory that is not there: %+v", c)
	}
}
