// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulp/pulp-manager/internal/fault"
)

const failedTask = `{"pulp_href":"/pulp/api/v3/tasks/01a20969-8a68-76d7-a914-3e22f2511399/","name":"pulp_deb.sync","state":"failed",
	"logging_cid":"d268f7ca00934994a28950e943bff5eb","pulp_created":"2026-11-23T17:17:21.388152Z","unblocked_at":"2026-11-23T17:17:21.404961Z",
	"started_at":"2026-11-23T17:17:21.467520Z","finished_at":null,
	"error":{"description":"[DEB0001] Could not find a Release file","traceback":"File \"/secret/path.py\"","error_code":"DEB0001"},
	"progress_reports":[{"message":"Downloading","code":"sync.downloading","state":"running","total":null,"done":3,"suffix":null},
		{"message":"Associating","code":"associating.content","state":"completed","total":9,"done":9,"suffix":"units"}],
	"created_resources":["<unavailable>",null,"/pulp/api/v3/publications/deb/apt/1/","/pulp/api/v3/repositories/deb/apt/1/versions/2/"],
	"reserved_resources_record":["prn:deb.aptrepository:1","shared:prn:core.domain:1"],"result":null}`

func TestTaskIsUnderstood(t *testing.T) {
	c, _ := newWire(t, replyWith(200, failedTask))
	got, err := c.Task(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	at := func(micros int) time.Time { return time.Date(2026, 11, 23, 17, 17, 21, micros*1000, time.UTC) }
	want := Task{
		Href: task, Name: "pulp_deb.sync", State: Failed, Correlation: "d268f7ca00934994a28950e943bff5eb",
		CreatedResources: []Href{"", "/pulp/api/v3/publications/deb/apt/1/", "/pulp/api/v3/repositories/deb/apt/1/versions/2/"},
		Reason:           "[DEB0001] Could not find a Release file", ErrorCode: "DEB0001",
		Created: at(388152), Unblocked: at(404961), Started: at(467520),
		Progress: []Progress{
			{Message: "Downloading", Code: "sync.downloading", State: "running", Done: 3},
			{Message: "Associating", Code: "associating.content", State: "completed", Done: 9, Total: 9, Suffix: "units"},
		},
		Reserved: []string{"prn:deb.aptrepository:1", "shared:prn:core.domain:1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v, ok := got.CreatedVersion(); !ok || v != "/pulp/api/v3/repositories/deb/apt/1/versions/2/" {
		t.Errorf("version %q", v)
	}
	if p, ok := got.CreatedPublication(); !ok || p != "/pulp/api/v3/publications/deb/apt/1/" {
		t.Errorf("publication %q", p)
	}
}

func TestTaskErrorHasTwoShapes(t *testing.T) {
	tests := map[string]string{
		`{"reason":"Worker has gone missing."}`:          "Worker has gone missing.",
		`{"description":"It broke.","traceback":"File"}`: "It broke.",
		`null`: "",
	}
	for body, want := range tests {
		c, _ := newWire(t, replyWith(200, `{"state":"failed","error":`+body+`}`))
		if got, err := c.Task(t.Context(), task); err != nil || got.Reason != want {
			t.Errorf("%s: %q, %v", body, got.Reason, err)
		}
	}
}

func TestTaskThatMadeNothing(t *testing.T) {
	got, err := newTask(Fields{"state": "completed", "created_resources": []any{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.CreatedVersion(); ok {
		t.Error("a version out of nothing")
	}
	if _, ok := got.CreatedPublication(); ok {
		t.Error("a publication out of nothing")
	}
	if !got.Finished.IsZero() || !got.Unblocked.IsZero() {
		t.Error("a time out of nothing")
	}
}

func TestFinalStates(t *testing.T) {
	want := map[TaskState]bool{
		Waiting: false, Running: false, Canceling: false, "": false, "unheard-of": false,
		Completed: true, Failed: true, Canceled: true, Skipped: true,
	}
	for state, final := range want {
		if state.Final() != final {
			t.Errorf("%q.Final() = %v", state, !final)
		}
	}
}

func TestPurgedTask(t *testing.T) {
	c, _ := newWire(t, replyWith(404, `{"detail":"No Task matches the given query."}`))
	_, err := c.Task(t.Context(), task)
	if !fault.Is(err, fault.NotFound) || !strings.Contains(fault.Message(err), "No Task matches the given query.") {
		t.Errorf("%v", err)
	}
}

func TestManyTasksAtOnce(t *testing.T) {
	all := map[string]Fields{}
	var asked []Href
	for i := range 200 {
		id := fmt.Sprintf("01a20969-8349-79c6-9266-%012d", i)
		asked = append(asked, Href("/pulp/api/v3/tasks/"+id+"/"))
		if i%10 != 0 { // every tenth was purged
			all[id] = Fields{"pulp_href": "/rewritten/api/v3/tasks/" + id + "/", "state": "running"}
		}
	}
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		var found []Fields
		for id := range strings.SplitSeq(r.URL.Query().Get("pulp_id__in"), ",") {
			if f, ok := all[id]; ok {
				found = append(found, f)
			}
		}
		listOf(found)(w, r)
	})
	got, err := c.Tasks(t.Context(), asked)
	if err != nil || len(got) != 180 {
		t.Fatalf("%d tasks, %v", len(got), err)
	}
	for i, href := range asked {
		if _, ok := got[href]; ok != (i%10 != 0) {
			t.Errorf("%s: found %v", href, ok)
		}
	}
	if n := len(w.seen("", "")); n > 3 {
		t.Errorf("%d requests for 200 tasks", n)
	}
	for _, r := range w.seen("", "") {
		fields := "," + r.Query.Get("fields") + ","
		if strings.Contains(fields, ",result,") || !strings.Contains(fields, ",state,") {
			t.Errorf("asked for %s", fields)
		}
	}
	if _, err := c.Tasks(t.Context(), []Href{"/not/a/task/"}); !fault.Is(err, fault.Invalid) || !NotSent(err) {
		t.Errorf("%v", err)
	}
}

func TestTasksByCorrelation(t *testing.T) {
	c, w := newWire(t, listOf([]Fields{{"pulp_href": string(task), "logging_cid": "abc"}}))
	got, err := c.TasksByCorrelation(t.Context(), "abc")
	if err != nil || len(got) != 1 || got[0].Href != task || got[0].Correlation != "abc" {
		t.Errorf("%+v, %v", got, err)
	}
	if r := w.seen("GET", apiRoot+"tasks/"); len(r) != 1 || r[0].Query.Get("logging_cid") != "abc" {
		t.Errorf("%+v", r)
	}
}

func TestCancel(t *testing.T) {
	c, w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			reply(w, 200, `{"pulp_href":"`+string(task)+`","state":"canceling"}`)
			return
		}
		reply(w, 500, "")
	})
	if got, err := c.CancelTask(t.Context(), task); err != nil || got.State != Canceling || got.Href != task {
		t.Errorf("%+v, %v", got, err)
	}
	if r := w.seen("", ""); len(r) != 1 || r[0].Body != `{"state":"canceled"}` {
		t.Errorf("%+v", r)
	}
}

func TestCancelOfAFinalTask(t *testing.T) {
	c, _ := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			reply(w, 409, failedTask)
			return
		}
		reply(w, 200, failedTask)
	})
	got, err := c.CancelTask(t.Context(), task)
	if err != nil || got.State != Failed || got.Reason == "" {
		t.Errorf("%+v, %v", got, err)
	}
	c, _ = newWire(t, replyWith(404, `{"detail":"No Task matches the given query."}`))
	if _, err := c.CancelTask(t.Context(), task); !fault.Is(err, fault.NotFound) {
		t.Errorf("purged: %v", err)
	}
}
