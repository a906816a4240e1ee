// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// finder is what stands in for the servers.
type finder struct {
	searches []inventory.Search
	found    []inventory.Found
	err      error
}

func (f *finder) find(ctx context.Context, _ fleet.Server, _ fleet.Repository, s inventory.Search) ([]inventory.Found, error) {
	f.searches = append(f.searches, s)
	if _, limited := ctx.Deadline(); !limited {
		return nil, fault.New(fault.Internal, "there is no time limit")
	}
	return f.found, f.err
}

// findable is an API with two repositories, one of which its server lacks by now.
func findable(f *finder) http.Handler {
	m := newMemory()
	m.repositories = append(m.repositories, fleet.Repository{ID: 43, NameID: 25, Server: 1, Name: "ext-gone", Type: "deb", Missing: day})
	o := m.options()
	o.Find = f.find
	return New(o)
}

// The answers are the original's, with our fields besides (legacy section 6.8).
func TestFindContent(t *testing.T) {
	f := &finder{found: []inventory.Found{
		{
			Unit:   content.Unit{Href: "/c/1/", Name: "gamma", Version: "1.0+b1", Architecture: "amd64", SHA256: "bc"},
			Fields: map[string]any{"pulp_href": "/c/1/", "package": "gamma", "version": "1.0+b1", "architecture": "amd64", "sha256": "bc"},
		},
		{
			Unit:   content.Unit{Href: "/c/2/", Name: "dog", Version: "1.0-1", Architecture: "noarch", SHA256: "ed"},
			Fields: map[string]any{"pulp_href": "/c/2/", "name": "dog", "version": "1.0", "release": "1", "pkgId": "ed", "sha256": "ed"},
		},
		{Unit: content.Unit{Href: "/c/3/", Name: "a/b.txt", SHA256: "01"}, Fields: map[string]any{"pulp_href": "/c/3/", "relative_path": "a/b.txt"}},
	}}
	got := ask(t, findable(f), http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"name":"gamma","version":"1.0+b1&x#"}`)
	want := `[{"pulp_href":"/c/1/","package":"gamma","name":"gamma","version":"1.0+b1","architecture":"amd64","sha256":"bc","full_name":"gamma 1.0+b1 amd64"},
		{"pulp_href":"/c/2/","name":"dog","version":"1.0","architecture":"noarch","sha256":"ed","pkgId":"ed","full_name":"dog 1.0-1 noarch"},
		{"pulp_href":"/c/3/","name":"a/b.txt","sha256":"01","full_name":"a/b.txt"}]`
	if got.status != http.StatusCreated {
		t.Fatalf("answered %d: %s", got.status, got.body)
	}
	if diff := cmp.Diff(plain(t, want), plain(t, got.body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]inventory.Search{{Name: "gamma", Version: "1.0+b1&x#"}}, f.searches); diff != "" {
		t.Errorf("searched for (-want +got):\n%s", diff)
	}
	f.found = nil
	if got := ask(t, findable(f), http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"sha256":"aa"}`); got.status != 201 || got.body != "[]" {
		t.Errorf("nothing found: %d %s", got.status, got.body)
	}
}

func TestFindContentRefuses(t *testing.T) {
	const repository = "1/repos/23"
	tests := []struct {
		name, of, body string
		status         int
		says           string
	}{
		{"nothing", repository, `{}`, 422, "needs name, version or sha256"},
		{"empty texts", repository, `{"name":"","version":"","sha256":""}`, 422, "needs name, version or sha256"},
		{"null", repository, `{"name":null}`, 422, "needs name, version or sha256"},
		{"no body", repository, ``, 422, "is missing"},
		{"another field", repository, `{"name":"x","sha1":"y"}`, 422, "body.sha1 is not known here"},
		{"an object", repository, `{"name":{}}`, 422, "body.name expected string"},
		{"a long name", repository, `{"name":"` + strings.Repeat("a", 1025) + `"}`, 422, "body.name expected length <= 1024"},
		{"a long version", repository, `{"version":"` + strings.Repeat("1", 257) + `"}`, 422, "body.version expected length <= 256"},
		{"a long hash", repository, `{"sha256":"` + strings.Repeat("a", 72) + `"}`, 422, "body.sha256 expected length <= 71"},
		{"NUL", repository, `{"name":"a\u0000"}`, 422, "NUL"},
		{"an unknown server", "9/repos/23", `{"name":"x"}`, 404, "there is no server 9"},
		{"an unknown repository", "1/repos/9", `{"name":"x"}`, 404, "server 1 has no repository 9"},
		{"another server's repository", "2/repos/23", `{"name":"x"}`, 404, "server 2 has no repository 23"},
		{"a repository that is gone", "1/repos/25", `{"name":"x"}`, 404, "server pulp1.example.com has no repository ext-gone any more"},
		{"no id", "1/repos/ext-deb", `{"name":"x"}`, 422, "path.repo_id must be an integer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &finder{}
			got := ask(t, findable(f), http.MethodPost, "/v1/pulp_servers/"+test.of+"/find_package_content", test.body)
			if p := got.problem(t); got.status != test.status || !strings.Contains(p.Detail, test.says) {
				t.Errorf("answered %d %q, want %d that says %q", got.status, p.Detail, test.status, test.says)
			}
			if len(f.searches) > 0 {
				t.Errorf("searched for %v", f.searches)
			}
		})
	}
}

// What goes wrong on a Pulp server is neither the client's fault nor ours.
func TestFindContentFromAServerInTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
		detail string
	}{
		"away":         {fault.New(fault.Unavailable, "Pulp server a: connection refused"), 502, "Pulp server a: connection refused"},
		"gone":         {fault.New(fault.NotFound, "Pulp server a: no such repository"), 404, "Pulp server a: no such repository"},
		"not possible": {fault.New(fault.Invalid, "files have no version"), 422, "files have no version"},
		"our fault":    {fault.New(fault.Internal, "secret"), 500, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, findable(&finder{err: test.err}), http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"name":"x"}`)
			if p := got.problem(t); got.status != test.status || p.Detail != test.detail {
				t.Errorf("answered %d %q", got.status, p.Detail)
			}
		})
	}
	m := newMemory()
	m.err = fault.New(fault.Unavailable, "the database cannot be reached")
	if got := ask(t, New(m.options()), http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"name":"x"}`); got.status != http.StatusServiceUnavailable {
		t.Errorf("our own store away: %d", got.status)
	}
}

// A search ends with its time.
func TestFindContentTakesLong(t *testing.T) {
	o := newMemory().options()
	o.Find = func(ctx context.Context, _ fleet.Server, _ fleet.Repository, _ inventory.Search) ([]inventory.Found, error) {
		deadline, _ := ctx.Deadline()
		if left := time.Until(deadline); left > findLimit || left < findLimit/2 {
			t.Errorf("it has %s", left)
		}
		return nil, context.DeadlineExceeded
	}
	if got := ask(t, New(o), http.MethodPost, "/v1/pulp_servers/1/repos/23/find_package_content", `{"name":"x"}`); got.status != http.StatusBadGateway {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}
