// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"sync"
	"sync/atomic"
)

var ownerships = []contract{
	{"while a base path moves, one of the two places always answers", moveUnseen},
	{"lists of all types name what is there, and the newest versions come with their counts", countVersions},
}

// moveUnseen has clients ask for both places all the while: the new one after the old one, so that a
// move between the two is not taken for a gap.
func moveUnseen(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.mirror()
	d := r.distribute(obj{"repository": r.href})
	old, moved := "/pulp/content/"+r.name+"/PULP_MANIFEST", "/pulp/content/"+r.name+"-new/PULP_MANIFEST"
	anonymous := func(r *http.Request) { r.Header.Del("Cookie") }
	var gaps, rounds, seen atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before, err := c.primary.try(http.MethodGet, old, nil, anonymous)
				after, err2 := c.primary.try(http.MethodGet, moved, nil, anonymous)
				if err != nil || err2 != nil {
					continue
				}
				rounds.Add(1)
				if after.status == 200 {
					seen.Add(1)
				} else if before.status != 200 {
					gaps.Add(1)
				}
			}
		})
	}
	c.until("clients ask", func() bool { return rounds.Load() > 2 })
	c.primary.want(202, "PATCH", d, obj{"base_path": r.name + "-new"})
	c.until("clients see the new place", func() bool { return seen.Load() > 2 })
	close(stop)
	clients.Wait()
	if n := gaps.Load(); n > 0 {
		c.Errorf("in %d of %d rounds neither place answered", n, rounds.Load())
	}
}

func countVersions(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	r.mirror()
	d := r.distribute(obj{"repository": r.href})
	version := r.href + "versions/1/"
	found := 0
	for _, v := range c.primary.results("repository_versions/?number__gt=0&ordering=-pulp_created&fields=pulp_href,content_summary&limit=1000") {
		if v["pulp_href"] != version {
			continue
		}
		found++
		summary, _ := v["content_summary"].(map[string]any)
		present, _ := summary["present"].(map[string]any)
		files, _ := present["file.file"].(map[string]any)
		if n, ok := files["count"].(float64); !ok || n < 1 {
			c.Errorf("content summary %v", summary)
		}
	}
	c.equal("versions found", found, 1)
	for list, href := range map[string]string{"repositories/": r.href, "distributions/": d} {
		there := 0
		for _, o := range c.primary.results(list + "?fields=pulp_href,name,base_path&limit=5000") {
			if o["pulp_href"] == href && o["name"] == r.name && (list == "repositories/" || o["base_path"] == r.name) {
				there++
			}
		}
		c.equal(list, there, 1)
	}
}
