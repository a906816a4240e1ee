// SPDX-License-Identifier: Apache-2.0

package pulpcontract

var patches = []contract{
	{"a PATCH that changes nothing is 200 with the object", noOpPatch},
	{"a PATCH that names a typed object is 202 although nothing changes", typedPatch},
	{"a PATCH that changes is done when its task is first seen, and its result is the object", immediatePatch},
	{"null clears, blank is refused", clearing},
	{"PUT needs every required field", put},
	{"signing_service_release_overrides are merged", overrides},
}

func noOpPatch(c *check) {
	deb := c.repository(c.primary, "deb", "deb", "http://127.0.0.1:1/", obj{
		"components": "main", "total_timeout": 60, "username": "u", "password": "p", "headers": []any{obj{"X-A": "b"}},
		"pulp_labels": obj{"a": "b"}, "policy": "immediate", "repository.description": "d", "repository.retain_repo_versions": 3,
	})
	d := deb.distribute(obj{"repository": deb.href})
	name := deb.name
	for _, x := range []struct {
		href string
		body obj
	}{
		{deb.remote, obj{"name": name}},
		{deb.remote, obj{"url": "http://127.0.0.1:1/"}},
		{deb.remote, obj{"distributions": "stable"}},
		{deb.remote, obj{"components": "main"}},
		{deb.remote, obj{"total_timeout": 60}},
		{deb.remote, obj{"total_timeout": 60.0}},
		{deb.remote, obj{"username": "u", "password": "p"}},
		{deb.remote, obj{"headers": []any{obj{"X-A": "b"}}}},
		{deb.remote, obj{"pulp_labels": obj{"a": "b"}}},
		{deb.remote, obj{"policy": "immediate", "tls_validation": true}},
		{deb.remote, obj{"gpgkey": nil}},
		{deb.remote, obj{}},
		{deb.href, obj{"name": name, "description": "d", "retain_repo_versions": 3, "autopublish": false, "signing_service": nil}},
		{d, obj{"name": name}},
		{d, obj{"base_path": name}},
		{d, obj{"publication": nil}},
		{d, obj{"repository_version": nil, "publication": nil}},
		{d, obj{"pulp_labels": obj{}}},
	} {
		if !c.has(pinnedVersions) {
			delete(x.body, "repository_version")
		}
		c.unchanged(x.href, x.body)
	}
}

// unchanged makes a PATCH that changes nothing.
func (c *check) unchanged(href string, body obj) {
	c.Helper()
	if !c.has(unchangedAnswers) {
		c.equal("state of a PATCH that changes nothing", c.primary.task("PATCH", href, body)["state"], any("completed"))
		return
	}
	a := c.primary.want(200, "PATCH", href, body)
	c.equal("the object", a.str("pulp_href"), href)
}

func typedPatch(c *check) {
	r := c.repository(c.primary, "file", "r", "http://127.0.0.1:1/")
	d := r.distribute(obj{"repository": r.href})
	for _, x := range []struct {
		href string
		body obj
	}{
		{r.href, obj{"remote": r.remote}}, {d, obj{"repository": r.href}}, {d, obj{"name": r.name, "repository": r.href}},
	} {
		t := c.primary.task("PATCH", x.href, x.body)
		c.equal("state", t["state"], any("completed"))
	}
	deb := c.plain(c.primary, "deb", "overrides")
	c.primary.wait(c.primary.want(202, "PATCH", deb.href, obj{"signing_service_release_overrides": obj{}}).str("task"))
	p := r.publish()
	c.primary.task("PATCH", d, obj{"repository": nil, "publication": p})
	c.primary.wait(c.primary.want(202, "PATCH", d, obj{"publication": p}).str("task"))
	name := c.prefix + "container"
	made := c.primary.distribute("container/container", obj{"name": name, "base_path": name})
	c.primary.wait(c.primary.want(202, "PATCH", made, obj{"name": name}).str("task"))
}

func immediatePatch(c *check) {
	r := c.repository(c.primary, "file", "r", "http://127.0.0.1:1/")
	d := r.distribute(obj{"repository": r.href})
	for _, x := range []struct {
		href string
		body obj
	}{
		{r.href, obj{"description": "new"}},
		{r.remote, obj{"url": "http://127.0.0.1:2/"}},
		{d, obj{"base_path": r.name + "-moved"}},
		{r.href, obj{"name": r.name + "-renamed"}},
	} {
		a := c.primary.want(202, "PATCH", x.href, x.body)
		t := c.primary.get(a.str("task")).obj()
		c.equal("name", t["name"], any("pulpcore.app.tasks.base.ageneral_update"))
		c.equal("state at first sight", t["state"], any("completed"))
		o := c.primary.get(x.href).json
		if c.has(objectResults) {
			c.equal("result", t["result"], o)
		}
		for k, v := range x.body {
			c.equal(k, objectOf(o)[k], v)
		}
	}
}

func clearing(c *check) {
	r := c.repository(c.primary, "deb", "r", "http://127.0.0.1:1/", obj{
		"components": "main", "gpgkey": "x", "total_timeout": 60, "rate_limit": 5, "headers": []any{obj{"A": "b"}}, "repository.description": "d",
	})
	c.refused(c.primary, 400, "PATCH", r.href, obj{"description": ""}, any(obj{"description": one("This field may not be blank.")}))
	c.refused(c.primary, 400, "PATCH", r.remote, obj{"components": ""}, any(obj{"components": one("This field may not be blank.")}))
	c.refused(c.primary, 400, "PATCH", r.remote, obj{"rate_limit": ""}, any(obj{"rate_limit": one("A valid integer is required.")}))
	c.refused(c.primary, 400, "PATCH", r.remote, obj{"headers": nil}, any(obj{"headers": one("This field may not be null.")}))
	c.primary.task("PATCH", r.remote, obj{"components": nil, "gpgkey": nil, "total_timeout": nil, "rate_limit": nil, "headers": []any{}})
	c.primary.task("PATCH", r.href, obj{"description": nil, "remote": nil})
	o := c.primary.get(r.remote).obj()
	c.equal("cleared", []any{o["components"], o["gpgkey"], o["total_timeout"], o["rate_limit"], o["headers"]}, []any{nil, nil, nil, nil, []any{}})
	o = c.primary.get(r.href).obj()
	c.equal("cleared", []any{o["description"], o["remote"]}, []any{nil, nil})
}

func put(c *check) {
	r := c.plain(c.primary, "file", "r")
	c.refused(c.primary, 400, "PUT", r.href, obj{"description": "x"}, any(obj{"name": one("This field is required.")}))
}

func overrides(c *check) {
	r := c.plain(c.primary, "deb", "r")
	service := text(c.primary.results("signing-services/?name=" + c.env.SigningService)[0]["pulp_href"])
	patch := func(v obj) any {
		c.primary.task("PATCH", r.href, obj{"signing_service_release_overrides": v})
		return c.primary.get(r.href).obj()["signing_service_release_overrides"]
	}
	c.equal("set", patch(obj{"stable": service}), any(obj{"stable": service}))
	c.equal("empty keeps", patch(obj{}), any(obj{"stable": service}))
	c.equal("added", patch(obj{"testing": service}), any(obj{"stable": service, "testing": service}))
	c.equal("null removes", patch(obj{"stable": nil}), any(obj{"testing": service}))
}
