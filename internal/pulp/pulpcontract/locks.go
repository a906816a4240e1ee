// SPDX-License-Identifier: Apache-2.0

package pulpcontract

var locks = []contract{
	{"everything on one repository queues in order and nothing is refused", queueing},
	{"a PATCH of a remote waits for its syncs", remoteWaits},
	{"repositories sharing a remote sync at the same time or one after the other, never fail", sharedRemote},
}

func queueing(c *check) {
	r, first, release := c.hanging("r")
	s := c.primary
	queue := []string{
		first,
		s.want(202, "POST", r.href+"sync/", obj{}).str("task"),
		s.want(202, "PATCH", r.href, obj{"description": "later"}).str("task"),
		s.want(202, "POST", "publications/file/file/", obj{"repository": r.href}).str("task"),
		s.want(202, "POST", r.href+"modify/", obj{"remove_content_units": []any{"*"}}).str("task"),
		s.want(202, "DELETE", r.href, nil).str("task"),
		s.want(202, "DELETE", r.href, nil).str("task"),
	}
	for _, t := range queue[1:] {
		x := s.get(t).obj()
		c.equal("while the first runs", []any{x["state"], x["unblocked_at"], x["started_at"]}, []any{"waiting", nil, nil})
	}
	c.equal("description", s.get(r.href).obj()["description"], any(nil))
	c.refused(s, 400, "POST", "repositories/file/file/", obj{"name": r.name}, any(obj{"name": one("This field must be unique.")}))
	release()
	before := ""
	for i, t := range queue {
		x := s.wait(t)
		want := "completed"
		if i == len(queue)-1 && !c.has(objectResults) {
			want = "failed" // older ones do not skip what is gone
		}
		c.equal("state", x["state"], any(want))
		if started := text(x["started_at"]); started < before {
			c.Errorf("task %d of the queue started at %s, before %s", i, started, before)
		}
		before = text(x["finished_at"])
		if i == len(queue)-1 && c.has(objectResults) {
			if skipped, _ := objectOf(x["result"])["skipped"].([]any); len(skipped) != 1 {
				c.Errorf("the second DELETE: %v", x["result"])
			}
		}
	}
	c.refused(s, 404, "GET", r.href, nil, any(obj{"detail": "No FileRepository matches the given query."}))
}

func remoteWaits(c *check) {
	r, first, release := c.hanging("r")
	t := c.primary.want(202, "PATCH", r.remote, obj{"max_retries": 2}).str("task")
	c.equal("while syncing", c.primary.get(t).str("state"), "waiting")
	release()
	c.equal("sync", c.primary.wait(first)["state"], any("completed"))
	c.equal("patch", c.primary.wait(t)["state"], any("completed"))
	c.equal("changed", c.primary.get(r.remote).obj()["max_retries"], any(2.0))
}

func sharedRemote(c *check) {
	up := c.tree("file", "f")
	a := c.repository(c.primary, "file", "a", up.URL(c.upURL))
	b := c.plain(c.primary, "file", "b")
	var started []string
	for _, r := range []*repo{a, b} {
		started = append(started, c.primary.want(202, "POST", r.href+"sync/", obj{"remote": a.remote}).str("task"))
	}
	for _, t := range started {
		c.equal("state", c.primary.wait(t)["state"], any("completed"))
	}
	c.equal("content", b.counts(""), map[string]int{"file.file": 3})
}
