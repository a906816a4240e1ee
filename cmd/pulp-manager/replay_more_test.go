// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// moreRequest is a request that a client of the original sends, of which no answer is recorded. What is wanted
// follows from legacy sections 3.1 and 3.4 to 3.7, and from docs/migrating.md where that says otherwise.
type moreRequest struct {
	method, target, body string
	status               int
	total                int    // of a list
	first                string // name of its first row; empty: any
	at                   string // location of the problem; empty: none
}

// moreReads are sent to the fleet of the recordings: 2 servers, 20 repositories on each, 86 tasks.
func moreReads() []moreRequest {
	list := func(target string, total int, first string) moreRequest {
		return moreRequest{method: http.MethodGet, target: target, status: http.StatusOK, total: total, first: first}
	}
	wrong := func(target, at string) moreRequest {
		return moreRequest{method: http.MethodGet, target: target, status: http.StatusUnprocessableEntity, at: at}
	}
	const servers, repos, tasks, groups = "/v1/pulp_servers/", "/v1/pulp_servers/1/repos", "/v1/tasks/", "/v1/pulp_servers/2/repo_groups"
	const ofRepo = "/v1/pulp_servers/1/repos/22/tasks"
	first := recordedPrimary
	all := []moreRequest{
		// each filter of a list of servers, alone
		list(servers+"?name="+first, 1, first),
		list(servers+"?name=nobody", 0, ""),
		list(servers+"?name__match=%5E127", 2, first),
		list(servers+"?name__match=:25867$", 0, ""), // the ports here are others
		list(servers+"?repo_sync_health_rollup=green", 2, first),
		list(servers+"?repo_sync_health_rollup=red", 0, ""),
		list(servers+"?repo_sync_health_rollup_date__ge=2000-01-01T00:00:00", 2, first),
		list(servers+"?repo_sync_health_rollup_date__le=2000-01-01T00:00:00", 0, ""),
		list(servers+"?snapshot_supported=false", 1, recordedSecondary),
		list(servers+"?snapshot_supported=1", 1, first),
		list(servers+"?snapshot_supported=no", 1, recordedSecondary),
		// together, sorted, paged
		list(servers+"?name__match=127&snapshot_supported=true&repo_sync_health_rollup=green", 1, first),
		list(servers+"?sort_by=name&order_by=asc", 2, first),
		list(servers+"?sort_by=name&order_by=desc&page_size=1", 2, recordedSecondary),
		list(servers+"?sort_by=repo_sync_health_rollup_id", 2, ""),
		list(servers+"?sort_by=snapshot_supported&order_by=desc", 2, first),
		list(servers+"?sort_by=max_concurrent_snapshots", 2, ""),
		list(servers+"?page=1&page_size=20000", 2, first),
		list(servers+"?page=2&page_size=2", 2, ""),
		list(servers+"?page_size=0", 2, ""),
		wrong(servers+"?page=0", "query.page"),
		wrong(servers+"?page=-1", "query.page"),
		wrong(servers+"?page=1.5", "query.page"),
		wrong(servers+"?page=", "query.page"),
		wrong(servers+"?page_size=20001", "query.page_size"),
		wrong(servers+"?page_size=-1", "query.page_size"),
		wrong(servers+"?sort_by=password", "query.sort_by"),
		wrong(servers+"?sort_by=id;drop", "query"),
		wrong(servers+"?order_by=DESC", "query.order_by"),
		wrong(servers+"?snapshot_supported=perhaps", "query.snapshot_supported"),
		wrong(servers+"?name__match=(", "query.name__match"), // D35
		wrong(servers+"?colour=x", "query.colour"),
		wrong(servers+"?name=a&name=b", "query.name"),
		wrong(servers+"?name=%00", "query.name"),
		wrong(servers+"?name=%ff", "query.name"),
		// repositories
		list(repos+"?name=ext-rpm-001", 1, "ext-rpm-001"),
		list(repos+"?name__match=^EXT-RPM", 7, ""), // without case, as the database was
		list(repos+"?repo_type=file", 6, ""),
		list(repos+"?repo_type=container", 0, ""),
		list(repos+"?repo_sync_health=green", 20, "ext-file-002"),
		list(repos+"?repo_sync_health=amber", 0, ""),
		list(repos+"?repo_sync_health_date__ge=2000-01-01T00:00:00&repo_type=rpm", 7, ""),
		list(repos+"?repo_sync_health_date__le=2000-01-01T00:00:00", 0, ""),
		list(repos+"?sort_by=name", 20, "ext-deb-000"),
		list(repos+"?sort_by=name&order_by=desc&repo_type=deb", 7, "ext-deb-018"),
		list(repos+"?sort_by=pulp_server_name", 20, ""),
		list(repos+"?sort_by=repo_type", 20, "ext-deb-000"),
		list(repos+"?page=2&page_size=19&sort_by=name", 20, "ext-rpm-019"),
		wrong(repos+"?sort_by=drift", "query.sort_by"),
		wrong("/v1/pulp_servers/x/repos", "path.id"),
		list("/v1/pulp_servers/2/repos", 20, ""),
		// groups
		list(groups, 2, "internal_repos"),
		list(groups+"?page=2&page_size=1", 2, "external_repos"),
		list("/v1/pulp_servers/999/repo_groups", 0, ""),
		// tasks
		list(tasks+"?name="+strings.ReplaceAll("repo sync "+first, " ", "%20"), 2, "repo sync "+first),
		list(tasks+"?name__match=registration$", 2, first+" repo registration"),
		list(tasks+"?state=completed", 86, ""),
		list(tasks+"?state=queued", 0, ""),
		list(tasks+"?task_type=repo_sync", 80, ""),
		list(tasks+"?task_type=repo_creation_from_git", 2, ""),
		list(tasks+"?task_type=remove_repo_content", 0, ""),
		list(tasks+"?parent_task_id=0", 6, ""), // ours: those without a parent
		list(tasks+"?worker_name=nobody", 0, ""),
		list(tasks+"?worker_job_id=nothing", 0, ""),
		list(tasks+"?task_type=repo_group_sync&state=completed&sort_by=date_started&order_by=desc", 4, "repo sync "+recordedSecondary),
		list(tasks+"?sort_by=state_id", 86, ""),
		list(tasks+"?sort_by=task_type_id", 86, ""),
		list(tasks+"?sort_by=name&page_size=1", 86, ""),
		wrong(tasks+"?state=Completed", "query.state"),
		wrong(tasks+"?task_type=sync", "query.task_type"),
		wrong(tasks+"?parent_task_id=x", "query.parent_task_id"),
		// the tasks of a repository
		list(ofRepo, 2, first+" repo sync ext-rpm-001"),
		list(ofRepo+"?task_type=repo_sync&state=completed", 2, ""),
		list(ofRepo+"?state=failed", 0, ""),
		list(ofRepo+"?worker_name=nobody", 0, ""),
		list(ofRepo+"?date_queued__ge=2000-01-01T00:00:00&date_started__ge=2000-01-01T00:00:00&date_finished__ge=2000-01-01T00:00:00", 2, ""),
		list(ofRepo+"?date_finished__le=2000-01-01T00:00:00", 0, ""),
		list(ofRepo+"?sort_by=date_queued&order_by=desc&page_size=1", 2, ""),
		list(ofRepo+"?sort_by=pulp_server_id", 2, ""),
		list(ofRepo+"?sort_by=repo_id", 2, ""),
		{method: http.MethodGet, target: "/v1/pulp_servers/1/repos/999/tasks", status: http.StatusNotFound},
		{method: http.MethodGet, target: "/v1/pulp_servers/1/repos/1/tasks", status: http.StatusNotFound}, // of another server
		wrong(ofRepo+"?state=zzz", "query.state"),
	}
	// dates in every form that the original takes, and in more
	for _, form := range []string{
		"2000-01-02T03:04:05", "2000-01-02T03:04:05.123456", "2000-01-02T03:04", "2000-01-02%2003:04:05", "2000-01-02", "2000-01-02T03:04:05Z",
		"2000-01-02T03:04:05%2B02:00", "2000-01-02T03:04:05+02:00", "2000-01-02T03:04:05-0200", "946782245", "946782245.5", "946782245000", "0", "-1",
	} {
		for _, field := range []string{"date_queued", "date_started", "date_finished"} {
			all = append(all, list(tasks+"?"+field+"__ge="+form, 86, ""), list(tasks+"?"+field+"__le="+form, 0, ""))
		}
	}
	for _, form := range []string{"zz", "2000-13-01", "2000-01-32T00:00:00", "2000-01-02T25:00:00", "", "1e99", "nan", "now"} {
		all = append(all, wrong(tasks+"?date_started__ge="+form, "query.date_started__ge"))
	}
	return append(all, moreRefusals()...)
}

// moreRefusals are requests for what is not there, in the wrong way, and with bodies that are refused.
func moreRefusals() []moreRequest {
	var all []moreRequest
	good := map[string]string{
		"sync_repos": `{"max_runtime":"600","max_concurrent_syncs":1`, "remove_repos": `{"max_runtime":"600","regex_include":"^zzz"`,
		"snapshot_repos": `{"max_runtime":"600","snapshot_prefix":"x"`, "repos/22/remove_repo_content": `{"max_runtime":"600","content_href":"{href of dog}"`,
		"repos/22/find_package_content": `{"name":"dog"`,
	}
	for path, body := range good {
		post := func(server, path, body string, status int, at string) {
			all = append(all, moreRequest{method: http.MethodPost, target: "/v1/pulp_servers/" + server + "/" + path, body: body, status: status, at: at})
		}
		post("999", path, body+"}", http.StatusNotFound, "")
		post("0", path, body+"}", http.StatusNotFound, "")
		post("-1", path, body+"}", http.StatusNotFound, "")
		post("abc", path, body+"}", http.StatusUnprocessableEntity, "path.id")
		post("99999999999999999999", path, body+"}", http.StatusUnprocessableEntity, "path.id")
		if strings.HasPrefix(path, "repos/") {
			post("1", strings.Replace(path, "22", "99999", 1), body+"}", http.StatusNotFound, "")
			post("1", strings.Replace(path, "22", "abc", 1), body+"}", http.StatusUnprocessableEntity, "path.repo_id")
		}
		post("1", path, body+`,"colour":"red"}`, http.StatusUnprocessableEntity, "body.colour")
		post("1", path, body, http.StatusUnprocessableEntity, "body")
		post("1", path, `[]`, http.StatusUnprocessableEntity, "body")
		post("1", path, `"text"`, http.StatusUnprocessableEntity, "body")
		post("1", path, body+`} {}`, http.StatusUnprocessableEntity, "body")
		post("1", path+"/", body+"}", http.StatusTemporaryRedirect, "")
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
			all = append(all, moreRequest{method: method, target: "/v1/pulp_servers/1/" + path, status: http.StatusMethodNotAllowed})
		}
	}
	for _, target := range []string{"/v1/pulp_servers", "/v1/tasks", "/v1/tasks/task_types/", "/v1/pulp_servers/1/repos/", "/v1/pulp_servers?name=x", "/v1/tasks?page_size=5"} {
		all = append(all, moreRequest{method: http.MethodGet, target: target, status: http.StatusTemporaryRedirect})
	}
	for _, target := range []string{"/v1/tasks/task_types", "/v1/tasks/task_states", "/v1/pulp_servers/", "/v1/pulp_servers/1", "/v1/tasks/", "/v1/pulp_servers/1/repos"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			all = append(all, moreRequest{method: method, target: target, status: http.StatusMethodNotAllowed})
		}
	}
	return all
}

// moreBodies are lenient bodies that are accepted: numbers for text, text for numbers and booleans, null for what may be
// left out. The tasks find nothing to do.
var moreBodies = []moreRequest{
	{target: "1/sync_repos", body: `{"max_runtime":600,"max_concurrent_syncs":"2","regex_include":"^zzz"}`},
	{target: "1/sync_repos", body: `{"max_runtime":"10m","max_concurrent_syncs":2.0,"regex_include":"^zzz","regex_exclude":null,"source_pulp_server_name":null,"sync_options":null}`},
	{target: "1/sync_repos", body: `{"max_runtime":" 600 ","max_concurrent_syncs":1,"regex_include":"^zzz","sync_options":{}}`},
	{target: "1/sync_repos", body: `{"max_runtime":"-1","max_concurrent_syncs":1,"regex_include":"^zzz"}`},
	{target: "1/sync_repos", body: `{"max_runtime":"1D","max_concurrent_syncs":1,"regex_include":"^zzz"}`},
	{target: "1/snapshot_repos", body: `{"max_runtime":"600","snapshot_prefix":2026,"regex_include":"^zzz","allow_snapshot_reuse":"yes"}`},
	{target: "1/snapshot_repos", body: `{"max_runtime":"600","snapshot_prefix":"snap-x","regex_include":"^zzz","allow_snapshot_reuse":0}`},
	{target: "1/remove_repos", body: `{"max_runtime":3600,"regex_include":"^zzz","dry_run":"true","regex_exclude":null}`},
	{target: "1/remove_repos", body: `{"max_runtime":"600","regex_include":"^zzz","dry_run":1}`},
}

// tryMore sends requests and checks the answers.
func (w *replayWorld) tryMore(t *testing.T, all []moreRequest) {
	t.Helper()
	for _, m := range all {
		a := w.send(m.method, w.ours(m.target), nil, []byte(w.ours(m.body)))
		name := m.method + " " + m.target + " " + m.body
		w.checkWords(name, a)
		if a.status != m.status {
			t.Errorf("%s: answered %d %s, want %d", name, a.status, a.raw, m.status)
			continue
		}
		switch {
		case m.status == http.StatusOK:
			w.checkPage(t, name, m, a)
		case m.status == http.StatusTemporaryRedirect:
			path, query, _ := strings.Cut(m.target, "?")
			want, had := strings.CutSuffix(path, "/")
			if !had {
				want += "/"
			}
			if query != "" {
				want += "?" + query
			}
			if at := a.header.Get("Location"); at != want {
				t.Errorf("%s: to %q, want %q", name, at, want)
			}
		case m.status >= 400:
			checkProblem(t, name, m.at, a)
		}
	}
}

// checkPage checks a page: its numbers, its first row, that it is as long as it says.
func (w *replayWorld) checkPage(t *testing.T, name string, m moreRequest, a replayAnswer) {
	t.Helper()
	page, _ := a.body.(map[string]any)
	if page["total"] != float64(m.total) {
		t.Errorf("%s: total %v, want %d", name, page["total"], m.total)
	}
	items := a.items()
	if size, _ := page["page_size"].(float64); len(items) > int(size) {
		t.Errorf("%s: %d rows on a page of %v", name, len(items), size)
	}
	if m.first != "" && (len(items) == 0 || items[0]["name"] != w.ours(m.first)) {
		t.Errorf("%s: rows %v, want %s first", name, items, m.first)
	}
}

// checkProblem checks the one shape of errors, and that it says where the problem is.
func checkProblem(t *testing.T, name, at string, a replayAnswer) {
	t.Helper()
	problem, _ := a.body.(map[string]any)
	detail, _ := problem["detail"].(string)
	id, _ := problem["request_id"].(string)
	if detail == "" || id == "" || id != a.header.Get("X-Request-ID") {
		t.Errorf("%s: answered %d %s with id %s", name, a.status, a.raw, a.header.Get("X-Request-ID"))
	}
	for key := range problem {
		if !slices.Contains([]string{"detail", "hint", "request_id", "errors"}, key) {
			t.Errorf("%s: an error has %q: %s", name, key, a.raw)
		}
	}
	if a.status == http.StatusMethodNotAllowed && a.header.Get("Allow") == "" {
		t.Errorf("%s: 405 without Allow", name)
	}
	var places []string
	errors, _ := problem["errors"].([]any)
	for _, e := range errors {
		one, _ := e.(map[string]any)
		place, _ := one["location"].(string)
		places = append(places, place)
	}
	if at != "" && !slices.Contains(places, at) {
		t.Errorf("%s: problems at %v, want one at %s: %s", name, places, at, a.raw)
	}
}

// tryBodies asks for tasks with lenient bodies.
func (w *replayWorld) tryBodies(t *testing.T) {
	t.Helper()
	w.working(func() {
		for _, m := range moreBodies {
			a := w.send(http.MethodPost, "/v1/pulp_servers/"+m.target, nil, []byte(m.body))
			if a.status != http.StatusCreated {
				t.Errorf("POST %s %s: answered %d %s", m.target, m.body, a.status, a.raw)
				continue
			}
			task, _ := a.body.(map[string]any)
			args, _ := task["task_args"].(map[string]any)
			if limit, ok := args["max_runtime"].(string); !ok || limit == "" {
				t.Errorf("POST %s %s: max_runtime is %v, not a text", m.target, m.body, args["max_runtime"])
			}
			if n, given := args["max_concurrent_syncs"]; given && fmt.Sprintf("%T", n) != "float64" {
				t.Errorf("POST %s %s: max_concurrent_syncs is %v, not a number", m.target, m.body, n)
			}
			w.ended(a.taskID())
		}
	})
}
