// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The answers below are the original's, field by field.
const (
	server1 = `{"id":1,"name":"pulp1.example.com","username":"admin","vault_service_account_mount":"local-auth",
		"repo_sync_health_rollup":"green","repo_sync_health_rollup_date":"2026-11-23T10:10:14","snapshot_supported":true,
		"max_concurrent_snapshots":2,"repo_config_registration_schedule":"0 3 1 1 *","repo_config_registration_max_runtime":"1200",
		"repo_config_registration_regex_include":null,"repo_config_registration_regex_exclude":null,
		"date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T11:10:14",` + serverAdded + `}`
	server2 = `{"id":2,"name":"pulp2.example.com:8080","username":"admin","vault_service_account_mount":null,
		"repo_sync_health_rollup":null,"repo_sync_health_rollup_date":null,"snapshot_supported":false,
		"max_concurrent_snapshots":null,"repo_config_registration_schedule":null,"repo_config_registration_max_runtime":null,
		"repo_config_registration_regex_include":null,"repo_config_registration_regex_exclude":null,
		"date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T09:10:14",` + serverAdded + `}`
	// serverAdded are fields that the original does not have.
	serverAdded = `"reachable":null,"online_workers":null,"pulp_tasks_waiting":null`
	repo23      = `{"id":41,"name":"ext-deb-000","repo_type":"deb","pulp_server_id":1,"repo_id":23,"repo_href":"/repositories/1/",
		"remote_href":"/remotes/1/","remote_feed":"http://up/deb/","distribution_href":"/distributions/1/","repo_sync_health":"green",
		"repo_sync_health_date":"2026-11-23T10:10:14","date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T11:10:14",` + repoAdded + `}`
	repo24 = `{"id":42,"name":"int-rpm-000","repo_type":"rpm","pulp_server_id":1,"repo_id":24,"repo_href":"/repositories/2/",
		"remote_href":null,"remote_feed":null,"distribution_href":null,"repo_sync_health":null,"repo_sync_health_date":null,
		"date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T09:10:14",` + repoAdded + `}`
	// repoAdded are the fields that the original does not have.
	repoAdded = `"latest_version":null,"served_version":null,"served_publication":null,"base_path":null,"packages":null,"managed":false,"drift":[],"drift_date":null`
	group1    = `{"pulp_server_id":2,"repo_group_id":1,"name":"internal","schedule":"0 5 1 1 *","max_concurrent_syncs":"2","max_runtime":"1h",
		"date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T09:10:14"}`
	group2 = `{"pulp_server_id":2,"repo_group_id":2,"name":"external","schedule":null,"max_concurrent_syncs":"4","max_runtime":"6h",
		"date_created":"2026-11-23T09:10:14","date_last_updated":"2026-11-23T09:10:14"}`
	task1 = `"id":1,"name":"repo sync pulp1.example.com","parent_task_id":null,"task_type":"repo_group_sync",
		"task_args":{"name":"pulp1.example.com","sync_options":null},"date_queued":"2026-11-23T09:10:14","date_started":"2026-11-23T10:10:14",
		"date_finished":"2026-11-23T11:10:14","state":"failed","error":{"msg":"1 of 1 failed","detail":"look at it"},"worker_name":"vm","worker_job_id":"7",` + taskAdded
	task2 = `{"id":2,"name":"pulp1.example.com repo sync ext-deb-000","parent_task_id":"1","task_type":"repo_sync","task_args":{},
		"date_queued":"2026-11-23T09:10:14","date_started":null,"date_finished":null,"state":"running","error":{},"worker_name":null,"worker_job_id":null,` + taskAdded + `}`
	// taskAdded are the fields that the original does not have.
	taskAdded = `"retry_of":null,"done_in":null,"attempt":1,"next_attempt":null,"retry_reason":null,"waiting_for":null,"cancel_requested":null,"cancel_confirmed":null`
)

// Shapes are the original's (legacy sections 3.4, 3.5, appendix B).
func TestAnswersHaveTheOriginalsShape(t *testing.T) {
	page := func(items string, total, number, size string) string {
		return `{"items":[` + items + `],"total":` + total + `,"page":` + number + `,"page_size":` + size + `}`
	}
	tests := []struct {
		name, target, want string
	}{
		{"servers", "/v1/pulp_servers/", page(server1+","+server2, "2", "1", "50")},
		{"sorting keeps the total", "/v1/pulp_servers/?sort_by=name", page(server1+","+server2, "2", "1", "50")}, // D31
		{"second page", "/v1/pulp_servers/?page=2&page_size=1", page(server2, "2", "2", "1")},
		{"page past the end", "/v1/pulp_servers/?page=999", page("", "2", "999", "50")},
		{"total only", "/v1/pulp_servers/?page_size=0", page("", "2", "1", "0")},
		{"healths", "/v1/pulp_servers/repo_health_statuses", `["green","amber","red"]`},
		{"server", "/v1/pulp_servers/1", server1},
		{"repositories", "/v1/pulp_servers/1/repos", page(repo23+","+repo24, "2", "1", "50")},
		{"repositories of an unknown server", "/v1/pulp_servers/999/repos", page("", "0", "1", "50")},
		{"repository by its name's id", "/v1/pulp_servers/1/repos/23", repo23},
		{"groups", "/v1/pulp_servers/2/repo_groups", page(group1+","+group2, "2", "1", "50")}, // D32
		{"groups of an unknown server", "/v1/pulp_servers/999/repo_groups", page("", "0", "1", "50")},
		{"group", "/v1/pulp_servers/2/repo_groups/1", group1},
		{"tasks", "/v1/tasks/", page("{"+task1+"},"+task2, "2", "1", "50")}, // D44: the parent's id stays a text
		{"task types", "/v1/tasks/task_types", `["repo_sync","repo_group_sync","repo_snapshot","repo_creation_from_git","repo_removal","remove_repo_content","repo_adoption"]`},
		{"task states", "/v1/tasks/task_states", `["queued","running","completed","failed","canceled","failed_to_start","skipped"]`},
		{"task", "/v1/tasks/1", "{" + task1 + `,"stages":[{"id":9,"task_id":1,"name":"reconcile repos","detail":{"msg":"done"},"error":{}},
			{"id":10,"task_id":1,"name":"sync repos","detail":{},"error":{"msg":"one failed"}}],"waiting_for":null}`},
		{"task without stages", "/v1/tasks/2", task2[:len(task2)-1] + `,"stages":[],"waiting_for":null}`},
		{"health", "/healthz", `{"status":"ok","version":"1.2.3"}`},
		{"readiness", "/readyz", `{"status":"ok","checks":[]}`},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, h, http.MethodGet, test.target, "")
			if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
				t.Fatalf("answered %d %s: %s", got.status, got.header.Get("Content-Type"), got.body)
			}
			if diff := cmp.Diff(plain(t, test.want), plain(t, got.body)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// plain reads JSON of any shape.
func plain(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%q is not JSON: %v", text, err)
	}
	return value
}

func TestWhatIsNotThere(t *testing.T) {
	tests := []struct {
		method, target string
		status         int
		detail         string
	}{
		{"GET", "/v1/pulp_servers/999", 404, "there is no server 999"},
		{"GET", "/v1/pulp_servers/3", 404, "server gone.example.com was removed from the configuration"},
		{"POST", "/v1/pulp_servers/3/register_repos", 404, "server gone.example.com was removed from the configuration"},
		{"GET", "/v1/pulp_servers/1/repos/41", 404, "server 1 has no repository 41"},
		{"GET", "/v1/pulp_servers/1/repo_groups/1", 404, "server 1 has no group 1"},
		{"GET", "/v1/tasks/999", 404, "there is no task 999"},
		{"GET", "/v1/pulp_servers/abc", 422, `path.id must be an integer, not "abc"`}, // D34
		{"GET", "/v1/pulp_servers/1/repos/abc", 422, `path.repo_id must be an integer, not "abc"`},
		{"GET", "/v1/tasks/99999999999999999999", 422, `path.id must be an integer, not "99999999999999999999"`},
		{"GET", "/", 404, "Not Found"},
		{"GET", "/v1/nope", 404, "Not Found"},
		{"GET", "/v1/tasks/1/nope", 404, "Not Found"},
		{"POST", "/v1/pulp_servers/1/nope", 404, "Not Found"},
		{"DELETE", "/v1/pulp_servers/1", 405, "Method Not Allowed"},
		{"OPTIONS", "/v1/pulp_servers/", 405, "Method Not Allowed"},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			body := ""
			if test.method == http.MethodPost {
				body = "{}"
			}
			got := ask(t, h, test.method, test.target, body)
			p := got.problem(t)
			if got.status != test.status || p.Detail != test.detail {
				t.Errorf("answered %d %q, want %d %q", got.status, p.Detail, test.status, test.detail)
			}
			if p.RequestID == "" || p.RequestID != got.header.Get("X-Request-ID") {
				t.Errorf("request id %q in the body, %q in the header", p.RequestID, got.header.Get("X-Request-ID"))
			}
			if test.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestFinalSlashIsRedirected(t *testing.T) {
	tests := []struct{ method, target, location string }{
		{"GET", "/v1/tasks", "/v1/tasks/"},
		{"GET", "/v1/pulp_servers?name=a%20b", "/v1/pulp_servers/?name=a%20b"},
		{"GET", "/v1/pulp_servers/1/", "/v1/pulp_servers/1"},
		{"POST", "/v1/pulp_servers/1/sync_repos/", "/v1/pulp_servers/1/sync_repos"},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		got := ask(t, h, test.method, test.target, "")
		if got.status != http.StatusTemporaryRedirect || got.header.Get("Location") != test.location {
			t.Errorf("%s %s: answered %d to %q, want 307 to %q", test.method, test.target, got.status, got.header.Get("Location"), test.location)
		}
	}
}
