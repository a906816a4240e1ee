// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Process is what one process was told of itself since it began. It implements job.Observer.
type Process struct {
	registry  *prometheus.Registry
	described []description // what there is, for the documentation

	requests     *prometheus.CounterVec
	failures     *prometheus.CounterVec
	latency      *prometheus.HistogramVec
	tasks        *prometheus.HistogramVec
	stages       *prometheus.HistogramVec
	taskRequests *prometheus.HistogramVec
	lockWaits    prometheus.Observer
	units        *prometheus.CounterVec
	files        *prometheus.CounterVec
	banned       *prometheus.CounterVec
	unchanged    prometheus.Counter
}

var _ job.Observer = (*Process)(nil)

// description is what the documentation says of a metric.
type description struct {
	name, kind, help string
	labels           []string
	original         bool
}

// Buckets of the classic histograms. Native ones, which Prometheus takes where it is configured to, are finer by themselves.
var (
	requestBuckets = []float64{0.05, 0.25, 1, 5, 30}
	taskBuckets    = []float64{1, 10, 60, 300, 1800, 7200, 43200}
	waitBuckets    = []float64{1, 10, 60, 600, 3600}
	countBuckets   = []float64{1, 10, 100, 1000, 10000}
)

// NewProcess makes the metrics of a process of this version.
func NewProcess(version string) *Process {
	p := &Process{registry: prometheus.NewRegistry()}
	build := p.gauge("pulp_manager_build_info", "Always 1; the version is in the label.", "version")
	build.WithLabelValues(version).Set(1)

	p.requests = p.counter("pulp_manager_pulp_requests_total", "Requests to Pulp servers, by operation and by the first digit of the status; none: there was no answer.", server, "operation", "status")
	p.failures = p.counter("pulp_manager_pulp_request_errors_total", "Requests to Pulp servers without an answer, or answered 429 or 5xx.", server, "operation")
	p.latency = p.histogram("pulp_manager_pulp_request_duration_seconds", "How long requests to Pulp servers took, answered or not.", requestBuckets, server, "operation")
	p.tasks = p.histogram("pulp_manager_task_duration_seconds", "How long tasks took that ended in this process, from their start.", taskBuckets, "task_type", "state")
	p.stages = p.histogram("pulp_manager_stage_duration_seconds", "How long stages of tasks took that ended in this process, from their first attempt on.", taskBuckets, "task_type", "stage", "state")
	p.taskRequests = p.histogram("pulp_manager_task_pulp_requests", "Requests that attempts at tasks sent to Pulp servers, their parts' included; polling is for many tasks at once and not counted.", countBuckets, "task_type")
	p.lockWaits = p.histogram("pulp_manager_lock_wait_seconds", "How long tasks waited for a repository that another task changed, where they had to.", waitBuckets).With(nil)
	p.units = p.counter("pulp_manager_synced_units_total", "Content units that syncs associated, as Pulp tells.", server)
	p.files = p.counter("pulp_manager_downloaded_files_total", "Files that syncs downloaded, as Pulp tells; it does not tell their bytes.", server)
	p.banned = p.counter("pulp_manager_banned_packages_total", "Packages that banned_package_regex took out.", server)
	p.unchanged = p.counter("pulp_manager_unchanged_syncs_total", "Syncs completed without asking Pulp, because nothing had changed.").With(nil)
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p
}

func (p *Process) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(p, "gauge", prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels), name, help, labels)
}

func (p *Process) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return register(p, "counter", prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels), name, help, labels)
}

func (p *Process) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return register(p, "histogram", prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
	}, labels), name, help, labels)
}

func register[C prometheus.Collector](p *Process, kind string, c C, name, help string, labels []string) C {
	p.registry.MustRegister(c)
	p.described = append(p.described, description{name: name, kind: kind, help: help, labels: labels})
	return c
}

// Request implements job.Observer.
func (p *Process) Request(server fleet.ServerName, operation string, status int, took time.Duration) {
	class := "none"
	if status > 0 {
		class = strconv.Itoa(status/100) + "xx"
	}
	p.requests.WithLabelValues(string(server), operation, class).Inc()
	failed := p.failures.WithLabelValues(string(server), operation) // so that 0 is shown before the first
	if status == 0 || status == 429 || status >= 500 {
		failed.Inc()
	}
	p.latency.WithLabelValues(string(server), operation).Observe(took.Seconds())
}

// Stage implements job.Observer.
func (p *Process) Stage(kind fleet.Kind, name string, state fleet.StageState, took time.Duration) {
	p.stages.WithLabelValues(string(kind), name, string(state)).Observe(max(took.Seconds(), 0))
}

// TaskRequests implements job.Observer.
func (p *Process) TaskRequests(kind fleet.Kind, n int) {
	p.taskRequests.WithLabelValues(string(kind)).Observe(float64(n))
}

// LockWait implements job.Observer.
func (p *Process) LockWait(took time.Duration) { p.lockWaits.Observe(took.Seconds()) }

// Synced implements job.Observer.
func (p *Process) Synced(server fleet.ServerName, units, files int) {
	p.units.WithLabelValues(string(server)).Add(float64(max(units, 0)))
	p.files.WithLabelValues(string(server)).Add(float64(max(files, 0)))
}

// Banned implements job.Observer.
func (p *Process) Banned(server fleet.ServerName, packages int) {
	p.banned.WithLabelValues(string(server)).Add(float64(max(packages, 0)))
}

// Work gives what runs write about themselves, and is told of the tasks that end.
func (p *Process) Work(w fleet.Work) fleet.Work { return watchedWork{w, p} }

type watchedWork struct {
	fleet.Work
	process *Process
}

// Transition implements fleet.Work.
func (w watchedWork) Transition(ctx context.Context, lease fleet.Lease, id fleet.TaskID, to fleet.TaskState, why *fleet.TaskError) (fleet.Task, error) {
	task, err := w.Work.Transition(ctx, lease, id, to, why)
	if err == nil && task.State.Final() && !task.Started.IsZero() {
		w.process.tasks.WithLabelValues(string(task.Kind), string(task.State)).Observe(max(task.Finished.Sub(task.Started).Seconds(), 0))
	}
	return task, err
}

// SyncRecords gives what syncs were made from, and is told of those that were not needed.
func (p *Process) SyncRecords(s fleet.SyncRecords) fleet.SyncRecords { return watchedSyncs{s, p} }

type watchedSyncs struct {
	fleet.SyncRecords
	process *Process
}

// CompleteUnchanged implements fleet.SyncRecords.
func (w watchedSyncs) CompleteUnchanged(ctx context.Context, lease fleet.Lease, all []fleet.UnchangedSync) ([]fleet.TaskID, error) {
	ended, err := w.SyncRecords.CompleteUnchanged(ctx, lease, all)
	w.process.unchanged.Add(float64(len(ended)))
	return ended, err
}
