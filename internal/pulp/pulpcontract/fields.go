// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"strings"
)

var fields = []contract{
	{"unknown body fields are refused everywhere", unexpectedFields},
	{"read-only body fields are ignored", readOnlyFields},
	{"required, null, blank and mistyped fields are named", fieldErrors},
	{"references are checked", referenceErrors},
	{"names are unique over all types of a class", uniqueNames},
	{"secrets are write-only and shown in hidden_fields", secretFields},
	{"labels are set, replaced, selected and removed", labels},
	{"remotes show the defaults", remoteDefaults},
}

func one(m string) []any { return []any{m} }

func unexpectedFields(c *check) {
	want := any(obj{"bogus": one("Unexpected field")})
	for _, plugin := range everyType {
		kind := kindOf[plugin]
		r := c.repository(c.primary, plugin, "u-"+plugin, "http://127.0.0.1:1/")
		remote := obj{"name": c.prefix + "x", "url": "http://127.0.0.1:1/", "bogus": 1}
		if plugin == "deb" {
			remote["distributions"] = "stable"
		}
		c.refused(c.primary, 400, "POST", "remotes/"+kind+"/", remote, want)
		c.refused(c.primary, 400, "POST", "repositories/"+kind+"/", obj{"name": c.prefix + "x", "bogus": 1}, want)
		c.refused(c.primary, 400, "POST", "distributions/"+kind+"/", obj{"name": c.prefix + "x", "base_path": c.prefix + "x", "bogus": 1}, want)
		c.refused(c.primary, 400, "POST", "publications/"+kind+"/", obj{"repository": r.href, "bogus": 1}, want)
		c.refused(c.primary, 400, "POST", r.href+"sync/", obj{"bogus": 1}, want)
		c.refused(c.primary, 400, "POST", r.href+"modify/", obj{"bogus": 1}, want)
		c.refused(c.primary, 400, "PATCH", r.href, obj{"bogus": 1}, want)
		c.refused(c.primary, 400, "PATCH", r.remote, obj{"bogus": 1}, want)
	}
	c.refused(c.primary, 400, "POST", "publications/deb/verbatim/", obj{"signing_service": "x"},
		any(obj{"signing_service": one("Unexpected field")}))
}

func readOnlyFields(c *check) {
	o := c.primary.create("repositories/file/file/", obj{
		"name": c.prefix + "ro", "pulp_href": "/x/", "latest_version_href": "/y/", "prn": "z", "pulp_created": "2020-01-01T00:00:00Z",
	})
	if strings.HasPrefix(text(o["pulp_created"]), "2020") || o["prn"] == "z" {
		c.Errorf("read-only fields were taken: %v", o)
	}
}

func fieldErrors(c *check) {
	remote := func(extra obj) obj {
		res := obj{"name": c.prefix + "f", "url": "http://127.0.0.1:1/", "distributions": "a"}
		for k, v := range extra {
			res[k] = v
		}
		return res
	}
	required := one("This field is required.")
	badLabel := "Key 'a!' contains invalid characters. Only alphanumerics, underscores, spaces, hyphens, and dots are allowed."
	if !c.has(plainLabels) {
		badLabel = "Key 'a!' contains non-alphanumerics."
	}
	for _, x := range []struct {
		path string
		body any
		want obj
	}{
		{"remotes/deb/apt/", obj{}, obj{"name": required, "url": required, "distributions": required}},
		{"remotes/rpm/rpm/", obj{}, obj{"name": required, "url": required}},
		{"remotes/deb/apt/", remote(obj{"name": nil}), obj{"name": one("This field may not be null.")}},
		{"remotes/deb/apt/", remote(obj{"name": ""}), obj{"name": one("This field may not be blank.")}},
		{"remotes/deb/apt/", remote(obj{"components": ""}), obj{"components": one("This field may not be blank.")}},
		{"remotes/deb/apt/", remote(obj{"policy": "bad"}), obj{"policy": one(`"bad" is not a valid choice.`)}},
		{"remotes/deb/apt/", remote(obj{"sync_udebs": "maybe"}), obj{"sync_udebs": one("Must be a valid boolean.")}},
		{"remotes/deb/apt/", remote(obj{"max_retries": "x", "total_timeout": "y", "headers": nil, "bogus": 1}), obj{
			"max_retries": one("A valid integer is required."), "total_timeout": one("A valid number is required."),
			"headers": one("This field may not be null."),
		}},
		{"remotes/deb/apt/", remote(obj{"download_concurrency": 0}), obj{
			"download_concurrency": one("Ensure this value is greater than or equal to 1."),
		}},
		{"remotes/deb/apt/", remote(obj{"url": "http://u:p@x/"}), obj{
			"url": one("The remote url contains username or password. Please use remote username or password instead."),
		}},
		{"remotes/deb/apt/", remote(obj{"proxy_username": "u"}), obj{
			"non_field_errors": one("proxy credentials cannot be specified without a proxy"),
		}},
		{"remotes/deb/apt/", remote(obj{"pulp_labels": obj{"a!": "x"}}), obj{"pulp_labels": one(badLabel)}},
		{"remotes/deb/apt/", remote(obj{"pulp_labels": "x"}), obj{
			"pulp_labels": one(`Expected a dictionary of items but got type "str".`),
		}},
		{"remotes/rpm/rpm/", obj{"name": c.prefix + "f", "url": "ftp://x/"}, obj{
			"url": one("The url 'ftp://x/' is not valid. It must start with: ('http', 'https', 'file')."),
		}},
		{"repositories/deb/apt/", obj{}, obj{"name": required}},
		{"repositories/file/file/", obj{"name": c.prefix + "f", "retain_repo_versions": 0}, obj{
			"retain_repo_versions": one("Ensure this value is greater than or equal to 1."),
		}},
		{"distributions/deb/apt/", obj{}, obj{"name": required, "base_path": required}},
		{"publications/deb/apt/", obj{}, obj{
			"non_field_errors": one("Either the 'repository' or 'repository_version' need to be specified"),
		}},
		{"publications/deb/apt/", obj{"repository": nil}, obj{"repository": one("This field may not be null.")}},
		{"deb/copy/", obj{}, obj{"config": required}},
	} {
		c.refused(c.primary, 400, "POST", x.path, x.body, any(x.want))
	}
	if twice := remote(obj{"architectures": "amd64 amd64"}); c.has(distinctArchitectures) {
		c.refused(c.primary, 400, "POST", "remotes/deb/apt/", twice, any(obj{"architectures": one("Duplicate architecture token 'amd64'.")}))
	}
	a := c.primary.want(400, "POST", "remotes/file/file/", obj{"name": c.prefix + "f", "url": "http://x/", "ca_cert": "garbage"})
	if a.obj()["ca_cert"] == nil {
		c.Errorf("a ca_cert that is none: %s", a.raw)
	}
	o := c.primary.create("remotes/file/file/", obj{"name": 5, "url": "  http://127.0.0.1:1/x  ", "pulp_labels": obj{"a": 5}, "max_retries": "2"})
	c.equal("numbers and blanks", []any{o["name"], o["url"], o["pulp_labels"], o["max_retries"]},
		[]any{"5", "http://127.0.0.1:1/x", obj{"a": "5"}, 2.0})
}

func referenceErrors(c *check) {
	deb := c.repository(c.primary, "deb", "deb", "http://127.0.0.1:1/")
	rpm := c.repository(c.primary, "rpm", "rpm", "http://127.0.0.1:1/")
	gone := "/pulp/api/v3/remotes/deb/apt/01a2095c-15d9-7b73-a7c7-26cece8736b8/"
	name := c.prefix + "ref"
	for _, x := range []struct {
		path string
		body obj
		want obj
	}{
		{"repositories/deb/apt/", obj{"name": name, "remote": "garbage"}, obj{"remote": one("Invalid hyperlink - No URL match.")}},
		{"repositories/deb/apt/", obj{"name": name, "remote": gone}, obj{"remote": one("Invalid hyperlink - Object does not exist.")}},
		{"repositories/deb/apt/", obj{"name": name, "remote": rpm.remote}, obj{
			"remote": one("Type for Remote '" + rpm.name + "' does not match Repository."),
		}},
		{"repositories/deb/apt/", obj{"name": name, "signing_service": deb.href}, obj{
			"signing_service": one("Invalid hyperlink - Incorrect URL match."),
		}},
		{deb.href + "sync/", obj{"remote": "x"}, obj{"remote": one("Invalid hyperlink - No URL match.")}},
		{"publications/deb/apt/", obj{"repository": "x"}, obj{"repository": one("Invalid hyperlink - No URL match.")}},
		{"publications/deb/apt/", obj{"repository_version": deb.href + "versions/9/"}, obj{
			"repository_version": one("Invalid hyperlink - Object does not exist."),
		}},
		{"publications/deb/apt/", obj{"repository": deb.href, "repository_version": deb.href + "versions/0/"}, obj{
			"non_field_errors": one("Either the 'repository' or 'repository_version' need to be specified but not both."),
		}},
		{"publications/deb/apt/", obj{"repository": deb.href, "simple": false, "structured": false}, obj{
			"non_field_errors": one("one of simple or structured publishing mode must be selected"),
		}},
		{"distributions/deb/apt/", obj{"name": name, "base_path": name, "publication": "zzz"}, obj{
			"publication": one("Invalid hyperlink - No URL match."),
		}},
	} {
		c.refused(c.primary, 400, "POST", x.path, x.body, any(x.want))
	}
	o := c.primary.create("repositories/deb/apt/", obj{"name": name, "remote": ""})
	c.equal("an empty reference is none", o["remote"], any(nil))
	prn := text(c.primary.get(deb.remote).obj()["prn"])
	o = c.primary.create("repositories/deb/apt/", obj{"name": name + "2", "remote": prn})
	c.equal("a prn is as good as an href", o["remote"], any(deb.remote))
}

func uniqueNames(c *check) {
	unique := any(obj{"name": one("This field must be unique.")})
	name := c.prefix + "unique"
	c.primary.create("repositories/file/file/", obj{"name": name})
	c.primary.create("remotes/file/file/", obj{"name": name, "url": "http://127.0.0.1:1/"})
	c.primary.distribute("file/file", obj{"name": name, "base_path": name})
	for _, kind := range []string{"file/file", "rpm/rpm", "deb/apt"} {
		c.refused(c.primary, 400, "POST", "repositories/"+kind+"/", obj{"name": name}, unique)
		remote := obj{"name": name, "url": "http://127.0.0.1:1/"}
		if kind == "deb/apt" {
			remote["distributions"] = "a"
		}
		c.refused(c.primary, 400, "POST", "remotes/"+kind+"/", remote, unique)
		c.refused(c.primary, 400, "POST", "distributions/"+kind+"/", obj{"name": name, "base_path": name + "-other"}, unique)
	}
	other := c.primary.create("repositories/file/file/", obj{"name": name + "-other"})
	c.refused(c.primary, 400, "PATCH", text(other["pulp_href"]), obj{"name": name}, unique)
}

func secretFields(c *check) {
	body := obj{
		"name": c.prefix + "secret", "url": "http://127.0.0.1:1/", "username": "u", "password": " p ", "proxy_url": "http://127.0.0.1:3128",
		"proxy_username": "pu", "proxy_password": "pp",
	}
	o := c.primary.create("remotes/file/file/", body)
	for _, name := range []string{"username", "password", "proxy_username", "proxy_password", "client_key"} {
		if _, shown := o[name]; shown {
			c.Errorf("%s is shown", name)
		}
	}
	set := func(o obj) map[string]bool {
		res := map[string]bool{}
		for _, m := range objectsOf(o["hidden_fields"]) {
			res[text(m["name"])] = m["is_set"] == true
		}
		return res
	}
	c.equal("hidden", set(o), map[string]bool{
		"client_key": false, "proxy_username": true, "proxy_password": true, "username": true, "password": true,
	})
	href := text(o["pulp_href"])
	c.unchanged(href, obj{"username": "u", "password": " p "}) // the same secret is no change
	t := c.primary.task("PATCH", href, obj{"username": nil, "password": nil})
	c.equal("cleared", t["state"], any("completed"))
	c.equal("hidden after clearing", set(c.primary.get(href).obj()), map[string]bool{
		"client_key": false, "proxy_username": true, "proxy_password": true, "username": false, "password": false,
	})
}

func labels(c *check) {
	name := c.prefix + "labels"
	o := c.primary.create("repositories/file/file/", obj{"name": name, "pulp_labels": obj{"pulp_manager": "one", "env": "prod"}})
	href := text(o["pulp_href"])
	selected := func(expr string) int {
		return len(c.primary.results("repositories/file/file/?name=" + name + "&pulp_label_select=" + expr))
	}
	for expr, want := range map[string]int{
		"env%3Dprod": 1, "env%3Dtest": 0, "env": 1, "%21env": 0, "%21nosuch": 1, "env!%3Dtest": 1, "env~ro": 1,
		"env%3Dprod,pulp_manager%3Done": 1, "env%3Dprod,pulp_manager%3Dtwo": 0,
	} {
		c.equal("select "+expr, selected(expr), want)
	}
	a := c.primary.want(201, "POST", href+"set_label/", obj{"key": "env", "value": "test"})
	c.equal("set", a.json, any(obj{"key": "env", "value": "test"}))
	a = c.primary.want(201, "POST", href+"unset_label/", obj{"key": "env"})
	c.equal("unset", a.json, any(obj{"key": "env", "value": "test"}))
	c.refused(c.primary, 400, "POST", href+"unset_label/", obj{"key": "env"}, any(obj{"key": one("Label 'env' is not set on the object.")}))
	c.primary.wait(c.primary.want(202, "PATCH", href, obj{"pulp_labels": obj{"other": "x"}}).str("task"))
	c.equal("a PATCH replaces all", c.primary.get(href).obj()["pulp_labels"], any(obj{"other": "x"}))
}

func remoteDefaults(c *check) {
	o := c.primary.create("remotes/deb/apt/", obj{"name": c.prefix + "d", "url": "http://127.0.0.1:1/", "distributions": " stable  testing "})
	for field, want := range map[string]any{
		"distributions": "stable  testing", "policy": "immediate", "tls_validation": true, "components": nil, "architectures": nil,
		"sync_sources": false, "sync_udebs": false, "sync_installer": false, "gpgkey": nil, "ignore_missing_package_indices": false,
		"ca_cert": nil, "proxy_url": nil, "max_retries": nil, "total_timeout": nil, "headers": nil, "download_concurrency": nil,
		"rate_limit": nil, "pulp_labels": obj{},
	} {
		got, shown := o[field]
		if !shown {
			c.Errorf("%s is not shown", field)
		}
		c.equal(field, got, want)
	}
}
