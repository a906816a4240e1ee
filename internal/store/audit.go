// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// auditRow is a row of audit.
type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:a"`

	ID        int64     `bun:"id,pk,autoincrement"`
	Date      time.Time `bun:"date,nullzero"`
	User      string    `bun:"user_name"`
	Role      string    `bun:"role"`
	Address   string    `bun:"address"`
	Action    string    `bun:"action"`
	Method    string    `bun:"method"`
	Path      string    `bun:"path"`
	Status    int       `bun:"status"`
	ServerID  int64     `bun:"server_id,nullzero"`
	TaskID    int64     `bun:"task_id,nullzero"`
	RequestID string    `bun:"request_id"`
	Detail    string    `bun:"detail"`
}

// auditFields are an entry's fields in the REST API.
var auditFields = fields{
	"id":             {expr: "a.id", typ: integer},
	"date":           {expr: "a.date", typ: moment},
	"user":           {expr: "a.user_name", typ: text},
	"role":           {expr: "a.role", typ: text, values: texts(fleet.Roles)},
	"address":        {expr: "a.address", typ: text},
	"action":         {expr: "a.action", typ: text},
	"method":         {expr: "a.method", typ: text},
	"path":           {expr: "a.path", typ: text},
	"status":         {expr: "a.status", typ: integer},
	"pulp_server_id": {expr: "a.server_id", typ: integer, nullable: true},
	"task_id":        {expr: "a.task_id", typ: integer, nullable: true},
	"request_id":     {expr: "a.request_id", typ: text},
	"detail":         {expr: "a.detail", typ: text},
}

// How long the texts of an entry may be, bytes. PostgreSQL's indexes take 2,700.
const (
	auditText   = 500
	auditDetail = 2000
)

// Record implements fleet.Audit. Texts that are too long are cut: clients choose them.
func (s *Store) Record(ctx context.Context, e fleet.AuditEntry) error {
	row := auditRow{
		User: storable(e.User, auditText), Role: string(e.Role), Address: storable(e.Address, auditText), Action: storable(e.Action, auditText),
		Method: storable(e.Method, auditText), Path: storable(e.Path, auditText), Status: e.Status, ServerID: int64(e.Server), TaskID: int64(e.Task),
		RequestID: storable(e.RequestID, auditText), Detail: storable(e.Detail, auditDetail),
	}
	return s.inTx(ctx, "record who did what", func(ctx context.Context, t tx) error {
		_, err := t.NewInsert().Model(&row).Value("date", "?", t.now()).Exec(ctx)
		return err
	})
}

// FindAudit implements fleet.Audit.
func (s *Store) FindAudit(ctx context.Context, q fleet.Query) (fleet.Page[fleet.AuditEntry], error) {
	return list(ctx, s, q, listed[auditRow, fleet.AuditEntry]{fields: auditFields, id: "a.id", convert: auditRow.entry})
}

func (r auditRow) entry() fleet.AuditEntry {
	return fleet.AuditEntry{
		ID: r.ID, At: utc(r.Date), User: r.User, Role: fleet.Role(r.Role), Address: r.Address, Action: r.Action, Method: r.Method, Path: r.Path,
		Status: r.Status, Server: fleet.ServerID(r.ServerID), Task: fleet.TaskID(r.TaskID), RequestID: r.RequestID, Detail: r.Detail,
	}
}

// storable makes a client's text one that both databases take: UTF-8 without zero bytes, of at most so many bytes.
func storable(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
