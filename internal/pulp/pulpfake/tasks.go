// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"net/http"
	"strings"
)

// tasks handles everything below tasks/.
func (c *call) tasks() reply {
	switch {
	case len(c.segs) == 1:
		return c.only(http.MethodGet, c.listTasks)
	case c.segs[1] == "purge" && len(c.segs) == 2:
		return c.only(http.MethodPost, c.purge)
	case len(c.segs) > 2:
		return htmlPage(http.StatusNotFound, "Not Found", "The requested resource was not found on this server.")
	case !uuidPattern.MatchString(c.segs[1]):
		return detail(http.StatusNotFound, "Not found.")
	}
	t := c.s.pool.byID[strings.ToLower(c.segs[1])]
	if t == nil {
		return notFound("Task")
	}
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
		return ok(c.selected(c.minimal("tasks", schema.answerOf("tasks")), func(f string) any { return c.s.taskValue(t, f) }))
	case http.MethodPatch:
		return c.cancel(t)
	case http.MethodDelete:
		if !final(t.state) {
			return reply{status: http.StatusConflict}
		}
		c.s.pool.forget(map[*task]bool{t: true})
		return noContent()
	}
	return c.notAllowed()
}

func (c *call) listTasks() reply {
	s := c.s
	all := s.pool.all
	q := c.r.URL.Query()
	if ids := q.Get("pulp_id__in"); ids != "" { // by index: thousands of tasks are polled a hundred at a time
		all = nil
		for _, id := range strings.Split(strings.ToLower(ids), ",") {
			if t := s.pool.byID[id]; t != nil {
				all = append(all, t)
			}
		}
	} else if cid := q.Get("logging_cid"); cid != "" {
		all = s.pool.byCID[cid]
	}
	rows := make([]row, 0, len(all))
	for _, t := range all {
		rows = append(rows, row{item: t, get: func(f string) any { return s.taskValue(t, f) }})
	}
	return c.list("tasks", rows, s.taskFilter)
}

func (s *Server) taskFilter(item any, filter, value string) (match, done bool, refusal *reply) {
	t, _ := item.(*task)
	kind, many := strings.CutSuffix(filter, "__in")
	refs := []string{value}
	if many {
		refs = strings.Split(value, ",")
	}
	uri := func(format string) *reply {
		for _, r := range refs {
			if _, _, isHref := splitHref(r); !isHref && !strings.HasPrefix(r, "prn:") {
				rep := bad([]any{format + r})
				return &rep
			}
		}
		return nil
	}
	switch kind {
	case "reserved_resources", "exclusive_resources", "shared_resources":
		if rep := uri("URI couldn't be resolved: "); rep != nil {
			return false, true, rep
		}
		for _, r := range refs {
			prn := s.prnOf(r)
			if t != nil && ((kind != "shared_resources" && contains(t.exclusive, prn)) ||
				(kind != "exclusive_resources" && contains(t.shared, prn))) {
				return true, true, nil
			}
		}
		return false, true, nil
	case "created_resources":
		if rep := uri("URI not valid: "); rep != nil {
			return false, true, rep
		}
		for _, r := range refs {
			for _, x := range resourcesOf(t) {
				if x.href == r || x.prn == r {
					return true, true, nil
				}
			}
		}
		return false, true, nil
	case "worker":
		return false, true, nil
	case "parent_task", "task_group", "child_tasks":
		return false, true, uri("URI couldn't be resolved: ")
	}
	return false, false, nil
}

func resourcesOf(t *task) []resource {
	if t == nil {
		return nil
	}
	return t.resources
}

// prnOf turns an href into the prn that tasks record; deleted objects have none.
func (s *Server) prnOf(ref string) string {
	if o := s.lookup(ref); o != nil {
		return o.prn()
	}
	if path, id, isHref := splitHref(ref); isHref {
		if k := kinds[path]; k != nil {
			return "prn:" + k.model + ":" + id
		}
	}
	return ref
}

// cancel answers PATCH {"state": "canceled"}.
func (c *call) cancel(t *task) reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	v, given := in["state"]
	if !given {
		return bad(obj{"state": []any{"This field is required."}})
	}
	if v != stateCanceled {
		return bad(obj{"state": []any{"The only acceptable value for 'state' is 'canceled'."}})
	}
	p := &c.s.pool
	status := http.StatusOK
	switch t.state {
	case stateWaiting:
		t.state, t.updated = stateCanceling, c.s.now()
		p.canceling = append(p.canceling, t)
	case stateRunning:
		t.state, t.updated = stateCanceling, c.s.now()
		if t.cancel != nil {
			t.cancel()
		}
	case stateCompleted, stateFailed:
		status = http.StatusConflict
	}
	rep := reply{status: status, body: c.s.taskView(t)}
	p.signal()
	p.schedule() // a free worker ends a waiting one at once, but the answer still says canceling
	return rep
}

// purge forgets finished tasks of a time. As anything newly dispatched, it makes idle workers look for work.
func (c *call) purge() reply {
	in, refusal := c.body()
	if refusal != nil {
		return *refusal
	}
	// Purge is the one request whose unknown fields Pulp ignores.
	f, refusal := c.check(schema.Ops["POST tasks/purge/"].Body, sortedKeys(in), in, false, nil)
	if refusal != nil {
		return *refusal
	}
	before := c.s.now().AddDate(0, 0, -30)
	if v, given := f["finished_before"].(string); given {
		at, isTime := parseTime(v)
		if !isTime {
			return bad(obj{"finished_before": []any{"Datetime has wrong format. Use one of these formats instead: " +
				"YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."}})
		}
		before = at
	}
	states := []any{stateCompleted}
	if list, given := f["states"].([]any); given {
		for _, x := range list {
			if !final(text(x)) && text(x) != "skipped" {
				return bad(obj{"states": []any{"\"" + text(x) + "\" is not a valid choice."}})
			}
		}
		states = list
	}
	t := &task{name: "pulpcore.app.tasks.purge.purge", cid: c.cid}
	t.body = func(t *task) (any, error) {
		gone := map[*task]bool{}
		for _, x := range c.s.pool.all {
			for _, state := range states {
				if x != t && x.state == state && x.finished.Before(before) {
					gone[x] = true
				}
			}
		}
		c.s.pool.forget(gone)
		t.report("Purged task-related-objects total", "purge.tasks.total", nil, len(gone))
		return nil, nil
	}
	c.s.pool.dispatch(t)
	return accepted(t)
}

func (p *pool) forget(gone map[*task]bool) {
	drop := func(list []*task) []*task {
		kept := make([]*task, 0, len(list))
		for _, x := range list {
			if !gone[x] {
				kept = append(kept, x)
			}
		}
		return kept
	}
	p.all = drop(p.all)
	for t := range gone {
		delete(p.byID, t.id)
		if rest := drop(p.byCID[t.cid]); len(rest) > 0 {
			p.byCID[t.cid] = rest
		} else {
			delete(p.byCID, t.cid)
		}
	}
}
