// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestChangesAndLoginsAreRecorded(t *testing.T) {
	d := &diary{}
	o := newMemory().options()
	o.Access, o.Audit = newDoor(), d
	h := New(o)
	alice, bob := []string{"Authorization", "Bearer " + adminToken, "X-Request-ID", "r"}, []string{"Authorization", "Bearer " + readerToken, "X-Request-ID", "r"}
	nobody := []string{"X-Request-ID", "r"}
	const sync, body = "/v1/pulp_servers/1/sync_repos", `{"max_runtime":"1h","max_concurrent_syncs":"2","sync_options":{"password":"xyzzy","url":"https://u:xyzzy@example.com/"}}`
	ask(t, h, http.MethodPost, sync+"?", body, alice...)
	ask(t, h, http.MethodPost, sync, body, bob...)
	ask(t, h, http.MethodPost, sync, body, nobody...)
	ask(t, h, http.MethodPost, sync, body, nobody...) // within a minute: not again
	ask(t, h, http.MethodPatch, "/v1/tasks/1", `{"state":"canceled"}`, alice...)
	ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"xyzzy"}`, nobody...)
	ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"alice","password":"`+rightPassword+`"}`, nobody...)
	ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"impatient","password":"xyzzy"}`, nobody...)
	ask(t, h, http.MethodPost, "/v1/auth/login", `{"username":"impatient","password":"xyzzy"}`, nobody...) // not again
	ask(t, h, http.MethodPost, "/v1/auth/logout", "", bob...)
	ask(t, h, http.MethodGet, "/v1/tasks/", "", alice...)
	ask(t, h, http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"name":"x"}`, alice...)

	entry := func(user string, role fleet.Role, action, method, path string, status int, detail string) fleet.AuditEntry {
		return fleet.AuditEntry{At: day, User: user, Role: role, Address: "192.0.2.1", Action: action, Method: method, Path: path, Status: status, RequestID: "r", Detail: detail}
	}
	const shown = `{"dry_run":true,"max_concurrent_syncs":2,"max_runtime":"1h","sync_options":{"password":"hidden","url":"https://hidden@example.com/"}}`
	want := []fleet.AuditEntry{
		entry("alice", fleet.RoleAdmin, "sync-repos", "POST", sync, 201, shown),
		entry("bob", fleet.RoleReader, "sync-repos", "POST", sync, 403, "refused: this needs the role admin, and bob is reader"),
		entry("", "", "sync-repos", "POST", sync, 401, "refused: this needs a login"),
		entry("alice", fleet.RoleAdmin, "cancel-task", "PATCH", "/v1/tasks/1", 400, `{"state":"canceled"} refused: task cannot be moved to canceled when it is in failed`),
		entry("", "", "login", "POST", "/v1/auth/login", 401, `{"password":"hidden","username":"alice"} refused: name or password are wrong`),
		entry("alice", fleet.RoleAdmin, "login", "POST", "/v1/auth/login", 200, ""),
		entry("", "", "login", "POST", "/v1/auth/login", 429, `{"password":"hidden","username":"impatient"} refused: too many failed logins`),
		entry("bob", fleet.RoleReader, "logout", "POST", "/v1/auth/logout", 200, ""),
	}
	want[0].Server, want[0].Task, want[3].Task = 1, 3, 1
	for i := range want {
		want[i].ID = int64(i + 1)
	}
	if diff := cmp.Diff(want, d.entries); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}

	got := ask(t, h, http.MethodGet, "/v1/audit/?user=alice&status__ge=400&date__gt=2026-11-01&sort_by=date&order_by=desc", "", alice...)
	page, _ := plain(t, got.body).(map[string]any)
	items, _ := page["items"].([]any)
	first := map[string]any{
		"id": 1.0, "date": "2026-11-23T09:10:14.123456Z", "user": "alice", "role": "admin", "address": "192.0.2.1", "action": "sync-repos", "method": "POST",
		"path": sync, "status": 201.0, "pulp_server_id": 1.0, "task_id": 3.0, "request_id": "r", "detail": shown,
	}
	if len(items) != len(want) || got.status != http.StatusOK {
		t.Fatalf("answered %d %s", got.status, got.body)
	}
	if diff := cmp.Diff(first, items[0]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if d.query.Sort != "date" || !d.query.Desc || len(d.query.Filters) != 3 {
		t.Errorf("asked for %+v", d.query)
	}
}

// A request that panics changed something, perhaps.
func TestPanicIsRecorded(t *testing.T) {
	m := newMemory()
	m.panics = true
	o := m.options()
	d := &diary{}
	o.Audit = d
	ask(t, New(o), http.MethodPost, "/v1/pulp_servers/1/register_repos", "{}")
	if len(d.entries) != 1 || d.entries[0].Status != 500 || d.entries[0].Detail != "refused: internal error" {
		t.Errorf("recorded %+v", d.entries)
	}
}

func TestAuditLogThatFails(t *testing.T) {
	o := newMemory().options()
	o.Audit = &diary{err: errors.New("disk full")}
	logger, log := logged()
	o.Logger = logger
	if got := ask(t, New(o), http.MethodPost, "/v1/pulp_servers/1/register_repos", "{}"); got.status != http.StatusCreated {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "not in the audit log") || !strings.Contains(text, "disk full") {
		t.Errorf("log: %s", text)
	}
}

func TestAuditDetailIsShort(t *testing.T) {
	got := cutText(strings.Repeat("ä", 2000), maxDetail)
	if len(got) > maxDetail || len(got) < maxDetail-4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	if got := auditDetail(map[string]any{"a": "<line\nbreak>", "apiKey": 1, "list": []any{map[string]any{"Token": "t"}}}); got != `{"a":"<line\nbreak>","apiKey":"hidden","list":[{"Token":"hidden"}]}` {
		t.Errorf("detail %s", got)
	}
}
