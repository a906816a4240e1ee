// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

var distributions = []contract{
	{"base paths are unique, canonical and do not overlap", basePaths},
	{"a distribution points at one thing", onePointer},
	{"rpm and file switch at once in every mode and keep superseded files", switchPinned},
	{"a repository-mode distribution follows every publication", followRepository},
	{"a deb distribution once in repository mode cannot be pinned back", debStuck},
	{"a deb distribution pinned from its creation switches both ways, without grace", debPinned},
	{"a distribution of a version serves that version's newest publication", versionPinned},
	{"moving the base path moves what is served at once", moveBasePath},
	{"a publication of another type is accepted", wrongType},
	{"of two equal creations at once one task fails", equalCreations},
	{"the content app answers HEAD, ranges and conditions", contentApp},
}

func (c *check) hash(s *server, path string) string {
	code, data := s.file(path)
	if code != 200 {
		return fmt.Sprint(code)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))[:12]
}

func basePaths(c *check) {
	name := c.prefix + "lead"
	c.primary.distribute("file/file", obj{"name": name, "base_path": name + "/a/b"})
	overlap := any(obj{"base_path": obj{"base_path": "Overlaps with an existing distribution."}})
	canonical := func(path, older string) any {
		if !c.has(canonicalPaths) {
			return obj{"base_path": one("Relative path cannot " + older + ".")}
		}
		return obj{"base_path": one("Relative path is not in canonical form. " + path)}
	}
	if !c.has(canonicalPaths) {
		overlap = any(obj{"base_path": obj{"base_path": "Overlaps with existing distribution '" + name + "'"}})
	}
	for path, want := range map[string]any{
		name + "/a/b":   obj{"base_path": one("This field must be unique.")},
		name + "/a/b/c": overlap,
		name + "/a":     overlap,
		name:            overlap,
		"/" + name:      canonical("/"+name, "begin or end with slashes"),
		name + "x/":     canonical(name+"x/", "begin or end with slashes"),
		"a b":           canonical("a b", "contain spaces"),
	} {
		c.refused(c.primary, 400, "POST", "distributions/rpm/rpm/", obj{"name": name + "2", "base_path": path}, want)
	}
	c.primary.distribute("rpm/rpm", obj{"name": name + "3", "base_path": name + "/a/bc"})
	c.equal("filter", len(c.primary.results("distributions/rpm/rpm/?base_path="+name+"/a/bc")), 1)
	c.equal("filter in", len(c.primary.results("distributions/?base_path__in="+name+"/a/bc,"+name+"/a/b")), 2)
}

func onePointer(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.sync(nil)
	p := r.publish()
	only := func(a, b string) any {
		return obj{"non_field_errors": one("Only one of the attributes '" + a + "' and '" + b + "' may be used simultaneously.")}
	}
	body := func(extra obj) obj {
		res := obj{"name": r.name, "base_path": r.name}
		for k, v := range extra {
			res[k] = v
		}
		return res
	}
	s := c.primary
	c.refused(s, 400, "POST", "distributions/file/file/", body(obj{"repository": r.href, "publication": p}), only("repository", "publication"))
	version := only
	if !c.has(pinnedVersions) {
		version = func(string, string) any { return obj{"repository_version": one("Unexpected field")} }
	}
	c.refused(s, 400, "POST", "distributions/file/file/", body(obj{"repository": r.href, "repository_version": r.latest()}),
		version("repository", "repository_version"))
	c.refused(s, 400, "POST", "distributions/file/file/", body(obj{"publication": p, "repository_version": r.latest()}),
		version("publication", "repository_version"))
	d := r.distribute(obj{"publication": p})
	c.refused(s, 400, "PATCH", d, obj{"repository": r.href}, only("repository", "publication"))
	c.refused(s, 400, "PATCH", d, obj{"repository_version": r.latest()}, version("publication", "repository_version"))
	s.task("PATCH", d, obj{"repository": r.href, "publication": nil})
	o := s.get(d).obj()
	c.equal("switched", []any{o["repository"], o["publication"], o["repository_version"]}, []any{r.href, nil, nil})
	c.refused(s, 400, "PATCH", d, obj{"publication": root + "publications/file/file/01a2095c-15d9-7b73-a7c7-26cece8736b8/"},
		any(obj{"publication": one("Invalid hyperlink - Object does not exist.")}))
}

func switchPinned(c *check) {
	superseded := map[string]string{"rpm": "Packages/bear-1.0-1.x86_64.rpm", "file": "one.txt"}
	for _, plugin := range []string{"rpm", "file"} {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		first := publicationOf(r.mirror())
		d := r.distribute(obj{"publication": first})
		at := r.name + "/" + index[plugin]
		before := c.hash(c.primary, at)
		up.Remove("bear", "one.txt")
		up.Put(extra(plugin))
		second := publicationOf(r.mirror())
		c.equal("pinned: the sync changes nothing", c.hash(c.primary, at), before)
		c.primary.want(202, "PATCH", d, obj{"publication": second})
		after := c.hash(c.primary, at)
		if after == before || len(after) != 12 {
			c.Errorf("%s after the switch: %s, before %s", plugin, after, before)
		}
		if code, _ := c.primary.file(r.name + "/" + superseded[plugin]); (code == 200) != c.has(supersededServed) {
			c.Errorf("%s: a superseded file answers %d", plugin, code)
		}
		for _, x := range []struct {
			body obj
			want string
		}{
			{obj{"publication": first}, before},
			{obj{"publication": nil, "repository": r.href}, after},
			{obj{"repository": nil, "repository_version": r.href + "versions/1/"}, before},
			{obj{"repository": nil, "repository_version": nil, "publication": second}, after},
			{obj{"publication": nil}, "404"},
		} {
			if !c.has(pinnedVersions) {
				if x.body["repository_version"] != nil {
					continue
				}
				delete(x.body, "repository_version")
			}
			c.primary.task("PATCH", d, x.body)
			c.equal(fmt.Sprintf("%s %v", plugin, x.body), c.hash(c.primary, at), x.want)
		}
	}
}

func followRepository(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.sync(nil)
		r.distribute(obj{"repository": r.href})
		at := r.name + "/" + index[plugin]
		c.equal("before the first publication of "+plugin, c.hash(c.primary, at), "404")
		r.publish()
		first := c.hash(c.primary, at)
		up.Put(extra(plugin))
		r.sync(nil)
		c.equal("before the second", c.hash(c.primary, at), first)
		p := r.publish()
		second := c.hash(c.primary, at)
		if second == first || len(first) != 12 || len(second) != 12 {
			c.Errorf("%s: %s then %s", plugin, first, second)
		}
		if plugin != "deb" {
			c.primary.want(204, "DELETE", p, nil)
			c.equal("after deleting the newest publication of "+plugin, c.hash(c.primary, at), first)
		}
	}
}

func debStuck(c *check) {
	up := c.tree("deb", "deb")
	service, _ := c.sign()
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.sync(nil)
	first := r.publish(obj{"signing_service": service})
	d := r.distribute(obj{"repository": r.href})
	at := r.name + "/dists/stable/InRelease"
	before := c.hash(c.primary, at)
	up.Remove("alpha")
	r.mirror()
	r.publish(obj{"signing_service": service})
	after := c.hash(c.primary, at)
	if after == before {
		c.Errorf("InRelease did not change: %s", after)
	}
	if code, _ := c.primary.file(r.name + "/pool/main/a/alpha/alpha_1.0_amd64.deb"); code != 200 {
		c.Errorf("grace in repository mode: %d", code)
	}
	t := c.primary.task("PATCH", d, obj{"repository": nil, "publication": first})
	c.equal("the API says", []any{t["state"], c.primary.get(d).obj()["publication"]}, []any{"completed", first})
	c.equal("but serves", c.hash(c.primary, at), after)
	c.primary.task("PATCH", d, obj{"publication": nil})
	c.equal("pointing at nothing", c.hash(c.primary, at), after)
}

func debPinned(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	first := r.publishKind("deb/verbatim")
	d := r.distribute(obj{"publication": first})
	at := r.name + "/dists/stable/InRelease"
	before := c.hash(c.primary, at)
	up.Remove("alpha")
	r.mirror()
	second := r.publishKind("deb/verbatim")
	c.equal("not yet", c.hash(c.primary, at), before)
	c.primary.task("PATCH", d, obj{"publication": second})
	after := c.hash(c.primary, at)
	if after == before || len(after) != 12 {
		c.Errorf("after the switch %s, before %s", after, before)
	}
	if code, _ := c.primary.file(r.name + "/pool/main/a/alpha/alpha_1.0_amd64.deb"); code != 404 {
		c.Errorf("a superseded package of a pinned deb distribution: %d", code)
	}
	c.primary.task("PATCH", d, obj{"publication": first})
	c.equal("back", c.hash(c.primary, at), before)
}

func versionPinned(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.sync(nil)
	if !c.has(pinnedVersions) {
		c.refused(c.primary, 400, "POST", "distributions/file/file/", obj{"name": r.name, "base_path": r.name, "repository_version": r.latest()},
			any(obj{"repository_version": one("Unexpected field")}))
		return
	}
	r.distribute(obj{"repository_version": r.latest()})
	at := r.name + "/PULP_MANIFEST"
	c.equal("without publication", c.hash(c.primary, at), "404")
	r.publish()
	if h := c.hash(c.primary, at); len(h) != 12 {
		c.Errorf("with one: %s", h)
	}
}

func moveBasePath(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.mirror()
	d := r.distribute(obj{"repository": r.href})
	c.primary.want(202, "PATCH", d, obj{"base_path": r.name + "-new"})
	c.equal("old", c.hash(c.primary, r.name+"/PULP_MANIFEST"), "404")
	if h := c.hash(c.primary, r.name+"-new/PULP_MANIFEST"); len(h) != 12 {
		c.Errorf("new: %s", h)
	}
	if base := text(c.primary.get(d).obj()["base_url"]); !strings.HasSuffix(base, "/"+r.name+"-new/") {
		c.Errorf("base_url %q", base)
	}
}

func wrongType(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	p := publicationOf(r.mirror())
	t := c.primary.task("POST", "distributions/rpm/rpm/", obj{"name": r.name, "base_path": r.name, "publication": p})
	c.equal("state", t["state"], any("completed"))
	for _, made := range textsOf(t["created_resources"]) {
		c.primary.later(made)
	}
}

func equalCreations(c *check) {
	_, running, release := c.hanging("busy") // keeps the workers of a small server from running the first at once
	body := obj{"name": c.prefix + "twice", "base_path": c.prefix + "twice"}
	first := c.primary.want(202, "POST", "distributions/file/file/", body).str("task")
	a := c.primary.send("POST", "distributions/file/file/", body)
	release()
	c.primary.wait(running)
	t := c.primary.wait(first)
	if a.status == 400 { // the first was done before
		c.primary.later(textsOf(t["created_resources"])[0])
		c.equal("refused", a.json, any(obj{"name": one("This field must be unique."), "base_path": one("This field must be unique.")}))
		return
	}
	won := 0
	for _, t := range []obj{t, c.primary.wait(a.str("task"))} { // whichever a worker takes first
		if t["state"] == "completed" {
			won++
			c.primary.later(textsOf(t["created_resources"])[0])
			continue
		}
		if e := objectOf(t["error"]); !strings.Contains(text(e["description"]), "This field must be unique.") {
			c.Errorf("the other: %v %v", t["state"], e)
		}
	}
	c.equal("completed", won, 1)
}

func contentApp(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.mirror()
	r.distribute(obj{"repository": r.href})
	url := "/pulp/content/" + r.name + "/one.txt"
	a := c.primary.want(200, "GET", url, nil)
	c.equal("bytes", string(a.raw), string(up.File("one.txt")))
	head := c.primary.want(200, "HEAD", url, nil)
	c.equal("length", head.header.Get("Content-Length"), fmt.Sprint(len(a.raw)))
	etag := a.header.Get("ETag")
	c.primary.want(304, "GET", url, nil, header("If-None-Match", etag))
	part := c.primary.want(206, "GET", url, nil, header("Range", "bytes=0-2"))
	c.equal("range", string(part.raw), string(a.raw[:3]))
	missing := c.primary.want(404, "GET", "/pulp/content/"+r.name+"/nosuch", nil)
	c.equal("404", string(missing.raw), "404: Not Found")
	list := c.primary.want(200, "GET", "/pulp/content/"+r.name+"/", nil)
	if !strings.Contains(string(list.raw), "one.txt") || !strings.HasPrefix(list.header.Get("Content-Type"), "text/html") {
		c.Errorf("listing: %s", list.raw)
	}
}
