// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestAskQueuesATask(t *testing.T) {
	tests := []struct {
		name, path, body, args string
	}{
		{"plain", "sync_repos", `{"max_runtime":"600","max_concurrent_syncs":2}`, `{"max_runtime":"600","max_concurrent_syncs":2,"dry_run":true}`},
		// The original was lenient about types (legacy section 3.4).
		{"number for text", "sync_repos", `{"max_runtime":3600,"max_concurrent_syncs":"2"}`, `{"max_runtime":"3600","max_concurrent_syncs":2,"dry_run":true}`},
		{"whole float", "sync_repos", `{"max_runtime":"1h","max_concurrent_syncs":2.0}`, `{"max_runtime":"1h","max_concurrent_syncs":2,"dry_run":true}`},
		{
			"text for a boolean", "sync_repos", `{"max_runtime":"1h","max_concurrent_syncs":" 3 ","dry_run":"yes"}`,
			`{"max_runtime":"1h","max_concurrent_syncs":3,"dry_run":true}`,
		},
		{
			"null where it may be missing", "sync_repos",
			`{"max_runtime":"1h","max_concurrent_syncs":2,"regex_include":null,"sync_options":null,"source_pulp_server_name":null}`,
			`{"max_runtime":"1h","max_concurrent_syncs":2,"dry_run":true}`,
		},
		{
			"everything", "sync_repos",
			`{"max_runtime":"1h","max_concurrent_syncs":2,"regex_include":"^a","source_pulp_server_name":"pulp2.example.com:8080","sync_options":{"mirror":true,"n":1},"dry_run":false}`,
			`{"max_runtime":"1h","max_concurrent_syncs":2,"regex_include":"^a","source_pulp_server_name":"pulp2.example.com:8080","sync_options":{"mirror":true,"n":1}}`,
		},
		{"nothing needed", "register_repos", `{}`, `{}`},
		{"an optional one", "register_repos", `{"max_runtime":60}`, `{"max_runtime":"60"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			got := ask(t, New(m.options()), http.MethodPost, "/v1/pulp_servers/1/"+test.path, test.body, "Content-Type", "application/json")
			if got.status != http.StatusCreated {
				t.Fatalf("answered %d: %s", got.status, got.body)
			}
			var task map[string]any
			if err := json.Unmarshal([]byte(got.body), &task); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(t, test.args), task["task_args"]); diff != "" {
				t.Errorf("task_args (-want +got):\n%s", diff)
			}
			if task["state"] != "queued" || task["id"] != 3.0 || task["date_queued"] != "2026-11-23T09:10:14" {
				t.Errorf("task is %v", task)
			}
			if len(m.tasks) != 3 || m.tasks[2].Server != 1 {
				t.Errorf("queued: %+v", m.tasks[2:])
			}
		})
	}
}

// The original queued what could never work, and answered 500 to what it could not
// read (D34); unknown fields were ignored (legacy section 3.1).
func TestAskRefuses(t *testing.T) {
	const good = `"max_runtime":"600","max_concurrent_syncs":2`
	tests := []struct {
		name, server, body string
		status             int
		location, says     string
	}{
		{"no body", "1", "", 422, "body", "is missing"},
		{"no JSON", "1", `{"max_runtime":`, 422, "body", "is not JSON"},
		{"two values", "1", `{} {}`, 422, "body", "has more"},
		{"a list", "1", `[]`, 422, "body", "must be a JSON object"},
		{"null", "1", `null`, 422, "body", "must be a JSON object"},
		{"a field missing", "1", `{"max_runtime":"600"}`, 422, "body.max_concurrent_syncs", "is required"},
		{"null where it is needed", "1", `{"max_runtime":null,"max_concurrent_syncs":2}`, 422, "body.max_runtime", "expected string"},
		{"unknown field", "1", `{` + good + `,"regex":"x"}`, 422, "body.regex", "known are dry_run, max_concurrent_syncs, max_runtime, regex_include"},
		{"field in other case", "1", `{` + good + `,"Regex_Include":"x"}`, 422, "body.Regex_Include", "is not known here"},
		{"words for a number", "1", `{"max_runtime":"600","max_concurrent_syncs":"two"}`, 422, "body.max_concurrent_syncs", "expected integer"},
		{"part of a number", "1", `{"max_runtime":"600","max_concurrent_syncs":2.5}`, 422, "body.max_concurrent_syncs", "expected integer"},
		{"a huge number", "1", `{"max_runtime":"600","max_concurrent_syncs":99999999999999999999}`, 422, "body.max_concurrent_syncs", "<= 1e+15"},
		{"an object for text", "1", `{"max_runtime":{},"max_concurrent_syncs":2}`, 422, "body.max_runtime", "expected string"},
		{"a list for an object", "1", `{` + good + `,"sync_options":[]}`, 422, "body.sync_options", "expected object"},
		{"NUL", "1", `{` + good + `,"regex_include":"a\u0000b"}`, 422, "body", "NUL"},
		{"NUL deep inside", "1", `{` + good + `,"sync_options":{"a":["\u0000"]}}`, 422, "body", "NUL"},
		{"unknown source", "1", `{` + good + `,"source_pulp_server_name":"nope:80"}`, 422, "body.source_pulp_server_name", `"nope:80"`},
		{"removed source", "1", `{` + good + `,"source_pulp_server_name":"gone.example.com"}`, 422, "body.source_pulp_server_name", "gone.example.com"},
		{"none at a time", "1", `{"max_runtime":"600","max_concurrent_syncs":0}`, 400, "body.max_concurrent_syncs", "must be 1 or more"},
		{"fewer than none at a time", "1", `{"max_runtime":"600","max_concurrent_syncs":"-1"}`, 400, "body.max_concurrent_syncs", "must be 1 or more"},
		{"what the job refuses", "1", `{"max_runtime":"soon","max_concurrent_syncs":2}`, 422, "", `max_runtime "soon" is not a duration`},
		{"unknown server", "999", `{` + good + `}`, 404, "", "there is no server 999"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			got := ask(t, New(m.options()), http.MethodPost, "/v1/pulp_servers/"+test.server+"/sync_repos", test.body)
			p := got.problem(t)
			if got.status != test.status {
				t.Fatalf("answered %d, want %d: %s", got.status, test.status, got.body)
			}
			if test.location == "" {
				if p.Detail != test.says || len(p.Errors) != 0 {
					t.Errorf("answered %q, want %q", p.Detail, test.says)
				}
			} else if len(p.Errors) != 1 || p.Errors[0].Location != test.location || !strings.Contains(p.Errors[0].Message, test.says) {
				t.Errorf("errors are %+v, want one at %s that says %q", p.Errors, test.location, test.says)
			}
			if len(m.tasks) != 2 {
				t.Errorf("queued all the same: %+v", m.tasks[2:])
			}
		})
	}
}

func TestJobsHintIsShown(t *testing.T) {
	got := ask(t, New(newMemory().options()), http.MethodPost, "/v1/pulp_servers/1/sync_repos", `{"max_runtime":"soon","max_concurrent_syncs":2}`)
	if p := got.problem(t); !strings.Contains(p.Hint, "20m") {
		t.Errorf("hint is %q", p.Hint)
	}
}

func TestBodyLimits(t *testing.T) {
	h := New(newMemory().options())
	padded := func(n int) string { return `{"max_runtime":"` + strings.Repeat(" ", n) + `600"}` }
	tests := []struct {
		name, kind, body string
		status           int
	}{
		{"just fits", "application/json", padded(maxBody - len(padded(0))), 201},
		{"one too many", "application/json", padded(maxBody - len(padded(0)) + 1), 413},
		{"charset", "application/json; charset=utf-8", "{}", 201},
		{"another JSON", "application/merge-patch+json", "{}", 201},
		{"no type", "", "{}", 201},
		{"a form", "application/x-www-form-urlencoded", "{}", 415},
		{"text", "text/plain", "{}", 415},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var headers []string
			if test.kind != "" {
				headers = []string{"Content-Type", test.kind}
			}
			if got := ask(t, h, http.MethodPost, "/v1/pulp_servers/1/register_repos", test.body, headers...); got.status != test.status {
				t.Errorf("answered %d, want %d: %.200s", got.status, test.status, got.body)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	tests := []struct {
		name, id, body string
		status         int
		says           string
	}{
		{"running", "2", `{"state":"canceled"}`, 200, ""},
		{"over", "1", `{"state":"canceled"}`, 400, "task cannot be moved to canceled when it is in failed"},
		{"another state", "2", `{"state":"completed"}`, 400, `canceled is the only valid state to move a task to, not "completed"`},
		{"nonsense", "2", `{"state":"zzz"}`, 400, `canceled is the only valid state to move a task to, not "zzz"`},
		{"nothing", "2", `{}`, 422, "body.state is required"},
		{"more", "2", `{"state":"canceled","name":"x"}`, 422, "body.name is not known here; known are state"},
		{"unknown", "9", `{"state":"canceled"}`, 404, "there is no task 9"},
		{"no id", "x", `{"state":"canceled"}`, 422, `path.id must be an integer, not "x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			got := ask(t, New(m.options()), http.MethodPatch, "/v1/tasks/"+test.id, test.body)
			if got.status != test.status {
				t.Fatalf("answered %d, want %d: %s", got.status, test.status, got.body)
			}
			if test.status != http.StatusOK {
				if p := got.problem(t); p.Detail != test.says {
					t.Errorf("answered %q, want %q", p.Detail, test.says)
				}
				return
			}
			want := strings.Replace(strings.Replace(task2, `"running"`, `"canceled"`, 1), `"date_finished":null`, `"date_finished":"2026-11-23T09:11:14"`, 1)
			if diff := cmp.Diff(plain(t, want), plain(t, got.body)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCancelWhileTheStoreIsAway(t *testing.T) {
	m := newMemory()
	m.err = fault.New(fault.Unavailable, "the database cannot be reached")
	if got := ask(t, New(m.options()), http.MethodPatch, "/v1/tasks/2", `{"state":"canceled"}`); got.status != http.StatusServiceUnavailable {
		t.Errorf("answered %d: %s", got.status, got.body)
	}
}

// FuzzBody: whatever a body is, it is refused or becomes a value.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"max_runtime":3600,"max_concurrent_syncs":"2"}`, `{"max_runtime":"1h","max_concurrent_syncs":2e0,"sync_options":{"a":[1,{}]}}`, `[]`, `{"dry_run":"no"}`,
		`{"max_runtime":1e400,"max_concurrent_syncs":-0}`, `{"max_concurrent_syncs":1e18}`, `{"max_concurrent_syncs":"007","max_runtime":true}`, `{"a":`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	a := &api{document: newDocument("")}
	b := a.bodyOf(syncBody{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		value, fields, problems := b.decode(raw)
		if len(problems) > 0 {
			return
		}
		typed, ok := value.(syncBody)
		if !ok || fields["max_runtime"] != typed.MaxRuntime || fields["max_concurrent_syncs"] != float64(typed.MaxConcurrentSyncs) {
			t.Errorf("%q became %#v and %v", raw, value, fields)
		}
	})
}
