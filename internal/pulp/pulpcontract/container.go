// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

var containerContracts = []contract{
	{"container syncs tags, and nothing when nothing changed", containerSync},
	{"a container sync completes without a tag that is not there", containerSilent},
	{"container mirrors from a primary's registry, removals too", containerMirror},
	{"a container distribution serves the version it names, and switches at once", containerPinned},
	{"container removes a tag with what only that needs, and finds tags by digest", containerRemove},
	{"container distributions and remotes have fields of their own", containerFields},
}

// images makes a repository of a registry with tags, and a repository that syncs from it.
func (c *check) images(name string, tags []string, extra ...obj) (*pulpfake.Tree, *repo) {
	c.Helper()
	var packages []pulpfake.Package
	for _, tag := range tags {
		packages = append(packages, pulpfake.Package{Name: tag, Version: "1", Body: c.prefix + tag})
	}
	up := c.up.Add(c.prefix+name, pulpfake.Spec{Kind: pulpfake.ContainerTree, Packages: packages})
	c.primary.forgetNamespace(c.prefix + name)
	c.secondary.forgetNamespace(c.prefix + name)
	return up, c.repository(c.primary, "container", name, up.URL(c.upURL), append([]obj{{"upstream_name": c.prefix + name}}, extra...)...)
}

// forgetNamespace deletes, when the test ends, the namespace that a container distribution makes and leaves behind.
// The fake has none.
func (s *server) forgetNamespace(name string) {
	s.t.Cleanup(func() {
		found, err := s.try(http.MethodGet, "pulp_container/namespaces/?name="+name, nil)
		if err != nil || found.status != 200 {
			return
		}
		for _, n := range objectsOf(found.obj()["results"]) {
			if a, err := s.try(http.MethodDelete, text(n["pulp_href"]), nil); err == nil && a.status == 202 {
				*s.deleting = append(*s.deleting, a.str("task"))
			}
		}
	})
}

// includes gives fields of a remote by the names that the server has for them.
func (c *check) includes(fields obj) obj {
	named := obj{}
	for field, value := range fields {
		if !c.has(namedIncludes) {
			field = map[string]string{"includes": "include_tags", "excludes": "exclude_tags"}[field]
		}
		named[field] = value
	}
	return named
}

// tagsRead is how many tags a sync read; -1: it does not tell.
func (c *check) tagsRead(t obj) int {
	code := "sync.processing.manifest"
	if !c.has(namedIncludes) {
		code = "sync.processing.tag"
	}
	if n, told := codes(t)[code]; told {
		return n
	}
	return -1
}

// takes says what a client of a registry takes.
func takes(q *http.Request) { q.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json") }

// tags gives the tags that the registry serves of a repository, each with its manifest's digest; every manifest
// and blob is read.
func (r *repo) tags() []string {
	r.c.Helper()
	login := func(q *http.Request) { q.SetBasicAuth(r.s.env.Username, r.s.env.Password) }
	a := r.s.send(http.MethodGet, "/v2/"+r.name+"/tags/list", nil, login)
	found := []string{}
	for _, tag := range textsOf(a.obj()["tags"]) {
		m := r.s.want(200, http.MethodGet, "/v2/"+r.name+"/manifests/"+tag, nil, login, takes)
		digest := m.header.Get("Docker-Content-Digest")
		if again := r.s.want(200, http.MethodGet, "/v2/"+r.name+"/manifests/"+digest, nil, login, takes); string(again.raw) != string(m.raw) {
			digest = "other bytes by the digest"
		}
		for _, b := range append(objectsOf(m.obj()["layers"]), objectOf(m.obj()["config"])) {
			if blob := r.s.want(200, http.MethodGet, "/v2/"+r.name+"/blobs/"+text(b["digest"]), nil, login); float64(len(blob.raw)) != b["size"] {
				digest = "a blob of another size"
			}
		}
		found = append(found, tag+" "+digest)
	}
	slices.Sort(found)
	return found
}

func containerSync(c *check) {
	up, r := c.images("img", []string{"1", "2"})
	t := c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("first", []any{t["state"], t["created_resources"], t["name"]},
		[]any{"completed", []any{r.href + "versions/1/"}, "pulp_container.app.tasks.synchronize.synchronize"})
	if c.has(objectResults) {
		c.equal("result", objectOf(t["result"])["number"], any(1.0))
	}
	c.equal("tags read", c.tagsRead(t), 2)
	c.equal("present", r.counts(""), map[string]int{"container.tag": 2, "container.manifest": 2, "container.blob": 4})
	t = c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("no change", []any{t["created_resources"], t["result"]}, []any{[]any{}, nil})
	up.Remove("1")
	up.Put(pulpfake.Package{Name: "2", Version: "2", Body: c.prefix})
	r.sync(nil)
	c.equal("additive", r.counts("")["container.tag"], 2)
	r.sync(obj{"mirror": true})
	c.equal("mirror", r.counts(""), map[string]int{"container.tag": 1, "container.manifest": 1, "container.blob": 2})
	x := c.primary.results("content/container/tags/?repository_version=" + r.latest())[0]
	m := c.primary.get(text(x["tagged_manifest"])).obj()
	c.equal("tag", []any{x["name"], strings.HasPrefix(text(m["digest"]), "sha256:")}, []any{"2", true})
	c.equal("by name", len(c.primary.results("content/container/tags/?name=1&repository_version="+r.latest())), 0)
}

func containerSilent(c *check) {
	up, r := c.images("img", []string{"1.0", "1.1", "2.0"}, c.includes(obj{"includes": []any{"nosuch"}}))
	t := c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("not there", []any{t["state"], t["created_resources"], c.tagsRead(t)}, []any{"completed", []any{}, 0})
	c.primary.done("PATCH", r.remote, c.includes(obj{"includes": []any{"1.*", "nosuch"}, "excludes": []any{"*1"}}))
	r.sync(nil)
	c.equal("what there is", r.counts("")["container.tag"], 1)
	up.Miss("manifests/1.0")
	c.equal("a tag without its manifest", c.primary.task("POST", r.href+"sync/", obj{})["state"], any("failed"))
	up.Miss("")
	up.Empty()
	t = c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("no tags", []any{t["state"], c.tagsRead(t), r.counts("")["container.tag"]}, []any{"completed", 0, 1})
}

func containerMirror(c *check) {
	up, r := c.images("img", []string{"1", "2"})
	r.sync(nil)
	d := r.distribute(obj{"repository_version": r.latest(), "private": true})
	m := c.repository(c.secondary, "container", "img", c.env.Primary, obj{
		"upstream_name": r.name, "username": c.env.Username, "password": c.env.Password,
	})
	c.equal("mirrored", m.mirror(), []string{m.href + "versions/1/"})
	m.distribute(obj{"repository_version": m.latest()})
	c.equal("the same", m.tags(), r.tags())
	c.equal("so many", len(m.tags()), 2)
	c.equal("no change", m.mirror(), []string{})
	up.Remove("1")
	r.mirror()
	c.equal("not served yet", m.mirror(), []string{})
	c.primary.done("PATCH", d, obj{"repository_version": r.latest()})
	c.equal("removed", m.mirror(), []string{m.href + "versions/2/"})
	c.equal("of it", m.summary("", "removed"), map[string]int{"container.tag": 1, "container.manifest": 1, "container.blob": 2})
}

func containerPinned(c *check) {
	up, r := c.images("img", []string{"1", "2"})
	r.mirror()
	d := r.distribute(nil)
	c.equal("nothing", c.primary.send("GET", "/v2/"+r.name+"/tags/list", nil).status, 404)
	one, two := r.href+"versions/1/", r.href+"versions/2/"
	c.primary.done("PATCH", d, obj{"repository_version": one, "repository": nil})
	first := r.tags()
	c.equal("first", len(first), 2)
	status := 404
	if c.has(anyManifest) {
		status = 200
	}
	c.equal("for a client that does not say what it takes", c.primary.send("GET", "/v2/"+r.name+"/manifests/1", nil).status, status)
	up.Put(pulpfake.Package{Name: "2", Version: "2", Body: c.prefix})
	r.mirror()
	c.equal("synced, not served", r.tags(), first)
	c.primary.done("PATCH", d, obj{"repository_version": two, "repository": nil})
	second := r.tags()
	c.equal("switched", []any{len(second), second[0] == first[0], second[1] == first[1]}, []any{2, true, false})
	c.primary.done("PATCH", d, obj{"repository_version": one})
	c.equal("back", r.tags(), first)
	c.primary.done("PATCH", d, obj{"repository_version": nil, "repository": r.href})
	c.equal("following", r.tags(), second)
}

func containerFields(c *check) {
	_, r := c.images("img", []string{"1"})
	d := r.distribute(nil)
	for _, field := range []string{"base_url", "publication", "checkpoint"} {
		if _, there := c.primary.get(d).obj()[field]; there {
			c.Errorf("a container distribution has %s", field)
		}
	}
	c.refused(c.primary, 400, "PATCH", d, obj{"publication": nil}, any(obj{"publication": one("Unexpected field")}))
	c.primary.done("PATCH", d, obj{"name": r.name}) // 202 although nothing changes
	c.refused(c.primary, 400, "POST", r.href+"sync/", obj{"optimize": false}, any(obj{"optimize": one("Unexpected field")}))
	c.unchanged(r.remote, c.includes(obj{"includes": nil, "excludes": nil}))
	c.unchanged(r.remote, obj{"upstream_name": c.prefix + "img"})
	c.equal("what clients pushed to older servers", len(c.primary.results("repositories/container/container-push/?name="+r.name)), 0)
}
