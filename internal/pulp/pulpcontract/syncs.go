// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import "github.com/pulp/pulp-manager/internal/pulp/pulpfake"

var syncs = []contract{
	{"a first sync makes a version with the upstream's content", firstSync},
	{"a sync without change makes no version and says it skipped", unchangedSync},
	{"optimize=false makes no version either, only rpm mirror_complete makes a publication", unoptimizedSync},
	{"mirroring rpm and file makes the publication by itself", mirrorPublishes},
	{"mirrored bytes are the upstream's, also after a change", mirrorBytes},
	{"an additive sync keeps what upstream dropped, a mirror does not", additiveAndMirror},
	{"an empty upstream empties a mirror", emptyUpstream},
	{"a removed package comes back with the next sync", comesBack},
	{"a re-dated upstream makes a new deb and rpm mirror", redated},
	{"autopublish publishes every new version", autopublish},
	{"options that do not go together are refused", optionRules},
	{"a sync needs a remote of its type", needsRemote},
	{"the file repository remembers its last sync", lastSyncDetails},
}

// content is what packages() makes of each type.
var content = map[string]map[string]int{
	"deb": {
		"deb.package": 3, "deb.package_index": 4, "deb.package_release_component": 3, "deb.release": 1, "deb.release_architecture": 2,
		"deb.release_component": 2, "deb.release_file": 1,
	},
	"rpm":  {"rpm.package": 3},
	"file": {"file.file": 3},
}

func firstSync(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		t := c.primary.task("POST", r.href+"sync/", obj{})
		c.equal("state of "+plugin, []any{t["state"], t["error"]}, []any{"completed", nil})
		c.equal("created", t["created_resources"], any([]any{r.href + "versions/1/"}))
		c.equal("latest", r.latest(), r.href+"versions/1/")
		c.equal("present", r.summary("", "present"), content[plugin])
		c.equal("added", r.summary("", "added"), content[plugin])
		c.equal("removed", r.summary("", "removed"), map[string]int{})
		if plugin == "deb" {
			c.equal("result of deb", t["result"], any(nil))
		} else if c.has(objectResults) {
			c.equal("result of "+plugin, objectOf(t["result"])["number"], any(1.0))
		}
	}
}

func unchangedSync(c *check) {
	skip := map[string]string{"deb": "sync.release_file.was_skipped", "rpm": "sync.was_skipped", "file": "sync.was_skipped"}
	skipMirror := map[string]string{"deb": "sync.complete_skip.was_skipped", "rpm": "sync.was_skipped", "file": "sync.was_skipped"}
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		for _, x := range []struct {
			name    string
			options obj
			code    string
		}{{"additive", obj{}, skip[plugin]}, {"mirror", mirrorOptions[plugin], skipMirror[plugin]}} {
			r := c.repository(c.primary, plugin, plugin+x.name, up.URL(c.upURL))
			r.sync(x.options)
			t := c.primary.task("POST", r.href+"sync/", x.options)
			c.equal("created by "+plugin+" "+x.name, t["created_resources"], any([]any{}))
			if codes(t)[x.code] != 1 && (plugin != "file" || c.has(skippedFiles)) {
				c.Errorf("%s %s: no %s in %v", plugin, x.name, x.code, codes(t))
			}
			c.equal("result", t["result"], any(nil))
			c.equal("latest", r.latest(), r.href+"versions/1/")
		}
	}
}

func unoptimizedSync(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.mirror()
		options := obj{"optimize": false}
		if plugin == "file" && !c.has(skippedFiles) {
			c.refused(c.primary, 400, "POST", r.href+"sync/", options, any(obj{"optimize": one("Unexpected field")}))
			delete(options, "optimize")
		}
		for k, v := range mirrorOptions[plugin] {
			options[k] = v
		}
		t := c.primary.task("POST", r.href+"sync/", options)
		made := textsOf(t["created_resources"])
		if plugin == "rpm" {
			if len(made) != 1 || publicationOf(made) == "" {
				c.Errorf("rpm made %v", made)
			}
		} else {
			c.equal("created by "+plugin, made, []string{})
		}
		for code := range codes(t) {
			if code == "sync.was_skipped" || code == "sync.complete_skip.was_skipped" {
				c.Errorf("%s: %s", plugin, code)
			}
		}
		c.equal("latest of "+plugin, r.latest(), r.href+"versions/1/")
	}
}

func mirrorPublishes(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		made := r.mirror()
		if plugin == "deb" {
			c.equal("deb makes the version only", made, []string{r.href + "versions/1/"})
			continue
		}
		if len(made) != 2 || made[0] != r.href+"versions/1/" || publicationOf(made) != made[1] {
			c.Fatalf("%s mirror made %v", plugin, made)
		}
		p := c.primary.get(made[1]).obj()
		c.equal("publication of", []any{p["repository"], p["repository_version"]}, []any{r.href, r.href + "versions/1/"})
	}
}

func mirrorBytes(c *check) {
	for _, plugin := range []string{"rpm", "file"} {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.mirror()
		r.distribute(obj{"repository": r.href})
		same := func() {
			c.Helper()
			for _, path := range up.Files() {
				code, data := c.primary.file(r.name + "/" + path)
				if want := up.File(path); code != 200 || len(want) == 0 || string(data) != string(want) {
					c.Errorf("%s %s: %d, %d bytes, upstream has %d", plugin, path, code, len(data), len(want))
				}
			}
		}
		same()
		up.Put(extra(plugin))
		made := r.mirror()
		c.equal("new version", versionOf(made), r.href+"versions/2/")
		same()
	}
}

func additiveAndMirror(c *check) {
	dropped := map[string]string{"deb": "alpha", "rpm": "bear", "file": "one.txt"}
	unit := map[string]string{"deb": "deb.package", "rpm": "rpm.package", "file": "file.file"}
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.sync(nil)
		up.Remove(dropped[plugin])
		up.Put(extra(plugin))
		r.sync(nil)
		c.equal(plugin+" additive", r.counts("")[unit[plugin]], 4)
		r.mirror()
		c.equal(plugin+" mirror", r.counts("")[unit[plugin]], 3)
		c.equal(plugin+" removed", r.summary("", "removed")[unit[plugin]], 1)
	}
}

func emptyUpstream(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.mirror()
		up.Empty()
		t := c.primary.task("POST", r.href+"sync/", mirrorOptions[plugin])
		c.equal("state of "+plugin, t["state"], any("completed"))
		n := r.counts("")
		c.equal("left in "+plugin, n["deb.package"]+n["rpm.package"]+n["file.file"], 0)
	}
}

// removeOne takes one package out of a repository and returns it.
func (r *repo) removeOne() obj {
	r.c.Helper()
	list := map[string]string{"deb": "deb/packages", "rpm": "rpm/packages", "file": "file/files"}[r.plugin]
	pkg := r.s.results("content/" + list + "/?limit=1&repository_version=" + r.latest())[0]
	made := r.s.done("POST", r.href+"modify/", obj{"remove_content_units": []any{pkg["pulp_href"]}})
	if versionOf(made) == "" {
		r.c.Fatalf("removing %v made %v", pkg["pulp_href"], made)
	}
	return pkg
}

func comesBack(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.sync(nil)
		r.removeOne()
		c.equal("after the removal of "+plugin, r.counts("")["file.file"]+r.counts("")["rpm.package"]+r.counts("")["deb.package"], 2)
		made := r.sync(nil)
		c.equal("version", versionOf(made), r.href+"versions/3/")
		c.equal("after the sync", r.counts(""), content[plugin])
	}
}

func redated(c *check) {
	for _, plugin := range []string{"deb", "rpm"} {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
		r.mirror()
		up.Touch()
		made := r.mirror()
		if plugin == "deb" {
			c.equal("deb version", versionOf(made), r.href+"versions/2/")
			c.equal("added", r.summary("", "added"), map[string]int{"deb.release_file": 1})
			c.equal("removed", r.summary("", "removed"), map[string]int{"deb.release_file": 1})
		} else if len(made) != 1 || publicationOf(made) == "" {
			c.Errorf("a re-dated rpm mirror made %v", made)
		}
	}
}

func autopublish(c *check) {
	for _, plugin := range everyType {
		up := c.tree(plugin, plugin)
		r := c.repository(c.primary, plugin, plugin, up.URL(c.upURL), obj{"repository.autopublish": true})
		r.distribute(obj{"repository": r.href})
		made := r.sync(nil)
		if len(made) != 2 || versionOf(made) == "" || publicationOf(made) == "" {
			c.Errorf("%s made %v", plugin, made)
		}
		if code, _ := c.primary.file(r.name + "/" + index[plugin]); code != 200 {
			c.Errorf("%s serves %d", plugin, code)
		}
		c.equal("no change", r.sync(nil), []string{})
	}
}

func optionRules(c *check) {
	file := c.repository(c.primary, "file", "file", "http://127.0.0.1:1/", obj{"repository.autopublish": true})
	if c.has(eitherPublishes) {
		c.refused(c.primary, 400, "POST", file.href+"sync/", obj{"mirror": true},
			any(one("Cannot use mirror mode with autopublished repository.")))
	}
	rpm := c.repository(c.primary, "rpm", "rpm", "http://127.0.0.1:1/", obj{"repository.autopublish": true})
	c.refused(c.primary, 400, "POST", rpm.href+"sync/", obj{"sync_policy": "mirror_complete"},
		any(one("Cannot use 'autopublish' in combination with a 'mirror_complete' sync policy.")))
	c.refused(c.primary, 400, "POST", rpm.href+"sync/", obj{"sync_policy": "bad"}, any(obj{"sync_policy": one(`"bad" is not a valid choice.`)}))
	c.refused(c.primary, 400, "POST", rpm.href+"sync/", obj{"sync_policy": "additive", "mirror": false}, any(obj{"non_field_errors": one(
		"Cannot use 'mirror' and 'sync_policy' options simultaneously. The 'mirror' option is deprecated, please use 'sync_policy' only.")}))
	c.primary.task("PATCH", rpm.href, obj{"autopublish": false})
	c.refused(c.primary, 400, "POST", rpm.href+"sync/", obj{"sync_policy": "mirror_complete", "skip_types": []any{"srpm"}},
		any(one("Cannot use 'skip_types' in combination with a 'mirror_complete' sync policy.")))
	c.primary.task("PATCH", rpm.href, obj{"retain_package_versions": 2})
	c.primary.want(400, "POST", rpm.href+"sync/", obj{"sync_policy": "mirror_complete"})
	c.primary.want(400, "POST", rpm.href+"sync/", obj{"sync_policy": "mirror_content_only"})
	c.refused(c.primary, 400, "POST", rpm.href+"sync/", obj{"mirror": "x"}, any(obj{"mirror": one("Must be a valid boolean.")}))
}

func needsRemote(c *check) {
	r := c.plain(c.primary, "file", "r")
	c.refused(c.primary, 400, "POST", r.href+"sync/", obj{},
		any(obj{"remote": one("This field is required since a remote is not set on the repository.")}))
	rpm := c.repository(c.primary, "rpm", "rpm", "http://127.0.0.1:1/")
	prn := func(href string) string { return text(c.primary.get(href).obj()["prn"]) }
	c.refused(c.primary, 400, "POST", r.href+"sync/", obj{"remote": rpm.remote},
		any(obj{"remote": one("Type for Remote '" + prn(rpm.remote) + "' does not match Repository '" + prn(r.href) + "'.")}))
}

func lastSyncDetails(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	if !c.has(skippedFiles) {
		_, shown := c.primary.get(r.href).obj()["last_sync_details"]
		c.equal("shown", shown, false)
		return
	}
	c.equal("before", c.primary.get(r.href).obj()["last_sync_details"], any(obj{}))
	r.mirror()
	d := objectOf(c.primary.get(r.href).obj()["last_sync_details"])
	c.equal("after", []any{d["url"], d["mirror"], d["download_policy"], d["most_recent_version"]},
		[]any{up.URL(c.upURL), true, "immediate", 1.0})
	up.Put(pulpfake.Package{Name: "five.txt"})
	r.mirror()
	d = objectOf(c.primary.get(r.href).obj()["last_sync_details"])
	c.equal("version", d["most_recent_version"], any(2.0))
}
