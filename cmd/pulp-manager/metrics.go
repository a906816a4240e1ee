// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/exporter"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/health"
)

// exporterListen is where the original's exporter is: on all addresses, as whoever scrapes is mostly elsewhere.
const exporterListen = ":9300"

// exporterFlags changes what the flags of a process are by default to what those of the exporter are.
func (o *options) exporterFlags(c *cobra.Command) {
	f := c.Flags().Lookup("metrics-listen")
	f.DefValue, f.Usage = exporterListen, "address of the Prometheus metrics"
	o.metricsListen = exporterListen
}

// observe has this process's metrics told what goes on.
func (d *daemon) observe() {
	d.process = exporter.NewProcess(version)
	d.process.WatchPools(d.store.Pools)
	d.env.Observer, d.env.Pulps.Observer = d.process, d.process
	d.env.Work, d.env.SyncRecords = d.process.Work(d.env.Work), d.process.SyncRecords(d.env.SyncRecords)
}

// metrics serves the metrics of this process. Those of the fleet are served by one that does everything and by one that does
// nothing else, so that no sum over processes counts them twice.
func (d *daemon) metrics() http.Handler {
	o := exporter.Options{
		Process: d.process, Log: d.log, Expect: expected,
		Settings: func() exporter.Settings {
			m := d.settings().Metrics
			return exporter.Settings{PerRepository: exporter.PerRepository(m.PerRepository), Processes: m.Processes}
		},
	}
	if d.roles.all() || d.roles.exporter() {
		o.Fleet = d.store
	}
	return exporter.Handler(o)
}

// expected gives how old a repository's last success may become.
func expected(v *fleet.Vitals) func(fleet.ServerID, string) float64 {
	of := health.Expected(v.Groups, v.Now)
	return func(server fleet.ServerID, repository string) float64 { return of(server, repository).Seconds() }
}
