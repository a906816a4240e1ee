// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// equal compares; a difference is an error of the test, which goes on.
func (c *check) equal(what string, got, want any) {
	c.Helper()
	if d := cmp.Diff(want, got); d != "" {
		c.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// refused makes a request that must be refused with exactly this body.
func (c *check) refused(s *server, status int, method, path string, body, want any) {
	c.Helper()
	a := s.send(method, path, body)
	if a.status != status {
		c.Errorf("%s %s %v: %d, want %d: %.300s", method, path, body, a.status, status, a.raw)
		return
	}
	c.equal(method+" "+path, a.json, want)
}

// kindOf is Pulp's path of a type, the same for repositories, remotes and distributions.
var kindOf = map[string]string{"deb": "deb/apt", "rpm": "rpm/rpm", "file": "file/file", "python": "python/python", "container": "container/container"}

// mirrorOptions are the options of a sync that mirrors.
var mirrorOptions = map[string]obj{"deb": {"mirror": true}, "rpm": {"sync_policy": "mirror_complete"}, "file": {"mirror": true}, "container": {"mirror": true}}

// repo is a repository with its remote on one server.
type repo struct {
	c            *check
	s            *server
	plugin, kind string
	name         string
	href, remote string
}

// repository creates a remote and a repository that syncs from it.
func (c *check) repository(s *server, plugin, name, url string, extra ...obj) *repo {
	c.Helper()
	r := &repo{c: c, s: s, plugin: plugin, kind: kindOf[plugin], name: c.prefix + name}
	body := obj{"name": r.name, "url": url}
	if plugin == "deb" {
		body["distributions"] = "stable"
	}
	repository := obj{"name": r.name}
	for _, x := range extra {
		for k, v := range x {
			if field, ofRepository := strings.CutPrefix(k, "repository."); ofRepository {
				repository[field] = v
			} else {
				body[k] = v
			}
		}
	}
	r.remote = text(s.create("remotes/"+r.kind+"/", body)["pulp_href"])
	repository["remote"] = r.remote
	r.href = text(s.create("repositories/"+r.kind+"/", repository)["pulp_href"])
	return r
}

// plain creates a repository without a remote.
func (c *check) plain(s *server, plugin, name string) *repo {
	c.Helper()
	r := &repo{c: c, s: s, plugin: plugin, kind: kindOf[plugin], name: c.prefix + name}
	r.href = text(s.create("repositories/"+r.kind+"/", obj{"name": r.name})["pulp_href"])
	return r
}

func (r *repo) sync(options obj) []string {
	r.c.Helper()
	if options == nil {
		options = obj{}
	}
	return r.s.done(http.MethodPost, r.href+"sync/", options)
}

func (r *repo) mirror() []string { r.c.Helper(); return r.sync(mirrorOptions[r.plugin]) }

// publish publishes the latest version.
func (r *repo) publish(extra ...obj) string {
	r.c.Helper()
	return r.publishKind(r.kind, extra...)
}

func (r *repo) publishKind(kind string, extra ...obj) string {
	r.c.Helper()
	body := obj{"repository": r.href}
	for _, x := range extra {
		for k, v := range x {
			body[k] = v
		}
	}
	made := r.s.done(http.MethodPost, "publications/"+kind+"/", body)
	if len(made) != 1 {
		r.c.Fatalf("publishing %s created %v", r.name, made)
	}
	return made[0]
}

// distribute serves the repository by something: {"repository": …} or {"publication": …}. The base path is the name.
func (r *repo) distribute(by obj) string {
	r.c.Helper()
	body := obj{"name": r.name, "base_path": r.name}
	for k, v := range by {
		body[k] = v
	}
	return r.s.distribute(r.kind, body)
}

func (r *repo) latest() string {
	r.c.Helper()
	return r.s.get(r.href).str("latest_version_href")
}

// counts are the units of a version, or of the latest one.
func (r *repo) counts(version string) map[string]int { return r.summary(version, "present") }

func (r *repo) summary(version, part string) map[string]int {
	r.c.Helper()
	if version == "" {
		version = r.latest()
	}
	summary := objectOf(r.s.get(version).obj()["content_summary"])
	res := map[string]int{}
	for k, v := range objectOf(summary[part]) {
		n, _ := objectOf(v)["count"].(float64)
		res[k] = int(n)
	}
	return res
}

// versionOf and publicationOf pick one out of created resources.
func versionOf(made []string) string     { return pick(made, "/versions/") }
func publicationOf(made []string) string { return pick(made, "/publications/") }

func pick(made []string, part string) string {
	for _, m := range made {
		if strings.Contains(m, part) {
			return m
		}
	}
	return ""
}

// codes are the codes of a Pulp task's progress reports and how far each got.
func codes(task obj) map[string]int {
	res := map[string]int{}
	for _, m := range objectsOf(task["progress_reports"]) {
		n, _ := m["done"].(float64)
		res[text(m["code"])] = int(n)
	}
	return res
}

// tree makes an upstream tree for this contract with three packages.
func (c *check) tree(plugin, name string) *pulpfake.Tree {
	kind := map[string]pulpfake.TreeKind{"deb": pulpfake.DebTree, "rpm": pulpfake.RPMTree, "file": pulpfake.FileTree}[plugin]
	spec := pulpfake.Spec{Kind: kind, Packages: packages(plugin)}
	if plugin == "deb" {
		spec.Components, spec.Architectures = []string{"main", "extra"}, []string{"amd64", "arm64"}
	}
	return c.up.Add(c.prefix+name, spec)
}

func packages(plugin string) []pulpfake.Package {
	switch plugin {
	case "deb":
		return []pulpfake.Package{
			{Name: "alpha", Version: "1.0", Arch: "amd64", Component: "main"},
			{Name: "beta", Version: "1.0", Arch: "all", Component: "main", Depends: "alpha"},
			{Name: "gamma", Version: "2.0", Arch: "arm64", Component: "extra"},
		}
	case "rpm":
		return []pulpfake.Package{{Name: "bear", Version: "1.0"}, {Name: "cat", Version: "1.0"}, {Name: "dog", Version: "2.0", Arch: "noarch"}}
	default:
		return []pulpfake.Package{{Name: "one.txt"}, {Name: "dir/two.txt"}, {Name: "three.txt"}}
	}
}

// extra is one more package for a tree.
func extra(plugin string) pulpfake.Package {
	if plugin == "file" {
		return pulpfake.Package{Name: "four.txt"}
	}
	return pulpfake.Package{Name: "omega", Version: "3.0"}
}

// index is the file of a type that says what a repository has, as a client would fetch it first.
var index = map[string]string{"deb": "dists/stable/Release", "rpm": "repodata/repomd.xml", "file": "PULP_MANIFEST"}

var everyType = []string{"deb", "rpm", "file"}

// until polls for something that must come about.
func (c *check) until(what string, done func() bool) {
	c.Helper()
	deadline, nudged := time.Now().Add(60*time.Second), time.Now()
	for !done() {
		if time.Now().After(deadline) {
			c.Fatalf("waited 60 s for %s", what)
		}
		c.primary.nudge(&nudged)
		c.primary.pause()
	}
}

// fileOnly is a file that no other contract has.
func fileOnly(prefix string) pulpfake.Package { return pulpfake.Package{Name: prefix + "only.txt"} }
