// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"fmt"
	"slices"
	"strings"
)

var cleanings = []contract{
	{"what one version has and another has not is listed by kind", between},
	{"the versions made by a sync and a removal can be deleted, oldest first, and their numbers are not used again", deleteMade},
	{"lists by the primary key miss nothing", byKey},
}

// cleaned syncs a repository and takes a package out, twice: versions 1 and 3 are as synced, 2 and 4 the same.
func (c *check) cleaned(plugin string) (r *repo, removed string) {
	c.Helper()
	up := c.tree(plugin, plugin)
	r = c.repository(c.primary, plugin, plugin, up.URL(c.upURL))
	r.sync(nil)
	removed = text(r.removeOne()["pulp_href"])
	c.equal("synced again", r.sync(nil), []string{r.href + "versions/3/"})
	c.equal("removed again", c.primary.done("POST", r.href+"modify/", obj{"remove_content_units": []any{removed}}), []string{r.href + "versions/4/"})
	return r, removed
}

func between(c *check) {
	if !c.has(betweenFilters) {
		for _, list := range []string{"", "deb/packages/", "rpm/packages/", "file/files/"} {
			c.refused(c.primary, 400, "GET", "content/"+list+"?added_between=a,b", nil, any(obj{"errors": one("Invalid Filter: 'added_between'")}))
		}
		return
	}
	for _, plugin := range everyType {
		r, removed := c.cleaned(plugin)
		v := func(n int) string { return fmt.Sprintf("%sversions/%d/", r.href, n) }
		count := func(filter string, from, to int, more string) float64 {
			n, _ := c.primary.get(fmt.Sprintf("content/?limit=1&fields=pulp_href&%s=%s,%s%s", filter, v(from), v(to), more)).obj()["count"].(float64)
			return n
		}
		unit := map[string]string{"deb": "deb.package", "rpm": "rpm.package", "file": "file.file"}[plugin]
		all := map[string]float64{"deb": 7, "rpm": 1, "file": 1}[plugin] // deb: its place, the release file and four indices, too
		only := "&pulp_type__in=" + unit + ",deb.release_component"
		got := []float64{
			count("added_between", 2, 4, ""), count("removed_between", 2, 4, ""), count("added_between", 2, 3, ""), count("removed_between", 3, 4, ""),
			count("added_between", 3, 4, ""), count("added_between", 4, 1, ""), count("added_between", 2, 3, only),
		}
		c.equal("units of "+plugin, got, []float64{0, 0, all, all, 0, all, 1})
		list := map[string]string{"deb": "deb/packages", "rpm": "rpm/packages", "file": "file/files"}[plugin]
		found := c.primary.results("content/" + list + "/?fields=pulp_href&added_between=" + v(2) + "," + v(3))
		if len(found) != 1 || found[0]["pulp_href"] != removed {
			c.Errorf("%s: %v, removed was %s", plugin, found, removed)
		}
		gone := r.href + "versions/99/"
		for _, filter := range []string{"repository_version=" + gone, "added_between=" + v(2) + "," + gone} {
			c.refused(c.primary, 400, "GET", "content/"+list+"/?"+filter, nil, any(one("URI "+gone+" not found for repositoryversion.")))
		}
	}
}

func deleteMade(c *check) {
	for _, plugin := range everyType {
		r, _ := c.cleaned(plugin)
		numbers := func() []float64 {
			var all []float64
			for _, v := range c.primary.results(r.href + "versions/?ordering=-number&number__gte=1&fields=number") {
				n, _ := v["number"].(float64)
				all = append(all, n)
			}
			return all
		}
		r.s.distribute(r.kind, obj{"name": r.name, "base_path": r.name, "publication": r.s.done("POST", "publications/"+r.kind+"/",
			obj{"repository_version": r.href + "versions/2/"})[0]})
		before := r.counts(r.href + "versions/4/")
		c.equal("as synced", c.primary.done("DELETE", r.href+"versions/3/", nil), []string{})
		c.equal("the version after", r.counts(r.href+"versions/4/"), before)
		c.equal("is compared with the one before", r.summary(r.href+"versions/4/", "added"), map[string]int{})
		c.equal("cleaned", c.primary.done("DELETE", r.href+"versions/4/", nil), []string{})
		c.equal("left", numbers(), []float64{2, 1})
		c.equal("newest", r.latest(), r.href+"versions/2/")
		c.equal("its units", r.counts(""), before)
		if a := c.primary.send("DELETE", r.href+"versions/2/", nil); a.status != 400 || !strings.Contains(string(a.raw), "currently being used to distribute") {
			c.Errorf("deleting what is served: %d %s", a.status, a.raw)
		}
		c.equal("the next sync", r.sync(nil), []string{r.href + "versions/5/"})
		c.equal("brings back", r.counts(""), content[plugin])
	}
}

func byKey(c *check) {
	up := c.tree("deb", "deb")
	r := c.repository(c.primary, "deb", "r", up.URL(c.upURL))
	r.sync(nil)
	for path, want := range map[string]int{"content/deb/packages/": 3, "content/": 16} {
		var all []string
		for offset := range want {
			page := c.primary.results(fmt.Sprintf("%s?ordering=pk&limit=1&offset=%d&fields=pulp_href&repository_version=%s", path, offset, r.latest()))
			all = append(all, text(page[0]["pulp_href"]))
		}
		slices.Sort(all)
		c.equal(path, len(slices.Compact(all)), want)
	}
}
