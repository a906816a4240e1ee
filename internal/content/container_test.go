// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestContainerOptions(t *testing.T) {
	for _, test := range []struct {
		key         string
		value, want any
	}{
		{"upstream_name", "library/debian", "library/debian"},
		{"upstream_name", " a/b-c/d_e.f ", "a/b-c/d_e.f"},
		{"include_tags", "latest 1.*  v?", []any{"latest", "1.*", "v?"}},
		{"include_tags", []any{"_x"}, []any{"_x"}},
		{"exclude_tags", "*-debug", []any{"*-debug"}},
		{"policy", "streamed", "streamed"},
	} {
		if got, err := checked(t, container, test.key, test.value); err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("%s %v: %v, %v", test.key, test.value, got, err)
		}
	}
	for _, test := range []struct {
		key   string
		value any
		says  string
	}{
		{"upstream_name", "", "must be a repository's name without registry and tag"},
		{"upstream_name", "Library/Debian", "in small letters"},
		{"upstream_name", "library/debian:12", "without registry and tag"},
		{"upstream_name", "/debian", "without registry and tag"},
		{"upstream_name", 5.0, "must be a repository's name"},
		{"include_tags", "a/b", `"a/b" is not a tag`},
		{"include_tags", "-x", `"-x" is not a tag`},
		{"exclude_tags", "", "must not be empty"},
		{"exclude_tags", true, "must be a list of texts, or a text"},
		{"includes", "a", `key "includes" does not exist for container`},
	} {
		if got, err := checked(t, container, test.key, test.value); !fault.Is(err, fault.Invalid) || got != nil || !strings.Contains(fault.Message(err), test.says) {
			t.Errorf("%s %v: %v, %v; want %q", test.key, test.value, got, err, test.says)
		}
	}
	got := container.Remote(map[string]any{"upstream_name": "a", "include_tags": []any{"1"}, "exclude_tags": []any{"2"}})
	if diff := cmp.Diff(map[string]any{"upstream_name": "a", "includes": []any{"1"}, "excludes": []any{"2"}, "policy": "immediate"}, got); diff != "" {
		t.Error(diff)
	}
}

// Before pulp_container 2.28 the remote's fields have other names.
func TestContainerFieldsOnServer(t *testing.T) {
	have := func(version string) func(string, string) bool {
		return func(component, since string) bool { return component == "container" && version >= since }
	}
	want := container.Remote(map[string]any{"upstream_name": "a", "include_tags": []any{"1"}})
	for _, test := range []struct {
		name    string
		there   map[string]any
		version string
		old     bool
	}{
		{"created on a new one", nil, "2.30.0", false},
		{"created on the first new one", nil, "2.28.0", false},
		{"created on an old one", nil, "2.26.19", true},
		{"changed where the new name is there", map[string]any{"includes": nil, "excludes": nil}, "2.26.19", false},
		{"changed where it is not", map[string]any{"include_tags": nil, "exclude_tags": nil}, "2.30.0", true},
	} {
		got := container.OnServer(want, test.there, have(test.version))
		_, renamed := got["include_tags"]
		_, asNow := got["includes"]
		if renamed != test.old || asNow == test.old || len(got) != len(want) {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	if _, kept := want["includes"]; !kept {
		t.Error("what is wanted was changed")
	}
}

func TestContainerMirror(t *testing.T) {
	if got := container.Feed("https://p.test", "repos/ext-hello"); got != "https://p.test" || !container.MirrorLogin {
		t.Error(got)
	}
	got, err := container.Mirror(t.Context(), Source{BasePath: "repos/ext-hello", Remote: map[string]any{"upstream_name": "x", "includes": []any{"1"}}})
	want := map[string]any{"upstream_name": "repos/ext-hello", "includes": nil, "excludes": nil, "policy": "immediate"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff(map[string]any{"mirror": true}, container.SyncBody(container.MirrorSync[0], nil, true)); diff != "" {
		t.Error("container's sync knows no optimize:", diff)
	}
}

func TestContainerGuard(t *testing.T) {
	guard := func(field string, asked ...any) error {
		return container.Guard(t.Context(), Version{
			Href: "/v/1/", Remote: map[string]any{"includes": nil, field: asked},
			List: func(context.Context, string, url.Values) ([]map[string]any, error) {
				return []map[string]any{{"name": "1.0"}, {"name": "latest"}}, nil
			},
		})
	}
	for _, good := range []error{guard("includes"), guard("includes", "1.*", "latest", "sha256:00"), guard("includes", "?.0"), guard("include_tags", "latest")} {
		if good != nil {
			t.Error(good)
		}
	}
	for _, field := range []string{"includes", "include_tags"} {
		err := guard(field, "latest", "nosuch", "2.*")
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "upstream has no tag nosuch, 2.*") {
			t.Error(field, err)
		}
	}
}

func TestReadContainer(t *testing.T) {
	const manifest = `{"schemaVersion":2,"config":{}}`
	sum := sha256.Sum256([]byte(manifest))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	index := `{"schemaVersion":2,"manifests":[{"digest":"` + digest + `"}]}`
	served := tree{"tags/list": `{"name":"a","tags":["2","1"]}`, "manifests/1": manifest, "manifests/2": index, "manifests/" + digest: manifest}
	view, err := container.Read(t.Context(), served.fetch, nil)
	if err != nil || len(view.Units) != 2 || view.Units[0] != "1 "+digest || len(view.Metadata) != 3 || string(view.Metadata["manifests/2"]) != index {
		t.Errorf("%+v, %v", view, err)
	}
	for name, broken := range map[string]string{"tags/list": "<html>", "manifests/1": "{}", "manifests/" + digest: `{"schemaVersion":2}`} {
		spoilt := tree{}
		for k, v := range served {
			spoilt[k] = v
		}
		spoilt[name] = broken
		if _, err := container.Read(t.Context(), spoilt.fetch, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s is %s: %v", name, broken, err)
		}
		delete(spoilt, name)
		if _, err := container.Read(t.Context(), spoilt.fetch, nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s is not there: %v", name, err)
		}
	}
	empty := tree{"tags/list": `{"name":"a","tags":null}`}
	if view, err := container.Read(t.Context(), empty.fetch, nil); err != nil || len(view.Metadata)+len(view.Units) != 0 {
		t.Errorf("without tags: %+v, %v", view, err)
	}
}

// A registry that asks for a login gets one: a token fetched where it says, or the password itself.
func TestRegistryLogin(t *testing.T) {
	var asked []string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Authorization")[:min(6, len(r.Header.Get("Authorization")))])
		switch {
		case r.URL.Path == "/token":
			if r.URL.Query().Get("scope") != "repository:a:pull" || r.URL.Query().Get("service") != "here" {
				http.Error(w, "scope", http.StatusBadRequest)
				return
			}
			_, _ = w.Write([]byte(`{"token":"t-` + user + password + `"}`))
		case r.URL.Path == "/v2/a/tags/list" && r.Header.Get("Authorization") != "Bearer t-uPw":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="here",scope="repository:a:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/v2/b/") && user+password != "uPw":
			w.Header().Set("WWW-Authenticate", `Basic realm="api"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v2/c/manifests/1":
			http.Redirect(w, r, "/pulp/container/c/manifests/1", http.StatusFound)
		default:
			_, _ = w.Write([]byte(r.Header.Get("Accept")))
		}
	}))
	defer server.Close()
	get := func(r Registry, path string) (int, string) {
		t.Helper()
		client := &http.Client{Transport: r}
		defer client.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body := make([]byte, 4096)
		n, _ := res.Body.Read(body)
		return res.StatusCode, string(body[:n])
	}
	next := &http.Transport{}
	known := Registry{Next: next, Username: "u", Password: func(context.Context) (string, error) { return "Pw", nil }}
	nobody := Registry{Next: next}
	for _, test := range []struct {
		r      Registry
		path   string
		status int
	}{
		{known, "/v2/a/tags/list", 200},
		{nobody, "/v2/a/tags/list", 401},
		{known, "/v2/b/manifests/1", 200},
		{nobody, "/v2/b/tags/list", 401},
		{known, "/pulp/content/x", 200},
	} {
		if status, _ := get(test.r, test.path); status != test.status {
			t.Errorf("%s as %q: %d, asked %v", test.path, test.r.Username, status, asked)
		}
	}
	for _, path := range []string{"/v2/b/manifests/1", "/v2/c/manifests/1"} { // one is redirected
		if _, accepts := get(known, path); !strings.Contains(accepts, ManifestTypes[0]) {
			t.Errorf("%s: accepts %q", path, accepts)
		}
	}
	asked = nil
	if get(known, "/pulp/content/x"); len(asked) != 1 || strings.Contains(asked[0], "Basic") {
		t.Errorf("a password was sent unasked: %v", asked)
	}
	if len(container.Place("a/b")) == 0 || container.Place("a/b") != "/v2/a/b/" || python.Place("a/b") != "/pypi/a/b/" {
		t.Error(container.Place("a/b"), python.Place("a/b"))
	}
}
