// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/job/removecontent"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
)

const unitHref = "/pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/"

// removals is an API with the real jobs that remove.
func removals() (*memory, http.Handler) {
	m := newMemory()
	m.repositories = append(m.repositories, fleet.Repository{ID: 43, NameID: 25, Server: 1, Name: "ext-gone", Type: "deb", Missing: day})
	o := m.options()
	o.Jobs = []job.Definition{removerepositories.Definition(removerepositories.Settings{}), removecontent.Definition()}
	return m, New(o)
}

// Name, kind and arguments are the original's (legacy section 5.5); what removes nothing is the default.
func TestRemovalsAreQueued(t *testing.T) {
	tests := []struct {
		name, path, body, task, kind, args string
		repository                         fleet.RepositoryID
	}{
		{
			"a dry run unless told otherwise", "remove_repos", `{"max_runtime":600,"regex_include":"^snap-"}`, "remove repos pulp1.example.com", "repo_removal",
			`{"max_runtime":"600","regex_include":"^snap-","regex_exclude":null,"dry_run":true}`, 0,
		},
		{
			"also where it is null", "remove_repos", `{"max_runtime":"600","regex_include":"^snap-","dry_run":null}`, "remove repos pulp1.example.com", "repo_removal",
			`{"max_runtime":"600","regex_include":"^snap-","regex_exclude":null,"dry_run":true}`, 0,
		},
		{
			"everything", "remove_repos", `{"max_runtime":"1h","regex_include":"^snap-","regex_exclude":"x","dry_run":"false","confirm":"12","internal":true}`,
			"remove repos pulp1.example.com", "repo_removal",
			`{"max_runtime":"1h","regex_include":"^snap-","regex_exclude":"x","dry_run":false,"confirm":12,"internal":true}`, 0,
		},
		{
			"content", "repos/23/remove_repo_content", `{"max_runtime":"600","content_href":"` + unitHref + `"}`, "remove repo content pulp1.example.com", "remove_repo_content",
			`{"max_runtime":"600","pulp_server_name":"pulp1.example.com","repo_name":"ext-deb-000","content_href":"` + unitHref + `","force_publish":null}`, 41,
		},
		{
			"content, without a final slash", "repos/23/remove_repo_content", `{"max_runtime":"600","force_publish":true,"content_href":"` + strings.TrimSuffix(unitHref, "/") + `"}`,
			"remove repo content pulp1.example.com", "remove_repo_content",
			`{"max_runtime":"600","pulp_server_name":"pulp1.example.com","repo_name":"ext-deb-000","content_href":"` + unitHref + `","force_publish":true}`, 41,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, h := removals()
			got := ask(t, h, http.MethodPost, "/v1/pulp_servers/1/"+test.path, test.body)
			var task map[string]any
			if err := json.Unmarshal([]byte(got.body), &task); err != nil || got.status != http.StatusCreated {
				t.Fatalf("answered %d %s", got.status, got.body)
			}
			if diff := cmp.Diff(plain(t, test.args), task["task_args"]); diff != "" {
				t.Errorf("task_args (-want +got):\n%s", diff)
			}
			if task["name"] != test.task || task["task_type"] != test.kind {
				t.Errorf("task is %v", task)
			}
			if queued := m.tasks[len(m.tasks)-1]; queued.Server != 1 || queued.Repository != test.repository {
				t.Errorf("queued %+v", queued)
			}
		})
	}
}

// Whatever cannot be meant is refused before there is a task (D113, D114).
func TestRemovalsRefuse(t *testing.T) {
	const good = `"max_runtime":"600","regex_include":"^snap-"`
	const goodUnit = `"max_runtime":"600","content_href":"` + unitHref + `"`
	const repos, unit = "1/remove_repos", "1/repos/23/remove_repo_content"
	tests := []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"nothing", repos, `{}`, 422, "body.max_runtime is required"},
		{"no pattern", repos, `{"max_runtime":"600"}`, 422, "regex_include must say"},
		{"no pattern, for real", repos, `{"max_runtime":"600","dry_run":false}`, 422, "regex_include must say"},
		{"an empty pattern", repos, `{"max_runtime":"600","regex_include":""}`, 422, "regex_include must say"},
		{"an exclude alone", repos, `{"max_runtime":"600","regex_exclude":"^ext-"}`, 422, "regex_include must say"},
		{"a bad pattern", repos, `{"max_runtime":"600","regex_include":"(a"}`, 422, `pattern "(a" is not a regular expression`},
		{"a bad exclude", repos, `{` + good + `,"regex_exclude":"*"}`, 422, `pattern "*" is not a regular expression`},
		{"a long pattern", repos, `{"max_runtime":"600","regex_include":"` + strings.Repeat("a", 1025) + `"}`, 422, "too long"},
		{"a pattern that is none", repos, `{"max_runtime":"600","regex_include":["a"]}`, 422, "body.regex_include expected string"},
		{"a time that is none", repos, `{"max_runtime":"soon","regex_include":"a"}`, 422, "is not a duration"},
		{"a time of another type", repos, `{"max_runtime":[],"regex_include":"a"}`, 422, "body.max_runtime expected string"},
		{"dry run maybe", repos, `{` + good + `,"dry_run":"maybe"}`, 422, "body.dry_run expected boolean"},
		{"a number in words", repos, `{` + good + `,"confirm":"all"}`, 422, "body.confirm expected integer"},
		{"a number below none", repos, `{` + good + `,"confirm":-1}`, 422, "body.confirm expected number >= 0"},
		{"a huge number", repos, `{` + good + `,"confirm":99999999999999999999}`, 422, "body.confirm"},
		{"internal maybe", repos, `{` + good + `,"internal":"perhaps"}`, 422, "body.internal expected boolean"},
		{"a mistyped field", repos, `{` + good + `,"dryrun":false}`, 422, "body.dryrun is not known here"},
		{"an unknown server", "9/remove_repos", `{` + good + `}`, 404, "there is no server 9"},

		{"no unit", unit, `{"max_runtime":"600"}`, 422, "body.content_href is required"},
		{"no time", unit, `{"content_href":"` + unitHref + `"}`, 422, "body.max_runtime is required"},
		{"an empty unit", unit, `{"max_runtime":"600","content_href":""}`, 422, "is no package of a deb repository"},
		{"a long unit", unit, `{"max_runtime":"600","content_href":"/` + strings.Repeat("a", 1024) + `"}`, 422, "body.content_href expected length <= 1024"},
		{"another type's unit", unit, `{"max_runtime":"600","content_href":"` + strings.Replace(unitHref, "deb", "rpm", 1) + `"}`, 422, "is no package of a deb repository"},
		{"a unit by another address", unit, `{"max_runtime":"600","content_href":"http://127.0.0.1` + unitHref + `"}`, 422, "is no package of a deb repository"},
		{"a unit of another type", unit, `{"max_runtime":"600","content_href":["x"]}`, 422, "body.content_href expected string"},
		{"a bad time", unit, `{"max_runtime":"soon","content_href":"` + unitHref + `"}`, 422, "is not a duration"},
		{"force maybe", unit, `{` + goodUnit + `,"force_publish":"maybe"}`, 422, "body.force_publish expected boolean"},
		{"an unknown repository", "1/repos/99999/remove_repo_content", `{` + goodUnit + `}`, 404, "server 1 has no repository 99999"},
		{"a repository that is gone", "1/repos/25/remove_repo_content", `{` + goodUnit + `}`, 404, "has no repository ext-gone any more"},
		{"no id", "1/repos/x/remove_repo_content", `{` + goodUnit + `}`, 422, "path.repo_id must be an integer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, h := removals()
			got := ask(t, h, http.MethodPost, "/v1/pulp_servers/"+test.path, test.body)
			if p := got.problem(t); got.status != test.status || !strings.Contains(p.Detail, test.says) {
				t.Errorf("answered %d %q, want %d that says %q", got.status, p.Detail, test.status, test.says)
			}
			if len(m.tasks) != 2 {
				t.Errorf("queued all the same: %+v", m.tasks[2:])
			}
		})
	}
}
