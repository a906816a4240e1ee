// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// family is a metric that is made of what was seen of the store. All are gauges.
type family struct {
	name, help string
	labels     []string
	original   bool              // the Python program has it
	when       func(*look) bool  // nil: always, where the store could be asked
	each       func(*look, emit) // gives every sample
}

// emit takes one sample. The labels are used before it returns.
type emit func(value float64, labels ...string)

func (f *family) shown(seen *look) bool {
	if f.when != nil {
		return f.when(seen)
	}
	return seen.ok
}

// server is the label of a server's name, as the original has it.
const server = "pulp_server_name"

var ofServer = []string{server}

// families are all of them, the original's first.
var families = append(originals(), ours()...)

// none is what the original writes for a health that is not there.
const none = "None"

func healthText(h fleet.Health) string {
	if h == "" {
		return none
	}
	return string(h)
}

func perRepository(seen *look) bool { return seen.ok && seen.perRepository }

// originals are the metrics of the Python program, with its names and labels (legacy section 8).
func originals() []family {
	all := []family{
		{
			name: "pulp_manager_pulp_server_repo_sync_health_rollup", help: "Always 1; the worst health of the server's repositories is in the label.",
			labels: []string{server, "repo_sync_health_rollup"},
			each:   servers(func(s *fleet.ServerVitals, _ *look, emit emit) { emit(1, string(s.Name), healthText(s.Health)) }),
		},
		{
			name: "pulp_manager_pulp_server_repo_sync_health_rollup_last_run_seconds", help: "How long ago the server's health was rated; -1: never.",
			labels: ofServer,
			each:   servers(func(s *fleet.ServerVitals, seen *look, emit emit) { emit(ago(seen.Now, s.HealthDate), string(s.Name)) }),
		},
		{
			name: "pulp_manager_pulp_server_repo_sync_health", help: "Always 1; the health of the repository is in the label.",
			labels: []string{server, "repo_name", "repo_sync_health", "has_remote"}, when: perRepository,
			each: repositories(func(r *repository, server string, emit emit) {
				remote := "0"
				if r.remote {
					remote = "1"
				}
				emit(1, server, r.name, healthText(r.health), remote)
			}),
		},
		{
			name: "pulp_manager_pulp_server_repo_sync_health_last_run_seconds", help: "How long ago the repository's health was rated; -1: never.",
			labels: []string{server, "repo_name"}, when: perRepository,
			each: repositories(func(r *repository, server string, emit emit) { emit(r.rated, server, r.name) }),
		},
	}
	for _, state := range fleet.TaskStates {
		all = append(all, family{
			name: "pulp_manager_pulp_server_tasks_in_" + string(state) + "_state", labels: ofServer,
			help: "Tasks about the server, parts of others included, that were queued within the last 24 hours and are " + strings.ReplaceAll(string(state), "_", " ") + " now.",
			each: servers(func(s *fleet.ServerVitals, _ *look, emit emit) { emit(float64(s.Tasks[state]), string(s.Name)) }),
		})
	}
	all = append(all, family{
		name: "pulp_manager_pulp_server_database_connection", help: "Whether the server reaches its database; 0 also where it does not answer.",
		labels: ofServer,
		each:   servers(func(s *fleet.ServerVitals, _ *look, emit emit) { connection(s, s.State.DatabaseConnected, emit) }),
	}, family{
		name: "pulp_manager_pulp_server_redis_connection", help: "Whether the server reaches its Redis; 0 also where it has none or does not answer.",
		labels: ofServer,
		each:   servers(func(s *fleet.ServerVitals, _ *look, emit emit) { connection(s, s.State.RedisConnected, emit) }),
	}, family{
		name: "docker_container_status", help: "Whether a process of Pulp Manager is alive, by host and roles; off unless the configuration says otherwise.",
		labels: []string{"container_name"}, when: func(seen *look) bool { return seen.ok && seen.processes }, each: processes,
	})
	for i := range all {
		all[i].original = true
	}
	return all
}

// connection tells of a server's own connection. A server that was never asked, or tells nothing of it, gives none.
func connection(s *fleet.ServerVitals, connected *bool, emit emit) {
	switch {
	case s.State.Checked.IsZero(), s.State.Reachable && connected == nil:
	case s.State.Reachable && *connected:
		emit(1, string(s.Name))
	default:
		emit(0, string(s.Name))
	}
}

// processes tells of each host's processes of the same roles together, so that no name is there twice.
func processes(seen *look, emit emit) {
	var order []string
	alive := map[string]float64{}
	for _, p := range seen.Processes {
		name := p.Host + "/" + strings.ReplaceAll(p.Roles, " ", "+")
		if _, known := alive[name]; !known {
			order = append(order, name)
			alive[name] = 0
		}
		if p.Alive {
			alive[name] = 1
		}
	}
	for _, name := range order {
		emit(alive[name], name)
	}
}

// servers gives the samples of each server.
func servers(of func(s *fleet.ServerVitals, seen *look, emit emit)) func(*look, emit) {
	return func(seen *look, emit emit) {
		for i := range seen.Servers {
			of(&seen.Servers[i], seen, emit)
		}
	}
}

// checked gives the samples of each server that was looked at.
func checked(of func(s *fleet.ServerVitals, emit func(float64))) func(*look, emit) {
	return servers(func(s *fleet.ServerVitals, _ *look, emit emit) {
		if !s.State.Checked.IsZero() {
			of(s, func(value float64) { emit(value, string(s.Name)) })
		}
	})
}

// repositories gives the samples of each repository.
func repositories(of func(r *repository, server string, emit emit)) func(*look, emit) {
	return func(seen *look, emit emit) {
		for i := range seen.repositories {
			r := &seen.repositories[i]
			of(r, string(seen.Servers[r.server].Name), emit)
		}
	}
}
