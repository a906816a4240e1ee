// SPDX-License-Identifier: Apache-2.0

package pulpcontract

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

var tasks = []contract{
	{"tasks are found by the Correlation-ID of their request", byCorrelation},
	{"an unusable Correlation-ID is replaced on the task too", replacedCorrelation},
	{"many tasks are asked for at once, unknown ones are left out", bulkTasks},
	{"a task shows its life", taskLife},
	{"cancelling a running sync", cancelRunning},
	{"cancelling a waiting task", cancelWaiting},
	{"cancelling what is final", cancelFinal},
	{"a worker tells what it works on", workersWork},
	{"a finished task can be deleted and is then unknown", deleteTask},
	{"purging an ancient date is a harmless task", purge},
	{"created resources that are gone are shown, unavailable or left out, by what they were", unavailable},
}

func byCorrelation(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	with := func(req *http.Request) { req.Header.Set("Correlation-ID", id) }
	c.equal("none yet", len(c.primary.results("tasks/?logging_cid="+id)), 0)
	var hrefs []string
	for _, path := range []string{r.href + "sync/", "publications/file/file/"} {
		body := obj{}
		if strings.HasPrefix(path, "publications") {
			body["repository"] = r.href
		}
		a := c.primary.want(202, "POST", path, body, with)
		c.equal("header", a.header.Get("Correlation-ID"), id)
		hrefs = append(hrefs, a.str("task"))
	}
	list := c.primary.results("tasks/?logging_cid=" + id + "&fields=pulp_href,logging_cid,name&limit=1000")
	if len(list) != 2 || list[0]["pulp_href"] != hrefs[1] || list[1]["pulp_href"] != hrefs[0] {
		c.Errorf("tasks of %s: %v, want %v", id, list, hrefs)
	}
	for _, h := range hrefs {
		c.primary.wait(h)
	}
	c.equal("unfinished", len(c.primary.results("tasks/?logging_cid="+id+"&state__in=waiting,running,canceling")), 0)
	c.equal("by name", len(c.primary.results("tasks/?logging_cid="+id+"&name__contains=publish")), 1)
	c.equal("by state", len(c.primary.results("tasks/?logging_cid="+id+"&state=completed")), 2)
}

func replacedCorrelation(c *check) {
	r := c.plain(c.primary, "file", "r")
	a := c.primary.want(202, "POST", "publications/file/file/", obj{"repository": r.href}, func(req *http.Request) {
		req.Header.Set("Correlation-ID", "run 42")
	})
	id := a.header.Get("Correlation-ID")
	t := c.primary.wait(a.str("task"))
	if id == "run 42" || t["logging_cid"] != id {
		c.Errorf("header %q, task %v", id, t["logging_cid"])
	}
}

func bulkTasks(c *check) {
	r := c.plain(c.primary, "file", "r")
	var hrefs, ids []string
	for range 3 {
		h := c.primary.want(202, "POST", "publications/file/file/", obj{"repository": r.href}).str("task")
		hrefs = append(hrefs, h)
		parts := strings.Split(strings.Trim(h, "/"), "/")
		ids = append(ids, parts[len(parts)-1])
	}
	for _, h := range hrefs {
		c.primary.wait(h)
	}
	const unknown = "01a2095c-15d9-7b73-a7c7-26cece8736b8"
	for _, q := range []string{
		"pulp_id__in=" + strings.Join(ids, ",") + "," + unknown,
		"pulp_href__in=" + strings.Join(hrefs, ",") + "," + root + "tasks/" + unknown + "/",
	} {
		list := c.primary.results("tasks/?" + q + "&fields=pulp_href,state,error,finished_at,created_resources")
		c.equal("found by "+q[:8], len(list), 3)
		for _, x := range list {
			c.equal("state", x["state"], any("completed"))
			c.equal("fields", len(x), 5)
		}
	}
	c.equal("none", len(c.primary.results("tasks/?pulp_id__in="+unknown)), 0)
}

func taskLife(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	t := c.primary.task("POST", r.href+"sync/", obj{})
	for _, field := range []string{"pulp_created", "unblocked_at", "started_at", "finished_at", "logging_cid", "pulp_href", "prn"} {
		if text(t[field]) == "" {
			c.Errorf("%s is %v", field, t[field])
		}
	}
	for field, want := range map[string]any{
		"state": "completed", "name": "pulp_file.app.tasks.synchronizing.synchronize", "error": nil, "parent_task": nil,
		"child_tasks": []any{}, "task_group": nil,
	} {
		c.equal(field, t[field], want)
	}
	if c.has(noWorkers) {
		c.equal("worker", t["worker"], any(nil))
	}
	record := textsOf(t["reserved_resources_record"])
	prn := text(c.primary.get(r.href).obj()["prn"])
	remote := text(c.primary.get(r.remote).obj()["prn"])
	if len(record) < 2 || record[0] != prn || record[1] != "shared:"+remote {
		c.Errorf("reserved: %v", record)
	}
	for filter, want := range map[string]int{
		"reserved_resources=" + r.href: 1, "exclusive_resources=" + r.href: 1, "shared_resources=" + r.href: 0,
		"shared_resources=" + r.remote: 1, "exclusive_resources=" + r.remote: 0,
	} {
		c.equal(filter, len(c.primary.results("tasks/?name__contains=synchronize&"+filter)), want)
	}
	minimal := c.primary.results("tasks/?minimal=true&exclusive_resources=" + r.href)[0]
	if _, shown := minimal["error"]; shown || minimal["state"] != "completed" {
		c.Errorf("minimal: %v", minimal)
	}
}

// hanging starts a sync that hangs on its upstream, and waits until it runs.
func (c *check) hanging(name string) (r *repo, task string, release func()) {
	c.Helper()
	up := c.tree("file", name)
	release = up.Hang()
	c.Cleanup(release)
	r = c.repository(c.primary, "file", name, up.URL(c.upURL))
	task = c.primary.want(202, "POST", r.href+"sync/", obj{}).str("task")
	c.until("the sync to run", func() bool { return len(up.Requests()) > 0 && c.primary.get(task).str("state") == "running" })
	return r, task, release
}

func cancelRunning(c *check) {
	_, task, _ := c.hanging("r")
	a := c.primary.want(200, "PATCH", task, obj{"state": "canceled"})
	if s := a.str("state"); s != "canceling" && s != "canceled" {
		c.Errorf("state in the answer is %q", s)
	}
	t := c.primary.wait(task)
	c.equal("state", t["state"], any("canceled"))
	c.equal("created", t["created_resources"], any([]any{}))
	if text(t["finished_at"]) == "" {
		c.Errorf("finished_at is %v", t["finished_at"])
	}
	c.primary.want(200, "PATCH", task, obj{"state": "canceled"})
	c.refused(c.primary, 400, "PATCH", task, obj{"state": "completed"},
		any(obj{"state": one("The only acceptable value for 'state' is 'canceled'.")}))
}

func cancelWaiting(c *check) {
	r, task, release := c.hanging("r")
	second := c.primary.want(202, "POST", r.href+"sync/", obj{}).str("task")
	c.equal("waits", c.primary.get(second).str("state"), "waiting")
	c.equal("blocked", c.primary.get(second).obj()["unblocked_at"], any(nil))
	c.primary.want(200, "PATCH", second, obj{"state": "canceled"})
	release()
	c.equal("second", c.primary.wait(second)["state"], any("canceled"))
	c.equal("first", c.primary.wait(task)["state"], any("completed"))
}

func workersWork(c *check) {
	_, task, release := c.hanging("r")
	at := func() string {
		for _, w := range c.primary.results("workers/?online=true&fields=name,current_task") {
			if text(w["current_task"]) == task {
				return text(w["name"])
			}
		}
		return ""
	}
	if at() == "" {
		c.Errorf("no worker tells that it works on %s: %v", task, c.primary.results("workers/?online=true"))
	}
	release()
	c.primary.wait(task)
	c.until("no worker to work on it", func() bool { return at() == "" })
}

func cancelFinal(c *check) {
	r := c.repository(c.primary, "file", "r", c.upURL+"/nosuch/PULP_MANIFEST", obj{"max_retries": 1})
	failed := c.primary.task("POST", r.href+"sync/", obj{})
	c.equal("failed", failed["state"], any("failed"))
	completed := c.primary.task("POST", "publications/file/file/", obj{"repository": r.href})
	for _, t := range []obj{failed, completed} {
		a := c.primary.want(409, "PATCH", text(t["pulp_href"]), obj{"state": "canceled"})
		c.equal("the task as it is", a.str("state"), text(t["state"]))
	}
}

func deleteTask(c *check) {
	r := c.plain(c.primary, "file", "r")
	t := text(c.primary.task("POST", "publications/file/file/", obj{"repository": r.href})["pulp_href"])
	c.primary.want(204, "DELETE", t, nil)
	c.refused(c.primary, 404, "GET", t, nil, any(obj{"detail": "No Task matches the given query."}))
	_, running, _ := c.hanging("running")
	c.primary.want(409, "DELETE", running, nil)
	c.primary.want(200, "PATCH", running, obj{"state": "canceled"})
	c.primary.wait(running)
}

func purge(c *check) {
	t := c.primary.task("POST", "tasks/purge/", obj{"finished_before": "1990-01-01", "states": []any{"completed"}})
	c.equal("state", t["state"], any("completed"))
	c.equal("name", t["name"], any("pulpcore.app.tasks.purge.purge"))
	c.primary.wait(c.primary.want(202, "POST", "tasks/purge/", obj{"finished_before": "1990-01-01", "bogus": 1}).str("task")) // not strict
	c.refused(c.primary, 400, "POST", "tasks/purge/", obj{"states": []any{"running"}}, any(obj{"states": one(`"running" is not a valid choice.`)}))
	c.refused(c.primary, 400, "POST", "tasks/purge/", obj{"finished_before": "x"}, any(obj{"finished_before": one(
		"Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].")}))
}

func unavailable(c *check) {
	up := c.tree("file", "f")
	r := c.repository(c.primary, "file", "r", up.URL(c.upURL))
	sync := c.primary.task("POST", r.href+"sync/", obj{})
	publish := c.primary.task("POST", "publications/file/file/", obj{"repository": r.href})
	distribute := c.primary.task("POST", "distributions/file/file/", obj{"name": r.name, "base_path": r.name})
	distribution := textsOf(distribute["created_resources"])
	made := func(task obj) []string {
		return textsOf(c.primary.get(text(task["pulp_href"])).obj()["created_resources"])
	}
	prns := func(task obj) int {
		return len(textsOf(c.primary.get(text(task["pulp_href"])).obj()["created_resource_prns"]))
	}
	c.primary.want(204, "DELETE", textsOf(publish["created_resources"])[0], nil)
	c.equal("a deleted publication", made(publish), []string{})
	c.equal("its prn", prns(publish), 0)
	c.primary.task("DELETE", r.latest(), nil)
	c.equal("a deleted version", made(sync), []string{"<unavailable>"})
	if c.has(createdNames) {
		c.equal("its prn", prns(sync), 1)
	}
	c.primary.task("DELETE", distribution[0], nil)
	c.equal("a deleted distribution", made(distribute), distribution)
}
