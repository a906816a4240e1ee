// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
	"time"
)

// AuditEntry is who did what, from where, and how that was answered.
type AuditEntry struct {
	ID        int64     `json:"id"`
	Date      time.Time `json:"date"`
	User      string    `json:"user"`
	Role      string    `json:"role"`
	Address   string    `json:"address"`
	Action    string    `json:"action"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`
	ServerID  *int64    `json:"pulp_server_id"`
	TaskID    *int64    `json:"task_id"`
	RequestID string    `json:"request_id"`
	Detail    any       `json:"detail"`
}

// Audit gives one page of the audit log. It is for administrators. The query is the API's.
func (c *Client) Audit(ctx context.Context, query url.Values) (Page[AuditEntry], error) {
	return get[Page[AuditEntry]](ctx, c, "/v1/audit/", query)
}
