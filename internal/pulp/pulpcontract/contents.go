// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import "strings"

var contents = []contract{
	{"deb packages are found by name, version, architecture, release and component", debSearch},
	{"rpm packages and files are found", otherSearch},
	{"a package says which repositories have it", whereIs},
	{"modify adds, removes and refuses", modify},
	{"release files name their artifacts", releaseFiles},
	{"rpm/copy copies a version", rpmCopy},
	{"content added and removed by a version is listed", addedRemoved},
}

func debSearch(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	in := "&repository_version=" + r.latest()
	find := func(q string) string {
		var names []string
		for _, x := range c.primary.results("content/deb/packages/?ordering=package&fields=package" + in + "&" + q) {
			names = append(names, text(x["package"]))
		}
		return strings.Join(names, " ")
	}
	comp := c.primary.results("content/deb/release_components/?component=main" + in)[0]
	rel := c.primary.results("content/deb/releases/?distribution=stable" + in)[0]
	for q, want := range map[string]string{
		"":                        "alpha beta gamma",
		"package=alpha":           "alpha",
		"package__in=alpha,gamma": "alpha gamma",
		"package__contains=et":    "beta",
		"package__icontains=ET":   "beta",
		"package__startswith=ga":  "gamma",
		"version=2.0":             "gamma",
		"architecture=all":        "beta",
		"package=alpha&version=9": "",
		"release=" + text(rel["pulp_href"]) + "," + r.latest():            "alpha beta gamma",
		"release_component=" + text(comp["pulp_href"]) + "," + r.latest(): "alpha beta",
	} {
		c.equal(q, find(q), want)
	}
	if c.has(repositoryFilters) {
		in = "&repository_version=" + r.href // the repository means its latest version
		c.equal("by repository", find("package=alpha"), "alpha")
	}
	x := c.primary.results("content/deb/packages/?package=alpha" + in)[0]
	for field, want := range map[string]any{
		"package": "alpha", "version": "1.0", "architecture": "amd64", "relative_path": "pool/main/a/alpha/alpha_1.0_amd64.deb",
		"section": "misc", "priority": "optional", "source": nil, "description": "fixture package alpha", "md5": nil,
	} {
		c.equal(field, x[field], want)
	}
	c.equal("by sha256", find("sha256="+text(x["sha256"])), "alpha")
	if !strings.HasPrefix(text(x["artifact"]), root+"artifacts/") {
		c.Errorf("artifact is %v", x["artifact"])
	}
	for path, want := range map[string]int{
		"deb/releases": 1, "deb/release_components": 2, "deb/release_architectures": 2, "deb/release_files": 1, "deb/package_indices": 4,
		"deb/package_release_components": 3,
	} {
		c.equal(path, len(c.primary.results("content/"+path+"/?"+in[1:])), want)
	}
}

func otherSearch(c *check) {
	up := c.tree("rpm", "rpm")
	r := c.repository(c.primary, "rpm", "rpm", up.URL(c.upURL))
	r.mirror()
	in := "repository_version=" + r.latest() + "&"
	for q, want := range map[string]int{
		"": 3, "name=bear": 1, "name__in=bear,cat": 2, "name__contains=a": 2, "name__startswith=d": 1, "version=2.0": 1, "arch=noarch": 1,
		"release=1": 3, "epoch=0": 3, "version__in=1.0,2.0": 3, "name__ne=bear": 2,
	} {
		c.equal(q, len(c.primary.results("content/rpm/packages/?"+in+q)), want)
	}
	x := c.primary.results("content/rpm/packages/?" + in + "name=bear")[0]
	c.equal("bear", []any{x["name"], x["epoch"], x["version"], x["release"], x["arch"], x["location_href"]},
		[]any{"bear", "0", "1.0", "1", "x86_64", "bear-1.0-1.x86_64.rpm"})
	c.equal("pkgId", x["pkgId"], x["sha256"])
	c.equal("by sha256", len(c.primary.results("content/rpm/packages/?"+in+"sha256="+text(x["sha256"]))), 1)
	up = c.tree("file", "file")
	r = c.repository(c.primary, "file", "file", up.URL(c.upURL))
	r.mirror()
	in = "repository_version=" + r.latest() + "&"
	for q, want := range map[string]int{"": 3, "relative_path=one.txt": 1, "relative_path__startswith=dir/": 1} {
		if strings.Contains(q, "__") && !c.has(pathFilters) {
			c.refused(c.primary, 400, "GET", "content/file/files/?"+q, nil, any(obj{"errors": one("Invalid Filter: 'relative_path__startswith'")}))
			continue
		}
		c.equal(q, len(c.primary.results("content/file/files/?"+in+q)), want)
	}
}

func whereIs(c *check) {
	up := c.tree("file", "f")
	up.Put(fileOnly(c.prefix))
	a := c.repository(c.primary, "file", "a", up.URL(c.upURL))
	b := c.repository(c.primary, "file", "b", up.URL(c.upURL))
	a.mirror()
	p := publicationOf(b.mirror())
	d := b.distribute(obj{"publication": p})
	x := text(c.primary.results("content/file/files/?relative_path=" + c.prefix + "only.txt")[0]["pulp_href"])
	c.equal("latest", len(c.primary.results("repositories/?latest_with_content="+x)), 2)
	c.primary.done("POST", a.href+"modify/", obj{"remove_content_units": []any{x}})
	list := c.primary.results("repositories/file/file/?latest_with_content=" + x)
	if len(list) != 1 || list[0]["pulp_href"] != b.href {
		c.Errorf("latest_with_content: %v", list)
	}
	c.equal("ever", len(c.primary.results("repositories/?with_content="+x)), 2)
	c.equal("publications", len(c.primary.results("publications/?content="+x)), 2)
	list = c.primary.results("distributions/?with_content=" + x)
	if len(list) != 1 || list[0]["pulp_href"] != d {
		c.Errorf("distributions: %v", list)
	}
	c.primary.task("PATCH", d, obj{"publication": nil, "repository": b.href})
	inRepositoryMode := 0
	if !c.has(publishedOnly) {
		inRepositoryMode = 1
	}
	c.equal("in repository mode", len(c.primary.results("distributions/?with_content="+x)), inRepositoryMode)
}

func modify(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.sync(nil)
	x := text(c.primary.results("content/file/files/?relative_path=one.txt&repository_version=" + r.latest())[0]["pulp_href"])
	t := c.primary.task("POST", r.href+"modify/", obj{"remove_content_units": []any{x}})
	c.equal("task", []any{t["state"], t["name"], t["created_resources"]},
		[]any{"completed", "pulpcore.app.tasks.repository.add_and_remove", []any{r.href + "versions/2/"}})
	c.equal("nothing to remove", c.primary.done("POST", r.href+"modify/", obj{"remove_content_units": []any{x}}), []string{})
	c.equal("add", c.primary.done("POST", r.href+"modify/", obj{"add_content_units": []any{x}}), []string{r.href + "versions/3/"})
	c.equal("the same as before", c.primary.done("POST", r.href+"modify/", obj{"base_version": r.href + "versions/1/"}), []string{})
	c.equal("an older one", c.primary.done("POST", r.href+"modify/", obj{"base_version": r.href + "versions/2/"}), []string{r.href + "versions/4/"})
	c.equal("all", c.primary.done("POST", r.href+"modify/", obj{"remove_content_units": []any{"*"}}), []string{r.href + "versions/5/"})
	c.equal("empty", r.counts(""), map[string]int{})
	gone := root + "content/file/files/01a2095c-15d9-7b73-a7c7-26cece8736b8/"
	c.refused(c.primary, 400, "POST", r.href+"modify/", obj{"remove_content_units": []any{gone}},
		any(obj{"remove_content_units": one("Could not find the following content units: ['" + gone + "']")}))
	c.refused(c.primary, 400, "POST", r.href+"modify/", obj{"remove_content_units": []any{"x"}, "add_content_units": []any{"*"}},
		any(obj{"add_content_units": one("URI not valid: *"), "remove_content_units": one("URI not valid: x")}))
	c.refused(c.primary, 400, "POST", r.href+"modify/", obj{"add_content_units": "x"},
		any(obj{"add_content_units": one(`Expected a list of items but got type "str".`)}))
	rpmUp := c.tree("rpm", "rpm")
	rpm := c.repository(c.primary, "rpm", "rpm", rpmUp.URL(c.upURL))
	rpm.sync(nil)
	t = c.primary.task("POST", r.href+"modify/", obj{"base_version": rpm.latest()})
	e := objectOf(t["error"])
	if t["state"] != "failed" || !strings.Contains(text(e["description"]), "rpm.package") {
		c.Errorf("content of another type: %v %v", t["state"], e["description"])
	}
}

func releaseFiles(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.mirror()
	x := c.primary.results("content/deb/release_files/?fields=artifacts,distribution&repository_version=" + r.latest())[0]
	artifacts := objectOf(x["artifacts"])
	a := c.primary.get(text(artifacts["dists/stable/InRelease"])).obj()
	r.distribute(obj{"publication": r.publishKind("deb/verbatim")})
	served := c.hash(c.primary, r.name+"/dists/stable/InRelease")
	if sum := text(a["sha256"]); len(sum) != 64 || sum[:12] != served {
		c.Errorf("artifact %q, served %s", sum, served)
	}
}

func rpmCopy(c *check) {
	up := c.tree("rpm", "rpm")
	r := c.repository(c.primary, "rpm", "r", up.URL(c.upURL))
	r.mirror()
	to := c.plain(c.primary, "rpm", "to")
	body := obj{"dependency_solving": false, "config": []any{obj{"source_repo_version": r.latest(), "dest_repo": to.href}}}
	c.equal("copied", c.primary.done("POST", "rpm/copy/", body), []string{to.href + "versions/1/"})
	c.equal("content", to.counts(""), content["rpm"])
	c.equal("again", c.primary.done("POST", "rpm/copy/", body), []string{})
	c.primary.want(400, "POST", "rpm/copy/", obj{"config": 5})
}

func addedRemoved(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.mirror()
	up.Remove("one.txt")
	up.Put(extra("file"))
	r.mirror()
	for filter, want := range map[string]string{"repository_version_added": "four.txt", "repository_version_removed": "one.txt"} {
		list := c.primary.results("content/file/files/?" + filter + "=" + r.latest())
		if len(list) != 1 || list[0]["relative_path"] != want {
			c.Errorf("%s: %v", filter, list)
		}
	}
}
