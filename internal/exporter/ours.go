// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"maps"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// always shows a family also where the store could not be asked.
func always(*look) bool { return true }

// one gives one sample without labels.
func one(of func(*look) float64) func(*look, emit) {
	return func(seen *look, emit emit) { emit(of(seen)) }
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ours are the metrics that the Python program has not, made of what is in the store.
func ours() []family {
	return slices.Concat(ofScrape, ofServers, ofWork, ofRepositories)
}

var ofScrape = []family{
	{
		name: "pulp_manager_store_up", help: "Whether the database could be asked; where it is 0 the metrics of the fleet are missing.",
		when: always, each: one(func(seen *look) float64 { return truth(seen.ok) }),
	},
	{
		name: "pulp_manager_store_look_seconds", help: "How long it took to ask the database for the metrics of the fleet.",
		when: always, each: one(func(seen *look) float64 { return seen.seconds }),
	},
	{
		name: "pulp_manager_per_repository", help: "Whether each repository has series of its own.",
		each: one(func(seen *look) float64 { return truth(seen.perRepository) }),
	},
	{
		name: "pulp_manager_processes", help: "Processes of Pulp Manager that are alive, by what they do.", labels: []string{"roles"},
		each: func(seen *look, emit emit) {
			alive := map[string]int{}
			for _, p := range seen.Processes {
				if p.Alive {
					alive[p.Roles]++
				}
			}
			for _, roles := range slices.Sorted(maps.Keys(alive)) {
				emit(float64(alive[roles]), roles)
			}
		},
	},
}

var ofServers = []family{
	{
		name: "pulp_manager_pulp_server_up", help: "Whether the server answered when it was looked at last.", labels: ofServer,
		each: checked(func(s *fleet.ServerVitals, emit func(float64)) { emit(truth(s.State.Reachable)) }),
	},
	{
		name: "pulp_manager_pulp_server_checked_seconds", help: "How long ago the server was looked at last.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, seen *look, emit emit) {
			if !s.State.Checked.IsZero() {
				emit(ago(seen.Now, s.State.Checked), string(s.Name))
			}
		}),
	},
	{
		name: "pulp_manager_pulp_server_response_seconds", help: "How long the server took to tell its status when it did last.", labels: ofServer,
		each: checked(func(s *fleet.ServerVitals, emit func(float64)) { emit(s.State.ResponseTime.Seconds()) }),
	},
	{
		name: "pulp_manager_pulp_server_workers", help: "Workers of the server that were online when it answered last.", labels: ofServer,
		each: checked(func(s *fleet.ServerVitals, emit func(float64)) { emit(float64(s.State.Workers)) }),
	},
	{
		name: "pulp_manager_pulp_server_pulp_tasks", help: "Pulp tasks on the server, whoever asked for them.", labels: []string{server, "state"},
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
			if !s.State.Checked.IsZero() {
				emit(float64(s.State.TasksWaiting), string(s.Name), "waiting")
				emit(float64(s.State.TasksRunning), string(s.Name), "running")
			}
		}),
	},
	{
		name: "pulp_manager_pulp_server_oldest_pulp_task_seconds", help: "How long the Pulp task has waited that waits longest; 0: none waits.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, seen *look, emit emit) {
			if !s.State.Checked.IsZero() {
				emit(max(ago(seen.Now, s.State.OldestWaiting), 0), string(s.Name))
			}
		}),
	},
	{
		name: "pulp_manager_pulp_server_storage_bytes", help: "Storage of the server, where it tells: total, used, free.", labels: []string{server, "kind"},
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
			for _, storage := range []struct {
				kind  string
				bytes *int64
			}{{"total", s.State.StorageTotal}, {"used", s.State.StorageUsed}, {"free", s.State.StorageFree}} {
				if storage.bytes != nil {
					emit(float64(*storage.bytes), string(s.Name), storage.kind)
				}
			}
		}),
	},
	{
		name: "pulp_manager_pulp_server_breaker", help: "How requests to the server are held back, at worst of all processes: 0 not (closed), 1 one is let through (half open), 2 all (open).", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
			emit(map[fleet.BreakerState]float64{fleet.BreakerHalfOpen: 1, fleet.BreakerOpen: 2}[s.State.Use.Breaker], string(s.Name))
		}),
	},
	{
		name: "pulp_manager_pulp_server_waiting_tasks", help: "Tasks that wait for the server to answer.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) { emit(float64(s.State.Use.Waiting), string(s.Name)) }),
	},
	{
		name: "pulp_manager_pulp_server_syncs", help: "Repositories of the server that sync now.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) { emit(float64(s.State.Use.Syncs), string(s.Name)) }),
	},
	{
		name: "pulp_manager_pulp_server_syncs_allowed", help: "How many repositories of the server may sync at a time; 0: nobody uses it.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
			emit(float64(s.State.Use.Concurrency), string(s.Name))
		}),
	},
	{
		name: "pulp_manager_pulp_server_locks", help: "Repositories of the server that tasks hold the right to change.", labels: ofServer,
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) { emit(float64(s.Locks), string(s.Name)) }),
	},
	{
		name: "pulp_manager_pulp_server_repositories", help: "Repositories on the server, by health.", labels: []string{server, "repo_sync_health"},
		each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
			for _, health := range append(slices.Clone(fleet.Healths), "") {
				emit(float64(s.Repositories[health]), string(s.Name), healthText(health))
			}
		}),
	},
}

var ofWork = []family{
	{
		name: "pulp_manager_queue_tasks", help: "Tasks that nobody has begun; their parts are not counted.",
		each: one(func(seen *look) float64 { return float64(seen.Queued) }),
	},
	{
		name: "pulp_manager_queue_oldest_seconds", help: "How long the task has been queued that waits longest to be begun; 0: none waits.",
		each: one(func(seen *look) float64 { return seen.Waited.Seconds() }),
	},
	{
		name: "pulp_manager_running_tasks", help: "Tasks that were begun and are not over; their parts are not counted.",
		each: one(func(seen *look) float64 { return float64(seen.Running) }),
	},
	{
		name: "pulp_manager_engine_jobs", help: "Jobs of the engine (River) that runs tasks, by its own states.", labels: []string{"state"},
		each: func(seen *look, emit emit) {
			for _, state := range engineStates {
				emit(float64(seen.Jobs[state]), state)
			}
		},
	},
	{
		name: "pulp_manager_schedule_late_seconds", help: "For how long the schedule's next run is due; 0: it is not, or the schedule is paused.", labels: ofSchedule,
		each: schedules(func(s *fleet.ScheduleVitals, seen *look) (float64, bool) {
			if s.Paused || s.NextRun.IsZero() {
				return 0, true
			}
			return max(seen.Now.Sub(s.NextRun).Seconds(), 0), true
		}),
	},
	{
		name: "pulp_manager_schedule_paused", help: "Whether the schedule is paused.", labels: ofSchedule,
		each: schedules(func(s *fleet.ScheduleVitals, _ *look) (float64, bool) { return truth(s.Paused), true }),
	},
	{
		name: "pulp_manager_schedule_failing", help: "Whether the newest task of the schedule that is over did not end well.", labels: ofSchedule,
		each: schedules(func(s *fleet.ScheduleVitals, _ *look) (float64, bool) {
			return truth(!s.LastState.Good()), s.LastState != "" && s.LastState.Final()
		}),
	},
}

// engineStates are River's.
var engineStates = []string{"available", "cancelled", "completed", "discarded", "pending", "retryable", "running", "scheduled"}

var ofSchedule = []string{server, "repo_group", "task_type"}

// schedules gives a sample of each schedule that has one.
func schedules(of func(s *fleet.ScheduleVitals, seen *look) (value float64, ok bool)) func(*look, emit) {
	return func(seen *look, emit emit) {
		for i := range seen.Schedules {
			s := &seen.Schedules[i]
			if value, ok := of(s, seen); ok {
				emit(value, string(s.Server), s.Group, string(s.Kind))
			}
		}
	}
}

var ofRepositories = []family{
	{
		name: "pulp_manager_repository_last_success_age_seconds", help: "How long ago the repository's newest successful sync ended; missing: it never had one.",
		labels: []string{server, "repo_name"}, when: perRepository,
		each: repositories(func(r *repository, server string, emit emit) {
			if r.succeeded >= 0 {
				emit(r.succeeded, server, r.name)
			}
		}),
	},
	{
		name: "pulp_manager_repository_overdue_seconds", labels: []string{server, "repo_name"}, when: perRepository,
		help: "By how much the age of the last success is beyond the schedule's period and run time; 0: in time; missing: it has no schedule.",
		each: repositories(func(r *repository, server string, emit emit) {
			if r.overdue >= 0 {
				emit(r.overdue, server, r.name)
			}
		}),
	},
}
