// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// demoOrigin serves files by path; a text that is a status is answered so.
func demoOrigin(t *testing.T, files map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case text == "502":
			http.Error(w, "Bad Gateway", http.StatusBadGateway)
		default:
			_, _ = w.Write([]byte(text))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/pulp/content/"
}

func TestDemoReading(t *testing.T) {
	const (
		manifest = "/pulp/content/demo/one/PULP_MANIFEST"
		release  = "/pulp/content/demo/one/dists/s/Release"
		repomd   = "/pulp/content/demo/one/repodata/repomd.xml"
		simple   = "/pypi/demo/one/simple/"
		wheels   = "/pypi/demo/one/simple/a/"
		links    = "<html><a href=\"a/\">a</a></html>"
		tags     = "/v2/demo/one/tags/list"
		one      = "/v2/demo/one/manifests/1"
		names    = "SHA256:\n abc 10 main/binary-amd64/Packages\n"
		primary  = `<repomd><data type="primary"><location href="repodata/p.xml"/></data></repomd>`
	)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	for _, c := range []struct {
		name   string
		kind   fleet.RepositoryType
		here   map[string]string
		there  map[string]string // on the secondary; nil: it does not answer
		first  string
		second string
	}{
		{"the same", "file", map[string]string{manifest: "a,1,2\n"}, map[string]string{manifest: "a,1,2\n"}, demoServed, demoSame},
		{"another byte", "file", map[string]string{manifest: "a,1,2\n"}, map[string]string{manifest: "a,1,2"}, demoServed, demoDifferent},
		{"not there", "file", map[string]string{manifest: "a,1,2\n"}, map[string]string{}, demoServed, demoAbsent},
		{"no bytes on both", "file", map[string]string{manifest: ""}, map[string]string{manifest: ""}, demoEmpty, demoEmpty},
		{"a proxy's error", "file", map[string]string{manifest: "a,1,2\n"}, map[string]string{manifest: "502"}, demoServed, demoUnreachable},
		{"no answer", "file", map[string]string{manifest: "a,1,2\n"}, nil, demoServed, demoUnreachable},
		{"nothing to compare with", "file", map[string]string{}, map[string]string{manifest: "a,1,2\n"}, demoAbsent, demoServed},
		{
			"an index, each server naming itself", "python",
			map[string]string{simple: links, wheels: "<html><a href=\"http://one.test/a-1.whl#sha256=00\">"},
			map[string]string{simple: links, wheels: "<html><a href=\"http://two.test/a-1.whl#sha256=00\">"},
			demoServed, demoSame,
		},
		{
			"another wheel", "python",
			map[string]string{simple: links, wheels: "<html><a href=\"a-1.whl#sha256=00\">"},
			map[string]string{simple: links, wheels: "<html><a href=\"a-1.whl#sha256=01\">"},
			demoServed, demoDifferent,
		},
		{
			"a registry", "container",
			map[string]string{tags: `{"name":"x","tags":["1"]}`, one: `{"schemaVersion":2}`},
			map[string]string{tags: `{"name":"x","tags":["1"]}`, one: `{"schemaVersion": 2}`},
			demoServed, demoDifferent,
		},
		{"no index of packages", "deb", map[string]string{release: names}, map[string]string{}, demoIncomplete, demoAbsent},
		{"no packages", "deb", map[string]string{release: "Suite: s\n"}, map[string]string{release: "Suite: s\n"}, demoEmpty, demoEmpty},
		{"a page instead of metadata", "rpm", map[string]string{repomd: "<html>"}, map[string]string{repomd: primary}, demoIncomplete, demoIncomplete},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, ok := content.Find(c.kind)
			if !ok {
				t.Fatalf("no type %s", c.kind)
			}
			repository := demoRepository{kind: kind, name: "one", basePath: "demo/one", remote: kind.Remote(map[string]any{"releases": "s"})}
			secondary := down.URL + "/pulp/content/"
			if c.there != nil {
				secondary = demoOrigin(t, c.there)
			}
			reader := newDemoReader(nil)
			defer reader.close()
			first, second := reader.readAll(t.Context(), []demoRepository{repository}, demoOrigin(t, c.here), secondary)
			if first[0].state != c.first || second[0].comparedWith(first[0]) != c.second {
				t.Errorf("%s and %s, want %s and %s", first[0].state, second[0].comparedWith(first[0]), c.first, c.second)
			}
			green := demoRow{repository: repository, primary: first[0], secondary: second[0], health: string(fleet.Green)}
			amber := green
			amber.health = string(fleet.Amber)
			if green.good() != (c.second == demoSame) || amber.good() {
				t.Errorf("good: %v, with amber health %v", green.good(), amber.good())
			}
		})
	}
}
