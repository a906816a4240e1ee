// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	job7 = `"id":"7","args":[],"meta":{"job_type":"ADHOC_REPO_SYNC","pulp_server":"pulp1.example.com","max_concurrent_syncs":2,"regex_include":"(",
		"regex_exclude":null,"source_pulp_server_name":null,"sync_options":null,"task_id":1},"status":"failed","enqueued_at":"2026-11-23T09:10:14.123456",
		"started_at":"2026-11-23T09:11:14.123456","ended_at":"2026-11-23T09:12:14.123456","result_ttl":86400,"ttl":null,"timeout":3600`
	job8 = `"id":"8","args":[],"meta":{"job_type":"repo_snapshot","task_id":3},"status":"stopped","enqueued_at":"2026-11-23T09:10:14.123456",
		"started_at":"2026-11-23T09:11:14.123456","ended_at":"2026-11-23T09:12:14.123456","result_ttl":86400,"ttl":null,"timeout":-1`
	job9 = `"id":"9","args":[],"meta":{},"status":"failed","enqueued_at":"2026-11-23T09:10:14.123456","started_at":null,
		"ended_at":"2026-11-23T09:12:14.123456","result_ttl":86400,"ttl":null,"timeout":null`
	scheduled1 = `{"id":"1","args":["pulp1.example.com",null,null,"/app/conf/n20"],"meta":{"job_type":"REPO_REGISTRATION_SCHEDULED","pulp_server":"pulp1.example.com",
		"regex_include":null,"regex_exclude":null,"local_repo_config_dir":"/app/conf/n20","cron_string":"0 3 1 1 *","use_local_timezone":true},"status":null,
		"enqueued_at":null,"started_at":null,"ended_at":null,"result_ttl":86400,"ttl":null,"timeout":1200}`
	scheduled2 = `{"id":"2","args":["pulp2.example.com:8080",2,"^int","^int-secret","pulp1.example.com"],"meta":{"job_type":"REPO_GROUP_SYNC_SCHEDULED",
		"pulp_server":"pulp2.example.com:8080","repo_group_id":1,"repo_group_name":"internal","max_concurrent_syncs":2,"regex_include":"^int","regex_exclude":"^int-secret",
		"source_pulp_server_name":"pulp1.example.com","cron_string":"TZ=UTC 0 5 * * *","use_local_timezone":false},"status":null,
		"enqueued_at":null,"started_at":null,"ended_at":null,"result_ttl":86400,"ttl":null,"timeout":3600}`
)

// Shapes are those of the original's recorded answers (legacy section 3.7).
func TestJobsHaveTheOriginalsShape(t *testing.T) {
	const under = "/v1/rq_jobs/queues"
	tests := []struct{ name, target, want string }{
		{"queues", under, `["default"]`},
		{"queue", under + "/default", `{"name":"default","queued_jobs":1,"deferred_jobs":0,"started_jobs":0,"finished_jobs":1,"failed_jobs":3}`}, // D41
		{"queued", under + "/default/jobs/queued", `{"items":[{"id":"6","args":["pulp1.example.com",null,null,null],"meta":{"job_type":"REPO_REGISTRATION_SCHEDULED",
			"pulp_server":"pulp1.example.com","regex_include":null,"regex_exclude":null,"local_repo_config_dir":null,"task_id":9},"status":"queued",
			"enqueued_at":"2026-11-23T09:10:14.123456","started_at":null,"ended_at":null,"result_ttl":86400,"ttl":null,"timeout":60}],"total":1,"page":1,"page_size":8}`},
		{"none", under + "/default/jobs/deferred", `{"items":[],"total":0,"page":1,"page_size":8}`},
		{"failed", under + "/default/jobs/failed", `{"items":[{` + job7 + `},{` + job8 + `},{` + job9 + `}],"total":3,"page":1,"page_size":8}`},
		{"a page", under + "/default/jobs/failed?page=2&page_size=2", `{"items":[{` + job9 + `}],"total":3,"page":2,"page_size":2}`},
		{"page past the end", under + "/default/jobs/failed?page=99", `{"items":[],"total":3,"page":99,"page_size":8}`}, // D42
		{"scheduled", under + "/default/scheduled", `{"items":[` + scheduled1 + `,` + scheduled2 + `],"total":2,"page":1,"page_size":8}`},
		{"scheduled, a page", under + "/default/scheduled?page=2&page_size=1", `{"items":[` + scheduled2 + `],"total":2,"page":2,"page_size":1}`},
		{"a failed job", under + "/jobs/7", `{` + job7 + `,"exc_info":"1 of 1 failed: look at it"}`},
		{"a canceled job", under + "/jobs/8", `{` + job8 + `,"exc_info":null}`},
		{"a lost job", under + "/jobs/9", `{` + job9 + `,"exc_info":"the process that worked on it died; the task goes on, or went on, with another job"}`},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, h, http.MethodGet, test.target, "")
			if got.status != http.StatusOK {
				t.Fatalf("answered %d: %s", got.status, got.body)
			}
			if diff := cmp.Diff(plain(t, test.want), plain(t, got.body)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// What was a 500 in the original (D35).
func TestJobsThatAreNotThere(t *testing.T) {
	tests := []struct {
		target string
		status int
		detail string
	}{
		{"/v1/rq_jobs/queues/other", 404, `there is no queue "other"`},
		{"/v1/rq_jobs/queues/other/jobs/failed", 404, `there is no queue "other"`},
		{"/v1/rq_jobs/queues/other/scheduled", 404, `there is no queue "other"`},
		{"/v1/rq_jobs/queues/jobs/nope", 404, `there is no job "nope"`},
		{"/v1/rq_jobs/queues/jobs/99", 404, "there is no job 99"},
		{"/v1/rq_jobs/queues/default/nope", 404, "Not Found"},
		{"/v1/rq_jobs/queues/default/jobs/nope", 404, "Not Found"},
		{"/v1/rq_jobs/queues/default/jobs/failed?page_size=x", 422, `query.page_size must be an integer, not "x"`},
		{"/v1/rq_jobs/queues/default/jobs/failed?page_size=25", 422, "query.page_size must be between 0 and 24, not 25"},
	}
	h := New(newMemory().options())
	for _, test := range tests {
		got := ask(t, h, http.MethodGet, test.target, "")
		if p := got.problem(t); got.status != test.status || p.Detail != test.detail {
			t.Errorf("%s: answered %d %q, want %d %q", test.target, got.status, p.Detail, test.status, test.detail)
		}
	}
}
