// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// errTelling is an error as the layers below make them, with all that no answer may tell.
var errTelling = errors.New(`SELECT * FROM servers WHERE password = 'hunter2': sqlite: no such table (pgx) at store.go:12: goroutine 7 [running]`)

// Every status of an error has the one shape, and tells nothing of what is inside. D36
func TestEveryErrorHasOneShape(t *testing.T) {
	failing := func(kind fault.Kind) func(*memory, *Options) {
		return func(m *memory, _ *Options) {
			m.err = fault.Wrap(kind, fmt.Errorf("reading: %w", errTelling), "the text for people")
		}
	}
	finding := func(err error) func(*memory, *Options) {
		return func(_ *memory, o *Options) {
			o.Find = func(context.Context, fleet.Server, fleet.Repository, inventory.Search) ([]inventory.Found, error) {
				return nil, err
			}
		}
	}
	const sync, content = "/v1/pulp_servers/1/sync_repos", "/v1/pulp_servers/1/repos/23/find_package_content"
	tests := []struct {
		status               int
		method, target, body string
		headers              []string
		world                func(*memory, *Options)
	}{
		{status: 400, method: "POST", target: sync, body: `{"max_runtime":"1h","max_concurrent_syncs":0}`},
		{status: 400, method: "PATCH", target: "/v1/tasks/1", body: `{"state":"canceled"}`},
		{status: 403, method: "POST", target: sync, headers: []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}},
		{status: 404, method: "GET", target: "/v1/tasks/999"},
		{status: 404, method: "GET", target: "/v1/nope"},
		{status: 404, method: "GET", target: "/static/nope.js"},
		{status: 405, method: "DELETE", target: "/v1/tasks/1"},
		{status: 405, method: "PATCH", target: "/v1/tasks/task_types"},
		{status: 409, method: "GET", target: "/v1/tasks/1", world: failing(fault.Conflict)},
		{status: 413, method: "POST", target: sync, body: `{"max_runtime":"` + strings.Repeat("x", maxBody) + `"}`},
		{status: 415, method: "POST", target: sync, body: `max_runtime=1h`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{status: 421, method: "GET", target: "/v1/tasks/", headers: []string{"Host", "evil.example"}, world: func(_ *memory, o *Options) { o.Loopback = true }},
		{status: 422, method: "POST", target: sync, body: `{"colour":"red"}`},
		{status: 422, method: "GET", target: "/v1/tasks/?page=x"},
		{status: 422, method: "GET", target: "/v1/tasks/x"},
		{status: 429, method: "GET", target: "/v1/tasks/1", world: failing(fault.TooMany)},
		{status: 500, method: "GET", target: "/v1/tasks/1", world: failing(fault.Internal)},
		{status: 500, method: "GET", target: "/v1/tasks/1", world: func(m *memory, _ *Options) { m.err = errTelling }},
		{status: 500, method: "GET", target: "/v1/tasks/1", world: func(m *memory, _ *Options) { m.panics = true }},
		{status: 502, method: "POST", target: content, body: `{"name":"x"}`, world: finding(fault.Wrap(fault.Unavailable, errTelling, "the text for people"))},
		{status: 503, method: "GET", target: "/v1/tasks/1", world: failing(fault.Unavailable)},
		{status: 503, method: "GET", target: "/v1/tasks/1", world: func(m *memory, _ *Options) { m.err = fmt.Errorf("%w: %w", errTelling, context.DeadlineExceeded) }},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.status, " ", test.method, " ", test.target), func(t *testing.T) {
			m := newMemory()
			o := m.options()
			if test.world != nil {
				test.world(m, &o)
			}
			got := ask(t, New(o), test.method, test.target, test.body, append([]string{"X-Request-ID", "my-id"}, test.headers...)...)
			p := got.problem(t)
			if got.status != test.status || p.Detail == "" || p.RequestID != "my-id" || got.header.Get("X-Request-ID") != "my-id" ||
				got.header.Get("Content-Type") != "application/json" {
				t.Errorf("answered %d %v %s", got.status, got.header, got.body)
			}
			if test.status == 422 && (len(p.Errors) == 0 || p.Errors[0].Location == "" || p.Errors[0].Message == "") {
				t.Errorf("422 does not say where: %s", got.body)
			}
			if retry := got.header.Get("Retry-After"); (retry != "") != (test.status == 503) && test.status != 429 {
				t.Errorf("Retry-After %q", retry)
			}
			if test.status == http.StatusMethodNotAllowed && got.header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			for _, word := range []string{"SELECT", "hunter2", "sqlite", "pgx", "goroutine", ".go:", "panic", "secret"} {
				if strings.Contains(got.body, word) || strings.Contains(fmt.Sprint(got.header), word) {
					t.Errorf("the answer has %q: %s", word, got.body)
				}
			}
		})
	}
}
