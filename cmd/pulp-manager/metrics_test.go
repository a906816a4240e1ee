// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job"
)

// The metrics of the fleet are those of one process, not of each that shares its database.
func TestWhoShowsTheFleet(t *testing.T) {
	for _, c := range []struct {
		roles roles
		fleet bool
	}{
		{roles{api: true, worker: true, scheduler: true}, true},
		{roles{}, true},
		{roles{api: true}, false},
		{roles{worker: true}, false},
		{roles{scheduler: true}, false},
	} {
		d := processDaemon(t, c.roles)
		d.current.Store(&config.Config{})
		d.env = &job.Env{Pulps: job.NewPulps(nil, 0)}
		d.observe()
		rec := httptest.NewRecorder()
		d.metrics().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
		text := rec.Body.String()
		if fleet := strings.Contains(text, "\npulp_manager_store_up 1\n"); fleet != c.fleet || !strings.Contains(text, "\npulp_manager_database_connections{") {
			t.Errorf("%s: shows the fleet: %v; and:\n%s", c.roles, fleet, text)
		}
	}
}

func TestExporterNeedsADatabaseThatCanBeShared(t *testing.T) {
	_, err := openDaemon(t.Context(), tlsOptions(t, t.TempDir(), ""), roles{})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "pulp-manager serve") || !strings.Contains(fault.Hint(err), "--metrics-listen") {
		t.Errorf("%v; %s", err, fault.Hint(err))
	}
}

func TestExporterFlags(t *testing.T) {
	for _, c := range serveCommands() {
		want := "127.0.0.1:9300"
		if c.Name() == "exporter" {
			want = ":9300" // as the original's
		}
		if f := c.Flags().Lookup("metrics-listen"); f.DefValue != want || f.Value.String() != want {
			t.Errorf("%s: --metrics-listen is %s, %s", c.Name(), f.DefValue, f.Value)
		}
		if c.Name() == "exporter" && c.Flags().Lookup("listen") != nil {
			t.Error("the exporter has an API")
		}
	}
}
