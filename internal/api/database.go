// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Database tells how large the daemon's database is.
type Database struct {
	Dialect string          `json:"dialect" doc:"Which database it is." enum:"sqlite,postgres" example:"sqlite"`
	Version int64           `json:"version" doc:"Version of its tables."`
	Bytes   int64           `json:"bytes" doc:"Its size."`
	Free    int64           `json:"free_bytes" doc:"How much of it holds nothing and is used next; always 0 on PostgreSQL."`
	Log     int64           `json:"log_bytes" doc:"Size of SQLite's write-ahead log beside it."`
	Tables  []DatabaseTable `json:"tables" doc:"Its tables by name, those of the queue too." nullable:"false"`
	Oldest  instant         `json:"oldest_task"`
	Pruning DatabasePruning `json:"pruning" doc:"When old rows were last removed."`
}

// DatabaseTable is a table.
type DatabaseTable struct {
	Name string `json:"name" doc:"Its name." example:"tasks"`
	Rows int64  `json:"rows" doc:"How many rows it has."`
}

// DatabasePruning tells when old rows were removed.
type DatabasePruning struct {
	Due     instant          `json:"due"`
	Began   instant          `json:"began"`
	Ended   instant          `json:"ended"`
	Failing instant          `json:"failing_since"`
	Problem string           `json:"problem" doc:"Why it fails; empty: it does not."`
	Removed map[string]int64 `json:"removed" doc:"Rows that the last one which went to its end removed: tasks, audit, logins." nullable:"false"`
}

// databaseRoute is the route that shows the database's size.
func (a *api) databaseRoute() route {
	return route{
		method: http.MethodGet, path: "/v1/database", id: "get-database", tag: tagDatabase, access: admins, handle: a.getDatabase,
		summary: "Show the database's size", description: "How large the daemon's database is, what is in it, and when what is old was last removed (`[retention]`). It counts all rows.",
		example: exampleDatabase,
	}
}

func (a *api) getDatabase(ctx context.Context, _ *request) (any, error) {
	if a.Prunings == nil {
		return showDatabase(fleet.DatabaseStatus{}), nil
	}
	status, err := a.Prunings.DatabaseStatus(ctx)
	if err != nil {
		return nil, err
	}
	return showDatabase(status), nil
}

// showDatabase makes the JSON of a database.
func showDatabase(s fleet.DatabaseStatus) Database {
	shown := Database{
		Dialect: s.Dialect, Version: s.Version, Bytes: s.Bytes, Free: s.Free, Log: s.Log, Oldest: instant(s.Oldest), Tables: make([]DatabaseTable, 0, len(s.Tables)),
		Pruning: DatabasePruning{
			Due: instant(s.Pruning.Due), Began: instant(s.Pruning.Began), Ended: instant(s.Pruning.Ended), Failing: instant(s.Pruning.Failing), Problem: s.Pruning.Problem,
			Removed: map[string]int64{"tasks": s.Pruning.Removed.Tasks, "audit": s.Pruning.Removed.Audit, "logins": s.Pruning.Removed.Logins},
		},
	}
	for _, t := range s.Tables {
		shown.Tables = append(shown.Tables, DatabaseTable(t))
	}
	return shown
}

// exampleDatabase is a database in the document.
var exampleDatabase = Database{
	Dialect: "sqlite", Version: 10, Bytes: 71303168, Free: 4096, Log: 4120032, Tables: []DatabaseTable{{"audit", 812}, {"task_stages", 251230}, {"tasks", 98211}},
	Oldest: instant(exampleMoment), Pruning: DatabasePruning{
		Due: instant(exampleMoment), Began: instant(exampleMoment), Ended: instant(exampleMoment), Removed: map[string]int64{"tasks": 1032, "audit": 0, "logins": 0},
	},
}
