// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var audits = []contract{
	{name: "who did what is recorded", check: auditRecorded},
	{name: "what clients send cannot keep from being recorded", check: auditHostile},
	{name: "the audit is found by any of its fields", check: auditFound},
}

func auditRecorded(w *world) {
	all := []fleet.AuditEntry{
		{
			User: "alice", Role: fleet.RoleAdmin, Address: "192.0.2.1", Action: "sync-repos", Method: "POST", Path: "/v1/pulp_servers/1/sync_repos",
			Status: 201, Server: 1, Task: 7, RequestID: "r1", Detail: "max_runtime 1h",
		},
		{Action: "login", Status: 401, Detail: "wrong"},
	}
	for _, e := range all {
		w.ok(w.Record(w.ctx, e))
	}
	page := value(w.FindAudit(w.ctx, fleet.Query{Page: 1, Size: 10}))(w)
	if diff := cmp.Diff(all, page.Items, cmpopts.IgnoreFields(fleet.AuditEntry{}, "ID", "At")); diff != "" || page.Total != 2 {
		w.Fatalf("%d (-want +got):\n%s", page.Total, diff)
	}
	for i, e := range page.Items {
		if e.ID <= 0 || i > 0 && e.ID <= page.Items[i-1].ID || time.Since(e.At).Abs() > time.Minute || e.At.Location() != time.UTC {
			w.Errorf("entry %d: id %d at %s", i, e.ID, e.At)
		}
	}
}

func auditHostile(w *world) {
	long := strings.Repeat("ü", 4000)
	w.ok(w.Record(w.ctx, fleet.AuditEntry{User: "a\x00b\xff", Address: long, Action: long, Method: long, Path: "/" + long, RequestID: long, Detail: long}))
	e := value(w.FindAudit(w.ctx, fleet.Query{Page: 1, Size: 1}))(w).Items[0]
	if e.User != "a\uFFFDb\uFFFD" {
		w.Errorf("user %q", e.User)
	}
	for _, text := range []string{e.Address, e.Action, e.Method, e.Path, e.RequestID, e.Detail} {
		if !utf8.ValidString(text) || len(text) < 400 || len(text) > 2000 || !strings.HasSuffix(text, "ü…") {
			w.Errorf("%d bytes: %q", len(text), text)
		}
	}
}

func auditFound(w *world) {
	w.ok(w.Record(w.ctx, fleet.AuditEntry{User: "alice", Role: fleet.RoleAdmin, Address: "192.0.2.1", Action: "login", Method: "POST", Path: "/a", Status: 200, RequestID: "r1", Detail: "d1"}))
	w.ok(w.Record(w.ctx, fleet.AuditEntry{User: "bob", Role: fleet.RoleReader, Address: "192.0.2.2", Action: "sync", Method: "PATCH", Path: "/b", Status: 201, Server: 2, Task: 3, RequestID: "r2", Detail: "d2"}))
	for field, v := range map[string]any{
		"user": "bob", "role": "reader", "address": "192.0.2.2", "action": "sync", "method": "PATCH", "path": "/b", "status": int64(201),
		"pulp_server_id": int64(2), "task_id": int64(3), "request_id": "r2", "detail": "d2",
	} {
		page := value(w.FindAudit(w.ctx, fleet.Query{Page: 1, Size: 10, Filters: []fleet.Filter{{Field: field, Value: v}}}))(w)
		if page.Total != 1 || page.Items[0].User != "bob" {
			w.Errorf("by %s: %+v", field, page)
		}
	}
	none := value(w.FindAudit(w.ctx, fleet.Query{Page: 1, Size: 10, Filters: []fleet.Filter{{Field: "task_id", Value: int64(0)}}}))(w)
	if none.Total != 1 || none.Items[0].User != "alice" {
		w.Errorf("without a task: %+v", none)
	}
	late := value(w.FindAudit(w.ctx, fleet.Query{Page: 1, Size: 10, Filters: []fleet.Filter{{Field: "date", Op: fleet.Greater, Value: time.Now().Add(time.Hour)}}}))(w)
	if late.Total != 0 {
		w.Errorf("in an hour: %+v", late)
	}
}
