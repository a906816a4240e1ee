// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

func TestDebRemote(t *testing.T) {
	for _, test := range []struct {
		what    string
		options map[string]any
		want    map[string]any
	}{
		{"no options", nil, map[string]any{
			"distributions": "stable", "components": nil, "architectures": nil, "ignore_missing_package_indices": false, "policy": "immediate",
		}},
		{"all", map[string]any{"releases": "bookworm sid", "components": "main contrib", "architectures": "amd64", "policy": "streamed"}, map[string]any{
			"distributions": "bookworm sid", "components": "main contrib", "architectures": "amd64",
			"ignore_missing_package_indices": true, "policy": "streamed",
		}},
		{"architectures only", map[string]any{"architectures": "amd64"}, map[string]any{
			"distributions": "stable", "components": nil, "architectures": "amd64", "ignore_missing_package_indices": false, "policy": "immediate",
		}},
		{"flat", map[string]any{"releases": "/"}, map[string]any{
			"distributions": "/", "components": nil, "architectures": nil, "ignore_missing_package_indices": false, "policy": "immediate",
		}},
	} {
		if diff := cmp.Diff(test.want, deb.Remote(test.options)); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
	}
}

func TestDebPublication(t *testing.T) {
	for _, test := range []struct {
		remote map[string]any
		flat   bool
	}{
		{nil, false},
		{map[string]any{"distributions": "stable"}, false},
		{map[string]any{"distributions": "/"}, true},
		{map[string]any{"distributions": nil}, false},
	} {
		path, body := deb.Publication(test.remote)
		if diff := cmp.Diff(map[string]any{"structured": !test.flat, "simple": test.flat}, body); path != "deb/apt" || diff != "" {
			t.Errorf("%v: %s %s", test.remote, path, diff)
		}
	}
	path, body := deb.MirrorSync[0].Publication()
	if path != "deb/verbatim" || len(body) != 0 {
		t.Errorf("a mirror's: %s %v", path, body)
	}
}

// asked is a primary or server that answers lists; what it is asked is kept.
type asked struct {
	answers map[string][]map[string]any // by path
	err     error
	queries []string
}

func (a *asked) list(_ context.Context, path string, query url.Values) ([]map[string]any, error) {
	a.queries = append(a.queries, path+"?"+query.Encode())
	return a.answers[path], a.err
}

func TestDebMirror(t *testing.T) {
	releases := map[string][]map[string]any{"content/deb/releases/": {
		{"distribution": "sid"}, {"distribution": "bookworm"}, {"distribution": "sid"}, // two components' releases
	}}
	const version = "/pulp/api/v3/repositories/deb/apt/1/versions/2/"
	for _, test := range []struct {
		what     string
		source   Source
		suites   string
		question string // "": none
	}{
		{"the remote's suites", Source{Remote: map[string]any{"distributions": "bookworm sid"}, Version: version}, "bookworm sid", ""},
		{"suites with blanks", Source{Remote: map[string]any{"distributions": " bookworm   sid "}}, "bookworm sid", ""},
		{"suites with slashes", Source{Remote: map[string]any{"distributions": "bookworm/updates"}}, "bookworm/updates", ""},
		// The primary publishes a flat repository under a suite of its own.
		{"flat", Source{Remote: map[string]any{"distributions": "/"}, Version: version}, "default", ""},
		// D80, D82: one that was uploaded to has no remote; Pulp's API knows the suites.
		{"uploaded to", Source{Version: version}, "bookworm sid", version},
		{"a remote without suites", Source{Remote: map[string]any{"distributions": ""}, Version: version}, "bookworm sid", version},
	} {
		server := &asked{answers: releases}
		test.source.List = server.list
		got, err := deb.Mirror(t.Context(), test.source)
		want := map[string]any{
			"distributions": test.suites, "components": nil, "architectures": nil, "ignore_missing_package_indices": false, "policy": "immediate", "gpgkey": nil,
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", test.what, err, diff)
		}
		question := strings.Join(server.queries, " ")
		if (test.question == "") != (question == "") || !strings.Contains(question, url.QueryEscape(test.question)) {
			t.Errorf("%s: asked %q", test.what, question)
		}
	}

	for what, source := range map[string]Source{"nothing served": {}, "served without a suite": {Version: version}} {
		server := &asked{}
		source.List = server.list
		got, err := deb.Mirror(t.Context(), source)
		if asks := len(server.queries); asks > 0 != (source.Version != "") {
			t.Errorf("%s: asked %q", what, server.queries)
		}
		if !fault.Is(err, fault.NotFound) || got != nil || fault.Hint(err) == "" {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	down := fault.New(fault.Unavailable, "primary is down")
	if _, err := deb.Mirror(t.Context(), Source{Version: version, List: (&asked{err: down}).list}); !errors.Is(err, down) {
		t.Errorf("primary down: %v", err)
	}
}

// index is a package index of a version.
func index(component, architecture, artifact string) map[string]any {
	dir := "dists/stable/" + component + "/binary-" + architecture
	return map[string]any{"component": component, "architecture": architecture, "artifacts": map[string]any{
		dir + "/Packages": "/artifacts/" + artifact + "/", dir + "/Packages.gz": "/artifacts/" + artifact + "-gz/",
	}}
}

func size(bytes float64) map[string]any { return map[string]any{"size": bytes} }

func TestGuardDeb(t *testing.T) {
	const indices, artifacts = "content/deb/package_indices/", "artifacts/"
	two := []map[string]any{index("main", "amd64", "1"), index("contrib", "amd64", "2")}
	remote := func(components, architectures any) map[string]any {
		return map[string]any{"distributions": "stable", "components": components, "architectures": architectures}
	}
	for _, test := range []struct {
		what    string
		version Version
		indices []map[string]any
		sizes   []map[string]any
		says    string // "": fine
		asks    int
	}{
		{"all there", Version{Remote: remote("main contrib", "amd64"), Added: 3}, two, nil, "", 1},
		{"all that upstream has", Version{Remote: remote(nil, nil), Added: 3}, two, nil, "", 1},
		{"one of many", Version{Remote: remote("main", nil), Added: 1}, two, nil, "", 1},
		{"a component is missing", Version{Remote: remote("main universe", nil), Added: 3}, two, nil, `no component "universe" in stable; it has contrib, main`, 1},
		{"an architecture is missing", Version{Remote: remote(nil, "amd64 riscv64"), Added: 3}, two, nil, `no architecture "riscv64" in stable; it has amd64`, 1},
		{"architectures that have no index of their own", Version{Remote: remote(nil, "amd64 all source"), Added: 3}, two, nil, "", 1},
		{"not even an index", Version{Remote: remote("main", nil), Added: 0}, nil, nil, `no component "main"`, 1},
		{"a part of a name is not the name", Version{Remote: remote("mai", nil), Added: 3}, two, nil, `no component "mai"`, 1},

		// An additive sync of an upstream that has gone empty keeps the old packages, and says that all is well.
		{"gone empty", Version{Remote: remote("main", nil)}, two, []map[string]any{size(0), size(0)}, "upstream has gone empty", 2},
		{"one index is not empty", Version{Remote: remote("main", nil)}, two, []map[string]any{size(0), size(120)}, "", 2},
		{"something was added", Version{Remote: remote("main", nil), Added: 1}, two, []map[string]any{size(0)}, "", 1},
		{"sizes not known", Version{Remote: remote("main", nil)}, two, nil, "", 2},
		{"a size that is no number", Version{Remote: remote("main", nil)}, two, []map[string]any{{"size": nil}}, "", 2},
		{"no index", Version{Remote: remote(nil, nil)}, nil, nil, "", 1},
		{"no plain index", Version{Remote: remote(nil, nil)}, []map[string]any{{"component": "main", "artifacts": map[string]any{"a/Packages.gz": "/a/"}}}, nil, "", 1},
		{"flat", Version{Remote: map[string]any{"distributions": "/", "components": "main"}}, nil, nil, "", 0},
	} {
		server := &asked{answers: map[string][]map[string]any{indices: test.indices, artifacts: test.sizes}}
		test.version.Href, test.version.List = "/versions/7/", server.list
		err := deb.Guard(t.Context(), test.version)
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", test.what, err)
		case test.says != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.says) || fault.Hint(err) == ""):
			t.Errorf("%s: %v, want %q", test.what, err, test.says)
		}
		if len(server.queries) != test.asks || (test.asks > 0 && !strings.Contains(server.queries[0], url.QueryEscape("/versions/7/"))) {
			t.Errorf("%s: asked %q", test.what, server.queries)
		}
	}

	var many []map[string]any
	for range 50 {
		many = append(many, index("main", "amd64", strings.Repeat("x", 30)))
	}
	server := &asked{answers: map[string][]map[string]any{indices: many, artifacts: {size(0)}}}
	if err := deb.Guard(t.Context(), Version{Remote: remote(nil, nil), List: server.list}); err != nil || len(server.queries) != 1 {
		t.Errorf("more indices than fit a request: %v, %q", err, server.queries)
	}
	down := fault.New(fault.Unavailable, "down")
	if err := deb.Guard(t.Context(), Version{Remote: remote(nil, nil), List: (&asked{err: down}).list}); !errors.Is(err, down) {
		t.Errorf("server down: %v", err)
	}
}
