// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"regexp"
	"strings"
)

var protocol = []contract{
	{"status needs no login and names versions and workers", statusIsOpen},
	{"unknown paths answer 404 with html, unknown ids with JSON", unknownPaths},
	{"a wrong method is 405", wrongMethod},
	{"a request line over 4094 bytes is refused with html", longRequestLine},
	{"a valid Correlation-ID comes back, any other is replaced", correlationIDs},
	{"bad JSON and bad media types are refused", badJSON},
	{"creating answers 201 with the object or 202 with a task", createdOrAccepted},
	{"signing services show their public key", signingServices},
	{"workers are listed", workersListed},
}

func statusIsOpen(c *check) {
	a := c.primary.want(200, "GET", "status/", nil, func(r *http.Request) { r.Header.Del("Cookie") })
	versions := map[string]string{}
	for _, m := range objectsOf(a.obj()["versions"]) {
		versions[text(m["component"])] = text(m["version"])
	}
	for _, component := range []string{"core", "deb", "rpm", "file", "python", "container"} {
		if !regexp.MustCompile(`^3\.|^2\.`).MatchString(versions[component]) {
			c.Errorf("version of %s is %q", component, versions[component])
		}
	}
	for _, list := range []string{"online_workers", "online_api_apps", "online_content_apps"} {
		if n := len(objectsOf(a.obj()[list])); n == 0 {
			c.Errorf("%s is empty", list)
		}
	}
	c.equal("database", a.obj()["database_connection"], any(obj{"connected": true}))
	settings := objectOf(a.obj()["content_settings"])
	c.equal("prefix", settings["content_path_prefix"], any("/pulp/content/"))
	if !strings.HasPrefix(text(settings["content_origin"]), "http") {
		c.Errorf("content_origin is %v", settings["content_origin"])
	}
	if _, isNumber := objectOf(a.obj()["storage"])["free"].(float64); !isNumber {
		c.Errorf("storage is %v", a.obj()["storage"])
	}
}

func unknownPaths(c *check) {
	a := c.primary.want(404, "GET", "nosuch/", nil)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		c.Errorf("content type of an unknown path: %q", a.header.Get("Content-Type"))
	}
	const id = "01a2095c-15d9-7b73-a7c7-26cece8736b8"
	for path, want := range map[string]string{
		"repositories/deb/apt/" + id + "/":      "No AptRepository matches the given query.",
		"repositories/rpm/rpm/" + id + "/":      "No RpmRepository matches the given query.",
		"repositories/file/file/" + id + "/":    "No FileRepository matches the given query.",
		"remotes/deb/apt/" + id + "/":           "No AptRemote matches the given query.",
		"distributions/file/file/" + id + "/":   "No FileDistribution matches the given query.",
		"publications/deb/verbatim/" + id + "/": "No VerbatimPublication matches the given query.",
		"tasks/" + id + "/":                     "No Task matches the given query.",
		"content/deb/packages/" + id + "/":      "No Package matches the given query.",
		"repositories/deb/apt/nosuch/":          "Not found.",
	} {
		c.refused(c.primary, 404, "GET", path, nil, any(obj{"detail": want}))
	}
}

func wrongMethod(c *check) {
	c.refused(c.primary, 405, "POST", "tasks/", obj{}, any(obj{"detail": `Method "POST" not allowed.`}))
	c.refused(c.primary, 405, "POST", "repositories/", obj{}, any(obj{"detail": `Method "POST" not allowed.`}))
	c.refused(c.primary, 405, "DELETE", "signing-services/", nil, any(obj{"detail": `Method "DELETE" not allowed.`}))
}

func longRequestLine(c *check) {
	line := "GET " + root + "repositories/deb/apt/?name= HTTP/1.1"
	fits := strings.Repeat("x", 4094-len(line))
	c.primary.want(200, "GET", "repositories/deb/apt/?name="+fits, nil)
	a := c.primary.want(400, "GET", "repositories/deb/apt/?name="+fits+"x", nil)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(string(a.raw), "Request Line is too large (4095 &gt; 4094)") {
		c.Errorf("%s: %s", a.header.Get("Content-Type"), a.raw)
	}
}

func correlationIDs(c *check) {
	with := func(id string) string {
		return c.primary.want(200, "GET", "repositories/?limit=1", nil, func(r *http.Request) {
			if id != "" {
				r.Header.Set("Correlation-ID", id)
			}
		}).header.Get("Correlation-ID")
	}
	for _, id := range []string{
		"0123456789abcdef0123456789abcdef", "01a2095c-15d9-7b73-a7c7-26cece8736b8", "0123456789ABCDEF0123456789ABCDEF",
	} {
		c.equal("kept", with(id), id)
	}
	generated := regexp.MustCompile(`^[0-9a-f]{32}$`)
	for _, id := range []string{"my-run-42", strings.Repeat("a", 300), ""} {
		if got := with(id); got == id || !generated.MatchString(got) {
			c.Errorf("%q became %q", id, got)
		}
	}
}

func badJSON(c *check) {
	a := c.primary.want(400, "POST", "remotes/deb/apt/", `{"name":`)
	if !strings.HasPrefix(a.str("detail"), "JSON parse error - ") {
		c.Errorf("%s", a.raw)
	}
	c.refused(c.primary, 400, "POST", "remotes/deb/apt/", []any{},
		any(obj{"non_field_errors": []any{"Invalid data. Expected a dictionary, but got list."}}))
	a = c.primary.want(415, "POST", "remotes/deb/apt/", "x=y", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	c.equal("detail", a.str("detail"), `Unsupported media type "text/plain" in request.`)
}

func createdOrAccepted(c *check) {
	for _, plugin := range everyType {
		r := c.repository(c.primary, plugin, "r-"+plugin, "http://127.0.0.1:1/")
		o := c.primary.get(r.href).obj()
		c.equal("name", o["name"], any(r.name))
		c.equal("latest version", o["latest_version_href"], any(r.href+"versions/0/"))
		c.equal("versions", o["versions_href"], any(r.href+"versions/"))
		c.equal("remote", o["remote"], any(r.remote))
		c.equal("labels", o["pulp_labels"], any(obj{}))
		t := c.primary.task("POST", "distributions/"+r.kind+"/", obj{"name": r.name, "base_path": r.name, "repository": r.href})
		c.equal("task", t["name"], any("pulpcore.app.tasks.base.general_create"))
		made := textsOf(t["created_resources"])
		if len(made) != 1 {
			c.Fatalf("created %v", made)
		}
		c.primary.later(made[0])
		d := c.primary.get(made[0]).obj()
		if c.has(objectResults) {
			c.equal("result is the object", t["result"], any(d))
		}
		if base := text(d["base_url"]); !strings.HasSuffix(base, "/pulp/content/"+r.name+"/") {
			c.Errorf("base_url is %q", base)
		}
		if code, _ := c.primary.file(r.name + "/"); code != 404 {
			c.Errorf("a distribution of a repository without publication answers %d", code)
		}
	}
	for _, kind := range []string{"python/python", "container/container"} {
		body := obj{"name": c.prefix + strings.ReplaceAll(kind, "/", "-"), "url": "http://127.0.0.1:1/"}
		if kind == "container/container" {
			body["upstream_name"] = "team/hello"
		}
		remote := c.primary.create("remotes/"+kind+"/", body)
		r := c.primary.create("repositories/"+kind+"/", obj{"name": body["name"], "remote": remote["pulp_href"]})
		c.equal("remote of "+kind, r["remote"], remote["pulp_href"])
	}
}

func signingServices(c *check) {
	list := c.primary.results("signing-services/?name=" + c.env.SigningService)
	if len(list) != 1 {
		c.Fatalf("%d signing services are named %s", len(list), c.env.SigningService)
	}
	if key := text(list[0]["public_key"]); !strings.HasPrefix(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
		c.Errorf("public_key is %.60q", key)
	}
	if f := text(list[0]["pubkey_fingerprint"]); !regexp.MustCompile(`^[0-9A-F]{40}`).MatchString(f) {
		c.Errorf("pubkey_fingerprint is %q", f)
	}
	c.equal("none", len(c.primary.results("signing-services/?name=nosuch")), 0)
}

func workersListed(c *check) {
	list := c.primary.results("workers/?online=true")
	if len(list) == 0 || text(list[0]["name"]) == "" || text(list[0]["last_heartbeat"]) == "" {
		c.Fatalf("workers: %v", list)
	}
}
