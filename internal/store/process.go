// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// forgetProcesses is how long a process that did not stop cleanly stays in the list.
const forgetProcesses = 24 * time.Hour

// processRow is a row of processes.
type processRow struct {
	bun.BaseModel `bun:"table:processes,alias:pr"`

	ID       int64     `bun:"id,pk,autoincrement"`
	Owner    string    `bun:"owner"`
	Host     string    `bun:"host"`
	PID      int64     `bun:"pid"`
	Roles    string    `bun:"roles"`
	Version  string    `bun:"version"`
	Started  time.Time `bun:"started,nullzero"`
	LastSeen time.Time `bun:"last_seen,nullzero"`

	Alive bool `bun:"alive,scanonly"`
}

// processFields are a process's fields in the REST API.
var processFields = fields{
	"id":        {expr: "pr.id", typ: integer},
	"owner":     {expr: "pr.owner", typ: text},
	"host":      {expr: "pr.host", typ: text},
	"pid":       {expr: "pr.pid", typ: integer},
	"roles":     {expr: "pr.roles", typ: text},
	"version":   {expr: "pr.version", typ: text},
	"started":   {expr: "pr.started", typ: moment},
	"last_seen": {expr: "pr.last_seen", typ: moment},
}

// NoteProcess implements fleet.Processes.
func (s *Store) NoteProcess(ctx context.Context, p fleet.Process) error {
	row := processRow{
		Owner: storable(p.Owner, auditText), Host: storable(p.Host, auditText), PID: int64(p.PID), Roles: p.Roles, Version: storable(p.Version, auditText),
	}
	return s.inTx(ctx, "note that this process is there", func(ctx context.Context, t tx) error {
		_, err := t.NewInsert().Model(&row).ExcludeColumn("id").Value("started", "?", t.now()).Value("last_seen", "?", t.now()).
			On("CONFLICT (owner) DO UPDATE").Set("last_seen = excluded.last_seen").Returning("NULL").Exec(ctx)
		if err != nil {
			return err
		}
		_, err = t.NewDelete().Model((*processRow)(nil)).Where("pr.last_seen < ?", t.in(-forgetProcesses)).Exec(ctx)
		return err
	})
}

// DropProcess implements fleet.Processes.
func (s *Store) DropProcess(ctx context.Context, owner string) error {
	return s.inTx(ctx, "note that this process stops", func(ctx context.Context, t tx) error {
		_, err := t.NewDelete().Model((*processRow)(nil)).Where("pr.owner = ?", owner).Exec(ctx)
		return err
	})
}

// FindProcesses implements fleet.Processes.
func (s *Store) FindProcesses(ctx context.Context, q fleet.Query) (fleet.Page[fleet.Process], error) {
	return list(ctx, s, q, listed[processRow, fleet.Process]{
		fields: processFields, id: "pr.id", key: func(r processRow) int64 { return r.ID }, convert: processRow.process,
		show: func(sel *bun.SelectQuery) *bun.SelectQuery {
			return sel.ColumnExpr("pr.*, pr.last_seen >= ? AS alive", s.clock.in(-fleet.AliveFor))
		},
	})
}

func (r processRow) process() fleet.Process {
	return fleet.Process{
		ID: r.ID, Owner: r.Owner, Host: r.Host, PID: int(r.PID), Roles: r.Roles, Version: r.Version,
		Started: utc(r.Started), LastSeen: utc(r.LastSeen), Alive: r.Alive,
	}
}
