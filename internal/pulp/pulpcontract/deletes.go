// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import "net/http"

var deletes = []contract{
	{"a repository that is served can be deleted, its distribution stays and points at nothing", deleteServedRepository},
	{"a publication that is served can be deleted", deleteServedPublication},
	{"a version that is served cannot be deleted", deleteServedVersion},
	{"a remote in use can be deleted", deleteUsedRemote},
	{"what is gone answers 404", deleteTwice},
	{"old versions are dropped beyond retain_repo_versions, served ones kept", retention},
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func deleteServedRepository(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	made := r.mirror()
	d := r.distribute(obj{"repository": r.href})
	t := c.primary.task("DELETE", r.href, nil)
	c.equal("task", []any{t["state"], t["name"]}, []any{"completed", "pulpcore.app.tasks.base.ageneral_delete"})
	if c.has(objectResults) {
		c.equal("counts", objectOf(t["result"])["core.RepositoryVersion"], any(2.0))
	}
	o := c.primary.get(d).obj()
	c.equal("distribution", []any{o["repository"], o["publication"], o["repository_version"]}, []any{nil, nil, nil})
	c.equal("served", c.hash(c.primary, r.name+"/PULP_MANIFEST"), "404")
	c.refused(c.primary, 404, "GET", publicationOf(made), nil, any(obj{"detail": "No FilePublication matches the given query."}))
	c.refused(c.primary, 404, "GET", r.href, nil, any(obj{"detail": "No FileRepository matches the given query."}))
}

func deleteServedPublication(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	p := publicationOf(r.mirror())
	d := r.distribute(obj{"publication": p})
	c.primary.want(204, "DELETE", p, nil)
	c.equal("distribution", c.primary.get(d).obj()["publication"], any(nil))
	c.equal("served", c.hash(c.primary, r.name+"/PULP_MANIFEST"), "404")
}

func deleteServedVersion(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	p := publicationOf(r.mirror())
	r.distribute(obj{"publication": p})
	up.Put(extra("file"))
	r.mirror()
	c.refused(c.primary, 400, "DELETE", r.href+"versions/1/", nil, any(one("The repository version cannot be deleted because it (or its "+
		"publications) are currently being used to distribute content. Please update the necessary distributions first.")))
	c.equal("state", c.primary.task("DELETE", r.href+"versions/0/", nil)["state"], any("completed"))
	c.equal("state", c.primary.task("DELETE", r.href+"versions/2/", nil)["state"], any("completed"))
	c.equal("latest", r.latest(), r.href+"versions/1/")
	c.primary.want(404, "GET", r.href+"versions/2/", nil)
}

func deleteUsedRemote(c *check) {
	r := c.repository(c.primary, "file", "r", "http://127.0.0.1:1/")
	c.primary.task("DELETE", r.remote, nil)
	c.equal("remote", c.primary.get(r.href).obj()["remote"], any(nil))
	c.primary.want(400, "POST", r.href+"sync/", obj{})
}

func deleteTwice(c *check) {
	r := c.repository(c.primary, "file", "r", "http://127.0.0.1:1/")
	d := r.distribute(obj{"repository": r.href})
	for href, noun := range map[string]string{r.href: "FileRepository", r.remote: "FileRemote", d: "FileDistribution"} {
		c.primary.task("DELETE", href, nil)
		c.refused(c.primary, 404, "DELETE", href, nil, any(obj{"detail": "No " + noun + " matches the given query."}))
	}
}

func retention(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	served := obj{"publication": publicationOf(r.mirror())}
	if c.has(pinnedVersions) {
		served = obj{"repository_version": r.href + "versions/1/"}
	}
	r.distribute(served)
	for i := range 3 {
		p := extra("file")
		p.Name += string(rune('a' + i))
		up.Put(p)
		r.mirror()
	}
	c.primary.task("PATCH", r.href, obj{"retain_repo_versions": 1})
	var left []float64
	for _, v := range c.primary.results(r.href + "versions/") {
		n, _ := v["number"].(float64)
		left = append(left, n)
	}
	c.equal("left", left, []float64{4, 1})
	p := extra("file")
	p.Name += "last"
	up.Put(p)
	r.mirror()
	left = nil
	for _, v := range c.primary.results(r.href + "versions/") {
		n, _ := v["number"].(float64)
		left = append(left, n)
	}
	c.equal("after another sync", left, []float64{5, 1})
}
