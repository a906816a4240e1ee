// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// groupRow is a row of repo_groups.
type groupRow struct {
	bun.BaseModel `bun:"table:repo_groups,alias:g"`

	ID      int64     `bun:"id,pk,autoincrement"`
	Name    string    `bun:"name"`
	Include string    `bun:"include"`
	Exclude string    `bun:"exclude"`
	Created time.Time `bun:"date_created,nullzero"`
	Updated time.Time `bun:"date_last_updated,nullzero"`
}

// serverGroupRow is a row of server_groups, with its group.
type serverGroupRow struct {
	bun.BaseModel `bun:"table:server_groups,alias:sg"`

	ServerID           int64     `bun:"server_id,pk"`
	GroupID            int64     `bun:"group_id,pk"`
	Primary            string    `bun:"primary_server"`
	Schedule           string    `bun:"schedule"`
	MaxConcurrentSyncs int       `bun:"max_concurrent_syncs"`
	MaxRuntime         string    `bun:"max_runtime"`
	Created            time.Time `bun:"date_created,nullzero"`
	Updated            time.Time `bun:"date_last_updated,nullzero"`

	Name    string `bun:"name,scanonly"`
	Include string `bun:"include,scanonly"`
	Exclude string `bun:"exclude,scanonly"`
}

var groupOf = &other{table: "repo_groups", alias: "g", key: "sg.group_id"}

// serverGroupFields are an attached group's fields in the REST API (legacy section 3.4).
var serverGroupFields = fields{
	"pulp_server_id":       {expr: "sg.server_id", typ: integer},
	"repo_group_id":        {expr: "sg.group_id", typ: integer},
	"name":                 {expr: "g.name", typ: text, of: groupOf},
	"regex_include":        {expr: "g.include", typ: text, of: groupOf},
	"regex_exclude":        {expr: "g.exclude", typ: text, of: groupOf},
	"pulp_master":          {expr: "sg.primary_server", typ: text},
	"schedule":             {expr: "sg.schedule", typ: text},
	"max_concurrent_syncs": {expr: "sg.max_concurrent_syncs", typ: integer},
	"max_runtime":          {expr: "sg.max_runtime", typ: text},
	"date_created":         {expr: "sg.date_created", typ: moment},
	"date_last_updated":    {expr: "sg.date_last_updated", typ: moment},
}

// serverGroups selects attached groups with what their group says.
func serverGroups(sel *bun.SelectQuery) *bun.SelectQuery {
	return sel.ColumnExpr("sg.*, g.name, g.include, g.exclude").Join("JOIN repo_groups AS g ON g.id = sg.group_id")
}

// FindServerGroups implements fleet.Servers.
func (s *Store) FindServerGroups(ctx context.Context, server fleet.ServerID, q fleet.Query) (fleet.Page[fleet.ServerGroup], error) {
	ofServer := func(sel *bun.SelectQuery) *bun.SelectQuery { return sel.Where("sg.server_id = ?", server) }
	return list(ctx, s, q, listed[serverGroupRow, fleet.ServerGroup]{
		fields: serverGroupFields, id: "sg.group_id", key: func(r serverGroupRow) int64 { return r.GroupID }, convert: serverGroupRow.serverGroup,
		only: ofServer,
		show: func(sel *bun.SelectQuery) *bun.SelectQuery { return ofServer(serverGroups(sel)) },
	})
}

// ServerGroup implements fleet.Servers.
func (s *Store) ServerGroup(ctx context.Context, server fleet.ServerID, group fleet.GroupID) (fleet.ServerGroup, error) {
	var row serverGroupRow
	err := serverGroups(s.read.NewSelect().Model(&row)).Where("sg.server_id = ? AND sg.group_id = ?", server, group).Scan(ctx)
	if err != nil {
		return fleet.ServerGroup{}, s.oneErr(ctx, err, "read a server's group", "server %d has no group %d", server, group)
	}
	return row.serverGroup(), nil
}

func (r serverGroupRow) serverGroup() fleet.ServerGroup {
	return fleet.ServerGroup{
		Server:  fleet.ServerID(r.ServerID),
		Group:   fleet.Group{ID: fleet.GroupID(r.GroupID), Name: r.Name, Include: r.Include, Exclude: r.Exclude},
		Primary: fleet.ServerName(r.Primary), Schedule: r.Schedule,
		MaxConcurrentSyncs: r.MaxConcurrentSyncs, MaxRuntime: r.MaxRuntime,
		Created: utc(r.Created), Updated: utc(r.Updated),
	}
}
