// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"fmt"
	"net/url"
	"strings"
)

var lists = []contract{
	{"unknown filters are refused, all named", unknownFilters},
	{"bad filter values are refused", badFilterValues},
	{"lists are paged and link to their neighbours", paging},
	{"fields and exclude_fields choose, unknown names are no error", chosenFields},
	{"names are filtered in every way", nameFilters},
	{"repositories are filtered by remote", remoteFilter},
	{"generic lists show the common fields of all types", genericLists},
	{"versions are listed over all repositories", versionLists},
	{"what changed since a time can be asked, but not of repositories and distributions", changedSince},
}

func unknownFilters(c *check) {
	for _, path := range []string{
		"repositories/", "repositories/deb/apt/", "remotes/rpm/rpm/", "distributions/file/file/", "publications/deb/verbatim/", "tasks/",
		"content/deb/packages/", "content/rpm/packages/", "content/file/files/", "repository_versions/", "signing-services/", "workers/",
	} {
		c.refused(c.primary, 400, "GET", path+"?bogus=1", nil, any(obj{"errors": one("Invalid Filter: 'bogus'")}))
	}
	c.refused(c.primary, 400, "GET", "repositories/deb/apt/?name__in=a,b&bogus=1&zip=2", nil,
		any(obj{"errors": []any{"Invalid Filter: 'bogus'", "Invalid Filter: 'zip'"}}))
	for path, filter := range map[string]string{
		"content/deb/packages/":    "name",
		"content/rpm/packages/":    "package",
		"tasks/":                   "logging_cid__in",
		"remotes/file/file/":       "url",
		"distributions/deb/apt/":   "publication",
		"repositories/file/file/":  "pulp_created__gt",
		"distributions/file/file/": "repository_version",
		"repository_versions/":     "repository",
	} {
		c.refused(c.primary, 400, "GET", path+"?"+filter+"=x", nil, any(obj{"errors": one("Invalid Filter: '" + filter + "'")}))
	}
	for _, q := range []string{"format=json", "minimal=true", "page_size=7", "limit=1", "offset=1", "fields=name", "exclude_fields=name"} {
		c.primary.get("repositories/deb/apt/?" + q)
	}
}

func badFilterValues(c *check) {
	for path, want := range map[string]any{
		"repositories/deb/apt/?pulp_href__in=garbage":     one("URI not valid: garbage"),
		"repositories/deb/apt/?pulp_id__in=garbage":       obj{"pulp_id__in": one("Enter a valid UUID.")},
		"repositories/deb/apt/?prn__in=x":                 one("Not a valid PRN: x, must start with 'prn:'"),
		"repositories/deb/apt/?retain_repo_versions=x":    obj{"retain_repo_versions": one("Enter a number.")},
		"repositories/deb/apt/?remote=x":                  one("URI couldn't be resolved: x"),
		"repositories/deb/apt/?pulp_label_select=,":       one("Invalid search term: ''."),
		"repositories/deb/apt/?ordering=bogus":            obj{"ordering": one("Select a valid choice. bogus is not one of the available choices.")},
		"tasks/?state=bogus":                              obj{"state": one("Select a valid choice. bogus is not one of the available choices.")},
		"tasks/?started_at__gt=x":                         obj{"started_at__gt": one("Enter a valid date/time.")},
		"tasks/?pulp_id__in=garbage":                      obj{"pulp_id__in": one("Enter a valid UUID.")},
		"tasks/?created_resources=x":                      one("URI not valid: x"),
		"repository_versions/?pulp_created__gt=yesterday": obj{"pulp_created__gt": one("Enter a valid date/time.")},
	} {
		c.refused(c.primary, 400, "GET", path, nil, want)
	}
}

func paging(c *check) {
	var names []string
	for i := range 5 {
		name := fmt.Sprintf("%spage%d", c.prefix, i)
		c.primary.create("repositories/file/file/", obj{"name": name})
		names = append(names, name)
	}
	base := "repositories/file/file/?name__startswith=" + c.prefix + "page&fields=name"
	page := func(q string) (obj, []string) {
		o := c.primary.get(base + q).obj()
		var got []string
		for _, x := range objectsOf(o["results"]) {
			got = append(got, text(x["name"]))
		}
		return o, got
	}
	o, got := page("&limit=2")
	c.equal("newest first", got, []string{names[4], names[3]})
	c.equal("count", o["count"], any(5.0))
	c.equal("no previous", o["previous"], any(nil))
	next := text(o["next"])
	u, err := url.Parse(next)
	if err != nil || u.Query().Get("offset") != "2" || u.Query().Get("limit") != "2" || u.Query().Get("fields") != "name" {
		c.Fatalf("next is %q", next)
	}
	if !strings.HasPrefix(next, c.primary.base+root) {
		c.Errorf("next is not on the host that was asked: %q", next)
	}
	c.equal("next", len(c.primary.results(next)), 2)
	o, got = page("&limit=2&offset=4")
	c.equal("last", got, []string{names[0]})
	c.equal("no next", o["next"], any(nil))
	if !strings.Contains(text(o["previous"]), "offset=2") {
		c.Errorf("previous is %v", o["previous"])
	}
	_, got = page("&ordering=name&limit=1")
	c.equal("ordered", got, []string{names[0]})
	_, got = page("&ordering=-name&limit=1")
	c.equal("ordered down", got, []string{names[4]})
	for _, q := range []string{"&limit=0", "&limit=-1", "&limit=abc", "&offset=-3", "&limit=1000000", "&page_size=1"} {
		if _, got = page(q); len(got) != 5 {
			c.Errorf("%s gives %d", q, len(got))
		}
	}
	o, got = page("&offset=5000")
	if len(got) != 0 || o["count"] != 5.0 || o["next"] != nil {
		c.Errorf("beyond the end: %v", o)
	}
}

func chosenFields(c *check) {
	o := c.primary.create("repositories/file/file/", obj{"name": c.prefix + "fields"})
	href := text(o["pulp_href"])
	c.equal("fields of one", c.primary.get(href+"?fields=name,pulp_href").json, any(obj{"name": o["name"], "pulp_href": href}))
	c.equal("unknown", c.primary.get(href+"?fields=bogus").json, any(obj{}))
	list := c.primary.results("repositories/file/file/?name=" + text(o["name"]) + "&exclude_fields=name,description")
	if _, shown := list[0]["name"]; shown || list[0]["pulp_href"] == nil {
		c.Errorf("exclude_fields: %v", list[0])
	}
}

func nameFilters(c *check) {
	for _, n := range []string{"apple", "Apricot", "banana"} {
		c.primary.create("repositories/file/file/", obj{"name": c.prefix + n})
	}
	p := c.prefix
	for q, want := range map[string]int{
		"name=" + p + "apple": 1,
		"name=" + p + "none":  0,
		"name__in=" + p + "apple," + p + "banana," + p + "no": 2,
		"name__contains=" + p + "ap":                          1,
		"name__icontains=" + p + "ap":                         2,
		"name__startswith=" + p:                               3,
		"name__iexact=" + p + "APPLE":                         1,
		"name__istartswith=" + p + "AP":                       2,
		"name__regex=" + url.QueryEscape("^"+p+"[ab]"):        2,
		"name__iregex=" + url.QueryEscape("^"+p+"A"):          2,
	} {
		c.equal(q, len(c.primary.results("repositories/file/file/?"+q)), want)
	}
}

func remoteFilter(c *check) {
	r := c.repository(c.primary, "file", "with", "http://127.0.0.1:1/")
	c.plain(c.primary, "file", "without")
	list := c.primary.results("repositories/file/file/?remote=" + r.remote)
	if len(list) != 1 || list[0]["pulp_href"] != r.href {
		c.Errorf("by remote: %v", list)
	}
	list = c.primary.results("repositories/file/file/?remote=null&name__startswith=" + c.prefix)
	if len(list) != 1 || list[0]["name"] != c.prefix+"without" {
		c.Errorf("without remote: %v", list)
	}
}

func genericLists(c *check) {
	for _, plugin := range everyType {
		r := c.repository(c.primary, plugin, plugin, "http://127.0.0.1:1/")
		r.distribute(obj{"repository": r.href})
	}
	for _, class := range []string{"repositories", "remotes", "distributions"} {
		list := c.primary.results(class + "/?name__startswith=" + c.prefix)
		c.equal(class, len(list), 3)
		for _, x := range list {
			if text(x["name"]) == "" || text(x["pulp_href"]) == "" {
				c.Errorf("%s: %v", class, x)
			}
			if _, shown := x["publication"]; shown {
				c.Errorf("%s show publication", class)
			}
			if _, shown := x["autopublish"]; shown {
				c.Errorf("%s show autopublish", class)
			}
		}
	}
	for _, x := range c.primary.results("distributions/deb/apt/?name__startswith=" + c.prefix) {
		if _, shown := x["publication"]; !shown {
			c.Errorf("the typed list does not show publication: %v", x)
		}
	}
}

func versionLists(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "v", up.URL(c.upURL))
	since := text(c.primary.get(r.href).obj()["pulp_last_updated"])
	made := versionOf(r.sync(nil))
	refusal := "URI not valid: " + made
	if !c.has(hrefsChecked) {
		refusal = "URI does not contain an unqualified resource PK"
	}
	c.refused(c.primary, 400, "GET", "repository_versions/?pulp_href__in="+made, nil, any(one(refusal)))
	list := c.primary.results("repository_versions/?prn__in=" + text(c.primary.get(made).obj()["prn"]))
	c.equal("by prn", len(list), 1)
	c.equal("number", list[0]["number"], any(1.0))
	found := false
	for _, x := range c.primary.results("repository_versions/?limit=1000&pulp_created__gt=" + url.QueryEscape(since)) {
		found = found || x["pulp_href"] == made
	}
	if !found {
		c.Errorf("the new version is not among those created after %s", since)
	}
	c.equal("of the repository", len(c.primary.results(r.href+"versions/")), 2)
	c.equal("by number", len(c.primary.results(r.href+"versions/?number=1")), 1)
	c.equal("by number above", len(c.primary.results(r.href+"versions/?number__gt=0")), 1)
	v := c.primary.get(made).obj()
	c.equal("repository", v["repository"], any(r.href))
	c.equal("base", v["base_version"], any(nil))
	c.refused(c.primary, 404, "GET", r.href+"versions/77/", nil, any(obj{"detail": "No RepositoryVersion matches the given query."}))
}

func changedSince(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	since := url.QueryEscape(text(c.primary.get(r.href).obj()["pulp_last_updated"]))
	made := r.mirror()
	c.primary.task("PATCH", r.remote, obj{"max_retries": 2})
	for path, want := range map[string]string{
		"repository_versions/?pulp_created__gt=":      versionOf(made),
		"publications/?pulp_created__gt=":             publicationOf(made),
		"remotes/file/file/?pulp_last_updated__gt=":   r.remote,
		"tasks/?name__contains=sync&finished_at__gt=": "",
	} {
		list := c.primary.results(path + since + "&limit=1000")
		found := want == "" && len(list) > 0
		for _, x := range list {
			found = found || x["pulp_href"] == want
		}
		if !found {
			c.Errorf("%s: %s is not among %d", path, want, len(list))
		}
	}
	for _, path := range []string{"repositories/file/file/", "distributions/file/file/"} {
		c.refused(c.primary, 400, "GET", path+"?pulp_last_updated__gt="+since, nil,
			any(obj{"errors": one("Invalid Filter: 'pulp_last_updated__gt'")}))
	}
}
