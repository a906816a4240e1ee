// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	auditTime   = 5 * time.Second // for storing an entry
	maxDetail   = 1 << 10         // bytes of an entry's detail
	withoutText = "hidden"        // stands for a secret
)

// audited tells whether what is done by a route is recorded: all that changes something, and logins.
func (rt route) audited() bool {
	return rt.method != http.MethodGet && (rt.access.role() == fleet.RoleAdmin || rt.tag == tagAuth)
}

// note keeps what an answer tells for the record.
func (x *exchange) note(value any) {
	if task, ok := value.(Task); ok {
		x.entry.Task = fleet.TaskID(task.ID)
	}
}

// audit records what a request did, once it is answered. That it cannot be recorded is logged: the change is made.
func (a *api) audit(r *http.Request, x *exchange, status int) {
	if !x.audited || a.Audit == nil {
		return
	}
	e := x.entry
	e.Address, e.Method, e.Path, e.Status, e.RequestID = clientAddress(r), r.Method, r.URL.Path, status, x.id
	if unknown := status == http.StatusTooManyRequests || status == http.StatusUnauthorized && e.User == "" && e.Action != loginAction; unknown &&
		a.rare.Seen(e.Address+" "+e.Action, time.Now()) {
		return // or anybody could fill the store
	}
	if x.err != nil {
		_, problem := problemOf(x.err)
		e.Detail = strings.TrimSpace(e.Detail + " refused: " + problem.Detail)
	}
	e.Detail, e.Path = cutText(e.Detail, maxDetail), cutText(e.Path, maxDetail)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTime)
	defer cancel()
	if err := a.Audit.Record(ctx, e); err != nil {
		a.Logger.ErrorContext(ctx, "a change is not in the audit log", "action", e.Action, "user", e.User, "status", status, "request_id", x.id, "err", err)
	}
}

// auditDetail shows a body in one line, without secrets.
func auditDetail(fields map[string]any) string {
	if len(fields) == 0 {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(withoutSecrets(fields)) != nil { // it came from JSON: cannot happen
		return ""
	}
	return strings.TrimSpace(text.String())
}

// secretWords are in the names of fields whose values are not recorded.
var secretWords = []string{"password", "passwd", "secret", "token", "credential", "auth", "key", "cookie"}

// withoutSecrets gives a value of JSON without secrets.
func withoutSecrets(value any) any {
	switch v := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for name, field := range v {
			shown[name] = withoutSecrets(field)
			for _, word := range secretWords {
				if strings.Contains(strings.ToLower(name), word) {
					shown[name] = withoutText
				}
			}
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, element := range v {
			shown[i] = withoutSecrets(element)
		}
		return shown
	case string:
		if u, err := url.Parse(v); err == nil && u.User != nil {
			u.User = url.User(withoutText)
			return u.String()
		}
	}
	return value
}

// cutText cuts a text at a number of bytes, not within a character.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:most-len("…")]
	for !utf8.ValidString(text) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// AuditEntry is a line of the audit log.
type AuditEntry struct {
	ID        int64   `json:"id" doc:"Id of the entry."`
	Date      instant `json:"date" nullable:"false"`
	User      *string `json:"user" doc:"Who; null: nobody logged in."`
	Role      *string `json:"role" doc:"Their role then; null: none."`
	Address   string  `json:"address" doc:"Network address of the client."`
	Action    string  `json:"action" doc:"Operation of this document, such as sync-repos or login." example:"sync-repos"`
	Method    string  `json:"method" doc:"Of the request."`
	Path      string  `json:"path" doc:"Of the request, without its query."`
	Status    int     `json:"status" doc:"Of the answer."`
	Server    *int64  `json:"pulp_server_id" doc:"Server it was about; null: none."`
	Task      *int64  `json:"task_id" doc:"Task that was queued or changed; null: none."`
	RequestID string  `json:"request_id" doc:"Names the request in the daemon's log."`
	Detail    string  `json:"detail" doc:"What was asked, without secrets; why it was refused."`
}

// auditList is what the audit log can be filtered and sorted by.
var auditList = &listing{fields: []listField{
	{name: "id", kind: numberValue, doc: "id of the entry"},
	{name: "date", kind: momentValue, doc: "when it happened"},
	{name: "user", doc: "who did it"},
	{name: "role", kind: choiceValue, values: texts(fleet.Roles), doc: "role of who did it (empty: nobody logged in)"},
	{name: "address", doc: "network address of the client"},
	{name: "action", doc: "operation"},
	{name: "method", doc: "method of the request"},
	{name: "path", doc: "path of the request"},
	{name: "status", kind: numberValue, doc: "status of the answer"},
	{name: "pulp_server_id", kind: numberValue, doc: "id of the server it was about"},
	{name: "task_id", kind: numberValue, doc: "id of the task that was queued or changed"},
	{name: "request_id", doc: "id of the request"},
}}

func (a *api) listAudit(ctx context.Context, r *request) (any, error) {
	if a.Audit == nil {
		return pageOf(r.query, fleet.Page[fleet.AuditEntry]{}, showAudit)
	}
	page, err := a.Audit.FindAudit(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showAudit)
}

// showAudit makes the JSON of an entry.
func showAudit(e fleet.AuditEntry) (AuditEntry, error) {
	return AuditEntry{
		ID: e.ID, Date: instant(e.At), User: textOrNull(e.User), Role: textOrNull(string(e.Role)), Address: e.Address, Action: e.Action, Method: e.Method, Path: e.Path,
		Status: e.Status, Server: idOrNull(int64(e.Server)), Task: idOrNull(int64(e.Task)), RequestID: e.RequestID, Detail: e.Detail,
	}, nil
}

func idOrNull(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// exampleAudit is an entry in the document.
var exampleAudit = AuditEntry{
	ID: 12, Date: instant(exampleMoment), User: textOrNull("alice"), Role: textOrNull("admin"), Address: "192.0.2.7", Action: "sync-repos", Method: http.MethodPost,
	Path: "/v1/pulp_servers/1/sync_repos", Status: http.StatusCreated, Server: idOrNull(1), Task: idOrNull(5), RequestID: "K5D7QZ3J2X6W4PTB",
	Detail: `{"max_concurrent_syncs":2,"max_runtime":"6h"}`,
}
