// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// endings is a store in which tasks end as they are told to.
type endings struct {
	fleet.Work
	fleet.SyncRecords
}

func (endings) Transition(_ context.Context, _ fleet.Lease, id fleet.TaskID, to fleet.TaskState, _ *fleet.TaskError) (fleet.Task, error) {
	if id == 0 {
		return fleet.Task{}, fault.New(fault.NotFound, "there is no task 0")
	}
	t := fleet.Task{ID: id, Kind: fleet.KindRepoSync, State: to, Started: moment, Finished: moment.Add(90 * time.Second)}
	if to == fleet.Skipped {
		t.Started = time.Time{}
	}
	return t, nil
}

func (endings) CompleteUnchanged(_ context.Context, _ fleet.Lease, all []fleet.UnchangedSync) ([]fleet.TaskID, error) {
	return make([]fleet.TaskID, len(all)), nil
}

// busy is a process to which everything has happened.
func busy(t *testing.T) *Process {
	t.Helper()
	p := NewProcess("1.2.3")
	p.WatchPools(func() []fleet.ConnectionPool {
		return []fleet.ConnectionPool{{Name: "read", Used: 1, Idle: 2, Most: 4, Waits: 7, Waited: 1500 * time.Millisecond}}
	})
	p.Request("a:80", "GET tasks", 200, 20*time.Millisecond)
	p.Request("a:80", "GET tasks", 404, time.Millisecond)
	p.Request("a:80", "GET tasks", 503, 2*time.Second)
	p.Request("a:80", "GET tasks", 0, time.Minute)
	p.Stage(fleet.KindRepoSync, "sync repo", fleet.StageCompleted, 5*time.Second)
	p.TaskRequests(fleet.KindRepoGroupSync, 25)
	p.LockWait(3 * time.Second)
	p.Synced("a:80", 11, 7)
	p.Banned("a:80", 2)
	work := p.Work(endings{})
	for _, to := range []fleet.TaskState{fleet.Running, fleet.Completed, fleet.Skipped} {
		if _, err := work.Transition(t.Context(), fleet.Lease{}, 1, to, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := work.Transition(t.Context(), fleet.Lease{}, 0, fleet.Failed, nil); err == nil {
		t.Error("an error is lost")
	}
	if ended, err := p.SyncRecords(endings{}).CompleteUnchanged(t.Context(), fleet.Lease{}, make([]fleet.UnchangedSync, 3)); err != nil || len(ended) != 3 {
		t.Errorf("unchanged: %v, %v", ended, err)
	}
	return p
}

func TestProcessMetrics(t *testing.T) {
	text := scrape(t, Handler(Options{Process: busy(t)})).Body.String()
	for _, want := range []string{
		`pulp_manager_pulp_requests_total{operation="GET tasks",pulp_server_name="a:80",status="2xx"} 1`,
		`pulp_manager_pulp_requests_total{operation="GET tasks",pulp_server_name="a:80",status="none"} 1`,
		`pulp_manager_pulp_request_errors_total{operation="GET tasks",pulp_server_name="a:80"} 2`,
		`pulp_manager_pulp_request_duration_seconds_bucket{operation="GET tasks",pulp_server_name="a:80",le="0.05"} 2`,
		`pulp_manager_pulp_request_duration_seconds_count{operation="GET tasks",pulp_server_name="a:80"} 4`,
		`pulp_manager_stage_duration_seconds_sum{stage="sync repo",state="completed",task_type="repo_sync"} 5`,
		`pulp_manager_task_duration_seconds_sum{state="completed",task_type="repo_sync"} 90`,
		`pulp_manager_task_duration_seconds_count{state="completed",task_type="repo_sync"} 1`,
		`pulp_manager_task_pulp_requests_sum{task_type="repo_group_sync"} 25`,
		`pulp_manager_lock_wait_seconds_sum 3`,
		`pulp_manager_synced_units_total{pulp_server_name="a:80"} 11`,
		`pulp_manager_downloaded_files_total{pulp_server_name="a:80"} 7`,
		`pulp_manager_banned_packages_total{pulp_server_name="a:80"} 2`,
		`pulp_manager_unchanged_syncs_total 3`,
		`pulp_manager_database_connections{pool="read",state="used"} 1`,
		`pulp_manager_database_connection_waits_total{pool="read"} 7`,
		`pulp_manager_database_connection_wait_seconds_total{pool="read"} 1.5`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{`task_duration_seconds_count{state="failed"`, `task_duration_seconds_count{state="running"`, `task_duration_seconds_count{state="skipped"`} {
		if strings.Contains(text, not) {
			t.Errorf("there is %s", not)
		}
	}
}

// Native histograms are in the binary format alone, beside the classic buckets.
func TestHistogramsAreNativeToo(t *testing.T) {
	all := parsed(t, scrape(t, Handler(Options{Process: busy(t)}), "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"))
	for _, name := range []string{"pulp_manager_task_duration_seconds", "pulp_manager_stage_duration_seconds", "pulp_manager_pulp_request_duration_seconds"} {
		h := all[name].GetMetric()[0].GetHistogram()
		if h.GetSchema() <= 0 || len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) == 0 {
			t.Errorf("%s: schema %d, %d spans, %d buckets", name, h.GetSchema(), len(h.GetPositiveSpan()), len(h.GetBucket()))
		}
	}
}
