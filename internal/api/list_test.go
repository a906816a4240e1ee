// SPDX-License-Identifier: Apache-2.0

package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// notListed are fields of lists' items that cannot be filtered or sorted by, and why.
var notListed = map[string]string{
	"PulpServerRepo.drift": "a list of texts: drifted and drift_date tell the same",
	"FleetRepo.drift":      "as PulpServerRepo.drift",

	"Task.done_in":          "noted of few tasks, in a table beside theirs; retry_of tells the same of the part",
	"Task.attempt":          "as done_in",
	"Task.next_attempt":     "as done_in",
	"Task.retry_reason":     "as done_in",
	"Task.waiting_for":      "as done_in",
	"Task.cancel_requested": "date_finished of a canceled task is the same",
	"Task.cancel_confirmed": "only for who looks at a task that was canceled",

	"Job.args":       "a list",
	"Job.meta":       "a JSON object: its task is found by worker_job_id",
	"Job.status":     "in the path",
	"Job.result_ttl": "always the same",
	"Job.ttl":        "always null",

	"AuditEntry.detail": "free text, of any length",

	"Process.alive": "last_seen tells the same",

	"Job.enqueued_at (scheduled)": "always null", "Job.started_at (scheduled)": "always null", "Job.ended_at (scheduled)": "always null",
}

// Every list can be filtered and sorted by every field that it shows.
func TestListsTakeEveryFieldTheyShow(t *testing.T) {
	a := &api{Options: newMemory().options(), document: newDocument("")}
	lists, used := 0, map[string]bool{}
	for _, rt := range a.routes() {
		if rt.list == nil {
			continue
		}
		lists++
		items, ok := reflect.TypeOf(rt.example).FieldByName("Items")
		if !ok {
			t.Errorf("%s: an example of %T is no page", rt.path, rt.example)
			continue
		}
		for _, name := range jsonNames(items.Type.Elem()) {
			exception := items.Type.Elem().Name() + "." + name
			if _, named := notListed[exception+" (scheduled)"]; named && strings.HasSuffix(rt.path, "/scheduled") {
				exception += " (scheduled)"
			}
			if _, named := notListed[exception]; named {
				used[exception] = true
				continue
			}
			at := slices.IndexFunc(rt.list.fields, func(f listField) bool { return f.name == name })
			if at < 0 || rt.list.fields[at].sortOnly {
				t.Errorf("%s shows %s, but cannot be filtered and sorted by it", rt.path, name)
			}
		}
	}
	if lists < 12 {
		t.Errorf("only %d lists", lists)
	}
	for name := range notListed {
		if !used[name] {
			t.Errorf("%s is no exception: no list shows it", name)
		}
	}
}

// jsonNames gives the JSON names of a struct's fields.
func jsonNames(typ reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(typ) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && !f.Anonymous {
			names = append(names, name)
		}
	}
	return names
}
