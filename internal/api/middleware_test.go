// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Every kind of error has its status, and nothing of its cause is told (D36).
func TestErrorsOfTheStore(t *testing.T) {
	cause := errors.New("SELECT secret FROM passwords")
	tests := []struct {
		err    error
		status int
		detail string
	}{
		{fault.Wrap(fault.Invalid, cause, "that is wrong"), 422, "that is wrong"},
		{fault.Wrap(fault.NotFound, cause, "not there"), 404, "not there"},
		{fault.Wrap(fault.Conflict, cause, "in use"), 409, "in use"},
		{fault.Wrap(fault.Unauthenticated, cause, "who are you"), 401, "who are you"},
		{fault.Wrap(fault.Forbidden, cause, "not you"), 403, "not you"},
		{fault.Wrap(fault.Unavailable, cause, "the database cannot be reached"), 503, "the database cannot be reached"},
		{fault.Wrap(fault.Internal, cause, "this text of ours is for the log"), 500, "internal error"},
		{fmt.Errorf("reading: %w", fault.Wrap(fault.Unavailable, cause, "the database is read-only")), 503, "the database is read-only"},
		{cause, 500, "internal error"},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), 503, "the request took too long"},
	}
	for _, test := range tests {
		t.Run(test.err.Error(), func(t *testing.T) {
			m := newMemory()
			m.err = test.err
			o := m.options()
			logger, log := logged()
			o.Logger = logger
			h := New(o)
			for _, target := range []string{"/v1/pulp_servers/", "/v1/pulp_servers/1", "/v1/tasks/", "/v1/tasks/1", "/v1/pulp_servers/1/repos", "/v1/pulp_servers/1/repo_groups/1"} {
				got := ask(t, h, http.MethodGet, target, "", "X-Request-ID", "my-id")
				if p := got.problem(t); got.status != test.status || p.Detail != test.detail || p.RequestID != "my-id" || strings.Contains(got.body, "SELECT") {
					t.Errorf("%s: answered %d %s, want %d %q", target, got.status, got.body, test.status, test.detail)
				}
				if retry := got.header.Get("Retry-After"); (retry != "") != (test.status == 503) {
					t.Errorf("%s: Retry-After %q with %d", target, retry, got.status)
				}
			}
			if logsCause := strings.Contains(log.String(), test.err.Error()); logsCause != (test.status >= 500) {
				t.Errorf("cause in the log: %v\n%s", logsCause, log)
			}
		})
	}
}

func TestPanicBecomesAnAnswer(t *testing.T) {
	m := newMemory()
	m.panics = true
	o := m.options()
	logger, log := logged()
	o.Logger = logger
	got := ask(t, New(o), http.MethodGet, "/v1/pulp_servers/1", "", "X-Request-ID", "my-id")
	if p := got.problem(t); got.status != http.StatusInternalServerError || p.Detail != "internal error" || p.RequestID != "my-id" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	for _, part := range []string{"level=ERROR", "the store is broken", "request_id=my-id", "memory_test.go"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("log lacks %q:\n%s", part, log)
		}
	}
}

// D45: the request id goes in and out.
func TestRequestID(t *testing.T) {
	h := New(newMemory().options())
	for _, given := range []string{"abc", "0c6f1f3e-8d4f-4a4c-9a53-0d6f1e0c7a11", "a.b_c:d-E9"} {
		if got := ask(t, h, http.MethodGet, "/healthz", "", "X-Request-ID", given).header.Get("X-Request-ID"); got != given {
			t.Errorf("id %q came back as %q", given, got)
		}
	}
	seen := map[string]bool{}
	for _, given := range []string{"", "", "a b", "<x>", "é", strings.Repeat("a", 129)} {
		got := ask(t, h, http.MethodGet, "/healthz", "", "X-Request-ID", given).header.Get("X-Request-ID")
		if len(got) < 16 || got == given || seen[got] {
			t.Errorf("for %q a new id was wanted, not %q", given, got)
		}
		seen[got] = true
	}
}

// D46: one line a request, without query, body or headers.
func TestAccessLog(t *testing.T) {
	o := newMemory().options()
	logger, log := logged()
	o.Logger = logger
	h := New(o)
	ask(t, h, http.MethodPost, "/v1/pulp_servers/1/register_repos?token=hidden", `{"password":"hidden"}`, "Authorization", "Bearer hidden", "X-Request-ID", "id-1")
	line := strings.TrimSpace(log.String())
	if strings.Contains(line, "hidden") || strings.Count(line, "\n") != 0 {
		t.Errorf("log: %s", line)
	}
	for _, part := range []string{"level=INFO", "msg=request", "method=POST", "path=/v1/pulp_servers/1/register_repos", "status=422", "duration=", "request_id=id-1"} {
		if !strings.Contains(line, part) {
			t.Errorf("log lacks %q: %s", part, line)
		}
	}
	log.Reset()
	ask(t, h, http.MethodGet, "/healthz", "")
	if !strings.Contains(log.String(), "level=DEBUG") {
		t.Errorf("health checks fill the log: %s", log)
	}
}

func TestClientThatLeft(t *testing.T) {
	m := newMemory()
	m.err = context.Canceled
	o := m.options()
	logger, log := logged()
	o.Logger = logger
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	New(o).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/tasks/", nil).WithContext(ctx))
	if !strings.Contains(log.String(), "status=499") || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", log)
	}
}

func TestBrowsersOfOtherSites(t *testing.T) {
	o := newMemory().options()
	o.Loopback = true
	local, o2 := New(o), newMemory().options()
	open := New(o2)
	const target, body = "/v1/pulp_servers/1/register_repos", "{}"
	tests := []struct {
		name    string
		h       http.Handler
		headers []string
		status  int
	}{
		{"no browser", local, []string{"Host", "127.0.0.1:8080"}, 201},
		{"our own page", local, []string{"Host", "localhost:8080", "Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}, 201},
		{"another site", local, []string{"Host", "127.0.0.1:8080", "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"another site, old browser", local, []string{"Host", "127.0.0.1:8080", "Origin", "http://evil.example"}, 403},
		{"a name that resolves to us", local, []string{"Host", "evil.example:8080"}, 421},
		{"a name that looks like us", local, []string{"Host", "localhost.evil.example"}, 421},
		{"no host", local, []string{"Host", ""}, 421},
		{"IPv6", local, []string{"Host", "[::1]:8080"}, 201},
		{"another site, open", open, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"our name, open", open, []string{"Host", "pulp-manager.example.com"}, 201},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ask(t, test.h, http.MethodPost, target, body, test.headers...); got.status != test.status {
				t.Errorf("answered %d, want %d: %s", got.status, test.status, got.body)
			}
		})
	}
}

func TestReadiness(t *testing.T) {
	o := newMemory().options()
	var deadline bool
	checks := []Check{{Name: "database", OK: true}, {Name: "worker", OK: true}}
	o.Ready = func(ctx context.Context) []Check {
		_, deadline = ctx.Deadline()
		return checks
	}
	h := New(o)
	if got := ask(t, h, http.MethodGet, "/readyz", ""); got.status != http.StatusOK || got.body != `{"status":"ok","checks":[{"name":"database","ok":true},{"name":"worker","ok":true}]}` {
		t.Errorf("ready: answered %d %s", got.status, got.body)
	}
	checks[0] = Check{Name: "database", Problem: "cannot be reached"}
	want := `{"status":"unavailable","checks":[{"name":"database","ok":false,"problem":"cannot be reached"},{"name":"worker","ok":true}]}`
	if got := ask(t, h, http.MethodGet, "/readyz", ""); got.status != http.StatusServiceUnavailable || got.body != want {
		t.Errorf("not ready: answered %d %s", got.status, got.body)
	}
	if got := ask(t, h, http.MethodGet, "/healthz", ""); got.status != http.StatusOK {
		t.Errorf("alive all the same: answered %d", got.status)
	}
	if !deadline {
		t.Error("checks may take for ever")
	}
}
