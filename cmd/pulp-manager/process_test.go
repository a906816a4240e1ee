// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

// processDaemon is a daemon with a store and nothing else.
func processDaemon(t *testing.T, r roles) *daemon {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &daemon{store: s, log: slog.New(slog.DiscardHandler), owner: "a:1:x", host: "a", roles: r}
}

func noted(t *testing.T, d *daemon) []fleet.Process {
	t.Helper()
	page, err := d.store.FindProcesses(t.Context(), fleet.Query{Page: 1, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// A process is listed from its start until it stops as it should.
func TestHeartbeat(t *testing.T) {
	d := processDaemon(t, roles{api: true, scheduler: true})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.beat(ctx, d.roles) }()
	deadline := time.After(20 * time.Second)
	for len(noted(t, d)) == 0 {
		select {
		case <-deadline:
			t.Fatal("the process never tells of itself")
		case <-time.After(5 * time.Millisecond):
		}
	}
	if p := noted(t, d)[0]; p.Owner != d.owner || p.Roles != "api scheduler" || p.PID <= 0 || p.Version != version || !p.Alive {
		t.Errorf("%+v", p)
	}
	stop()
	<-ended
	if left := noted(t, d); len(left) != 0 {
		t.Errorf("after it stopped: %+v", left)
	}
}

// An API alone says when nobody does the work, and goes on to answer.
func TestOthersAreLookedFor(t *testing.T) {
	d := processDaemon(t, roles{api: true})
	warnings := func() string {
		var all []string
		for _, c := range d.others(t.Context()) {
			if !c.OK || c.Problem != "" {
				t.Errorf("%+v: that others lack is no reason to answer nothing", c)
			}
			if c.Warning != "" {
				all = append(all, c.Name)
			}
		}
		return strings.Join(all, " ")
	}
	note := func(owner, does string) {
		t.Helper()
		if err := d.store.NoteProcess(t.Context(), fleet.Process{Owner: owner, Host: "b", PID: 2, Roles: does}); err != nil {
			t.Fatal(err)
		}
	}
	note(d.owner, "api")
	for _, step := range []struct{ owner, roles, want string }{
		{"b", "api", "workers scheduler"}, {"c", "worker", "scheduler"}, {"d", "api scheduler", ""},
	} {
		note(step.owner, step.roles)
		if got := warnings(); got != step.want {
			t.Errorf("with %s: warnings about %q, want %q", step.roles, got, step.want)
		}
	}
	all := processDaemon(t, roles{true, true, true})
	for _, c := range all.others(t.Context()) {
		if c.Warning != "" || !c.OK {
			t.Errorf("a process that does everything: %+v", c)
		}
	}
}
