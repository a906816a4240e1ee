// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var processes = []contract{
	{name: "processes are listed while they tell of themselves", check: processesNoted},
	{name: "processes are found by any of their fields", check: processesFound},
}

func (w *world) processes(q fleet.Query) []fleet.Process {
	w.Helper()
	q.Page, q.Size = 1, 10
	page := value(w.FindProcesses(w.ctx, q))(w)
	if page.Total != len(page.Items) {
		w.Errorf("total %d, %d items", page.Total, len(page.Items))
	}
	return page.Items
}

func processesNoted(w *world) {
	one := fleet.Process{Owner: "a:1:x", Host: "a", PID: 1, Roles: "api worker", Version: "1.0", Alive: true}
	two := fleet.Process{Owner: "b\x00:2:y", Host: "b\xff", PID: 2, Roles: "scheduler", Version: "1.1"}
	for _, p := range []fleet.Process{one, two, one} {
		w.ok(w.NoteProcess(w.ctx, p))
	}
	two.Owner, two.Host, two.Alive = "b\uFFFD:2:y", "b\uFFFD", true
	first := w.processes(fleet.Query{})
	if diff := cmp.Diff([]fleet.Process{one, two}, first, cmpopts.IgnoreFields(fleet.Process{}, "ID", "Started", "LastSeen")); diff != "" {
		w.Fatal(diff)
	}
	for _, p := range first {
		if time.Since(p.Started).Abs() > time.Minute || p.LastSeen.Before(p.Started) || p.LastSeen.Location() != time.UTC {
			w.Errorf("%s: started %s, seen %s", p.Owner, p.Started, p.LastSeen)
		}
	}
	w.pause(2 * time.Millisecond)
	w.ok(w.NoteProcess(w.ctx, one))
	again := w.processes(fleet.Query{})
	if len(again) != 2 || again[0].ID != first[0].ID || !again[0].Started.Equal(first[0].Started) || !again[0].LastSeen.After(first[0].LastSeen) {
		w.Errorf("noted again: %+v, before %+v", again, first)
	}
	for range 2 {
		w.ok(w.DropProcess(w.ctx, one.Owner))
	}
	if left := w.processes(fleet.Query{}); len(left) != 1 || left[0].Host != two.Host {
		w.Errorf("after one stopped: %+v", left)
	}
}

func processesFound(w *world) {
	w.ok(w.NoteProcess(w.ctx, fleet.Process{Owner: "o1", Host: "a", PID: 1, Roles: "api", Version: "1.0"}))
	w.ok(w.NoteProcess(w.ctx, fleet.Process{Owner: "o2", Host: "b", PID: 2, Roles: "worker scheduler", Version: "1.1"}))
	for _, f := range []fleet.Filter{
		{Field: "owner", Value: "o2"},
		{Field: "host", Value: "b"},
		{Field: "pid", Value: int64(2)},
		{Field: "roles", Op: fleet.Match, Value: "worker"},
		{Field: "version", Value: "1.1"},
		{Field: "id", Value: w.processes(fleet.Query{Sort: "id", Desc: true})[0].ID},
	} {
		if got := w.processes(fleet.Query{Filters: []fleet.Filter{f}}); len(got) != 1 || got[0].Owner != "o2" {
			w.Errorf("by %s: %+v", f.Field, got)
		}
	}
	for _, field := range []string{"started", "last_seen"} {
		if got := w.processes(fleet.Query{Filters: []fleet.Filter{{Field: field, Op: fleet.Greater, Value: time.Now().Add(time.Hour)}}}); len(got) != 0 {
			w.Errorf("%s in an hour: %+v", field, got)
		}
	}
}
