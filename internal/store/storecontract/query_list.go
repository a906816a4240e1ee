// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// lists are all lists, with their known fields as the hint of a refusal names them.
func (w *world) lists() map[string]func(fleet.Query) (int, []string, error) {
	server := w.servers("a.test", "b.test")[1]
	return map[string]func(fleet.Query) (int, []string, error){
		"servers": func(q fleet.Query) (int, []string, error) {
			return keys(func(s fleet.Server) any { return s.ID })(w.FindServers(w.ctx, q))
		},
		"groups": func(q fleet.Query) (int, []string, error) {
			return keys(func(g fleet.ServerGroup) any { return g.Group.ID })(w.FindServerGroups(w.ctx, server, q))
		},
		"repositories": func(q fleet.Query) (int, []string, error) {
			return keys(func(r fleet.Repository) any { return r.ID })(w.FindRepositories(w.ctx, server, q))
		},
		"all repositories": func(q fleet.Query) (int, []string, error) {
			return keys(func(r fleet.Repository) any { return r.ID })(w.FindRepositories(w.ctx, 0, q))
		},
		"tasks": func(q fleet.Query) (int, []string, error) {
			return keys(func(t fleet.Task) any { return t.ID })(w.FindTasks(w.ctx, q))
		},
		"audit": func(q fleet.Query) (int, []string, error) {
			return keys(func(e fleet.AuditEntry) any { return e.ID })(w.FindAudit(w.ctx, q))
		},
		"schedules": func(q fleet.Query) (int, []string, error) {
			return keys(func(s fleet.ListedSchedule) any { return s.ID })(w.FindListedSchedules(w.ctx, q))
		},
		"queued jobs": func(q fleet.Query) (int, []string, error) {
			return keys(func(j fleet.EngineJob) any { return j.ID })(w.FindEngineJobs(w.ctx, "default", fleet.JobQueued, q))
		},
	}
}

func keys[T any](key func(T) any) func(fleet.Page[T], error) (int, []string, error) {
	return func(p fleet.Page[T], err error) (int, []string, error) {
		all := make([]string, len(p.Items))
		for i, item := range p.Items {
			all[i] = fmt.Sprint(key(item))
		}
		return p.Total, all, err
	}
}

// known gives the fields of a list.
func known(w *world, list func(fleet.Query) (int, []string, error)) []string {
	w.Helper()
	_, _, err := list(fleet.Query{Sort: "nonsense"})
	w.is(err, fault.Invalid)
	_, names, _ := strings.Cut(fault.Hint(err), "known are: ")
	return strings.Split(names, ", ")
}

// fieldsOf are the fields that the original's answers show, and its own names to sort by (legacy section 3).
var fieldsOf = map[string]string{
	"servers": `id name username vault_service_account_mount repo_sync_health_rollup repo_sync_health_rollup_id
		repo_sync_health_rollup_date snapshot_supported max_concurrent_snapshots repo_config_registration_schedule
		repo_config_registration_max_runtime repo_config_registration_regex_include repo_config_registration_regex_exclude
		date_created date_last_updated`,
	"groups": `pulp_server_id repo_group_id name schedule max_concurrent_syncs max_runtime date_created date_last_updated`,
	"repositories": `id name repo_type pulp_server_id pulp_server_name repo_id repo_href remote_href remote_feed distribution_href
		repo_sync_health repo_sync_health_id repo_sync_health_date date_created date_last_updated`,
	"all repositories": `id name pulp_server_name packages base_path last_success last_attempt last_attempt_state managed drifted unwanted drift_date
		latest_version served_version served_publication`,
	"schedules": `id name pulp_server_id pulp_server_name repo_group_id repo_group_name task_type cron max_runtime next_run last_run
		last_task_id last_outcome`,
	"queued jobs": `id enqueued_at started_at ended_at timeout`,
	"tasks": `id name parent_task_id task_type task_type_id task_args date_queued date_started date_finished state state_id error
		worker_name worker_job_id date_created date_last_updated pulp_server_id repo_id`,
	"audit": `id date user role address action method path status pulp_server_id task_id request_id detail`,
}
