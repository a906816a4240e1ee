// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"slices"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

func containerRemove(c *check) {
	up, r := c.images("img", []string{"1", "2"})
	up.Put(pulpfake.Package{Name: "also", Version: "1", Body: c.prefix + "1"}) // the image of 1
	r.sync(nil)
	present := func(tags, manifests, blobs int) map[string]int {
		return map[string]int{"container.tag": tags, "container.manifest": manifests, "container.blob": blobs}
	}
	c.equal("present", r.counts(""), present(3, 2, 4))
	tags := func(query string) []obj {
		return c.primary.results("content/container/tags/?repository_version=" + r.latest() + query)
	}
	one, two := tags("&name=1")[0], tags("&name=2")[0]
	digest := text(c.primary.get(text(one["tagged_manifest"])).obj()["digest"])
	var names []string
	for _, tag := range tags("&digest=" + digest) {
		names = append(names, text(tag["name"]))
	}
	slices.Sort(names)
	c.equal("by digest", names, []string{"1", "also"})
	c.equal("by a digest that nothing has", len(tags("&digest=sha256:00")), 0)
	c.equal("by a digest and another name", len(tags("&name=2&digest="+digest)), 0)
	c.equal("by href", len(tags("&pulp_href__in="+text(two["pulp_href"]))), 1)

	remove := func(units ...any) obj { return c.primary.task("POST", r.href+"remove/", obj{"content_units": units}) }
	t := remove(one["pulp_href"])
	c.equal("removed", []any{t["state"], t["created_resources"], t["name"]},
		[]any{"completed", []any{r.href + "versions/2/"}, "pulp_container.app.tasks.recursive_remove.recursive_remove_content"})
	c.equal("what another tag needs stays", r.counts(""), present(2, 2, 4))
	c.equal("removed already", remove(one["pulp_href"])["created_resources"], any([]any{}))
	c.equal("an image that a tag needs stays", remove(one["tagged_manifest"])["created_resources"], any([]any{}))
	remove(two["pulp_href"])
	c.equal("with what only that needs", r.counts(""), present(1, 1, 2))
	known := c.primary.results("repositories/container/container/?with_content=" + text(two["pulp_href"]) + "&name=" + r.name)
	c.equal("known to have had it", len(known), 1)
	c.primary.want(http.StatusBadRequest, "POST", r.href+"remove/", obj{"content_units": []any{r.href[:len(r.href)-37] + "00000000-0000-0000-0000-000000000000/"}})
	c.primary.want(http.StatusNotFound, "POST", r.href+"modify/", obj{"remove_content_units": []any{two["pulp_href"]}})
	remove("*")
	c.equal("all", len(r.counts("")), 0)
}
