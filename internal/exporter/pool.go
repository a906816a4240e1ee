// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// WatchPools shows a process's pools of connections to the database.
func (p *Process) WatchPools(pools func() []fleet.ConnectionPool) {
	describe := func(kind, name, help string, labels ...string) *prometheus.Desc {
		p.described = append(p.described, description{name: name, kind: kind, help: help, labels: labels})
		return prometheus.NewDesc(name, help, labels, nil)
	}
	p.registry.MustRegister(&poolCollector{
		pools:       pools,
		connections: describe("gauge", "pulp_manager_database_connections", "Connections of this process to the database, by pool: used, idle.", "pool", "state"),
		most:        describe("gauge", "pulp_manager_database_connections_max", "How many connections of a pool there may be.", "pool"),
		waits:       describe("counter", "pulp_manager_database_connection_waits_total", "How often somebody had to wait for a connection.", "pool"),
		waited:      describe("counter", "pulp_manager_database_connection_wait_seconds_total", "How long was waited for connections, all together.", "pool"),
	})
}

type poolCollector struct {
	pools                            func() []fleet.ConnectionPool
	connections, most, waits, waited *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *poolCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.connections, c.most, c.waits, c.waited} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *poolCollector) Collect(to chan<- prometheus.Metric) {
	for _, pool := range c.pools() {
		to <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(pool.Used), pool.Name, "used")
		to <- prometheus.MustNewConstMetric(c.connections, prometheus.GaugeValue, float64(pool.Idle), pool.Name, "idle")
		to <- prometheus.MustNewConstMetric(c.most, prometheus.GaugeValue, float64(pool.Most), pool.Name)
		to <- prometheus.MustNewConstMetric(c.waits, prometheus.CounterValue, float64(pool.Waits), pool.Name)
		to <- prometheus.MustNewConstMetric(c.waited, prometheus.CounterValue, pool.Waited.Seconds(), pool.Name)
	}
}
