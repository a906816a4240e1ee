// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Process is one of the daemon's processes as the API shows it.
type Process struct {
	ID       int64     `json:"id" doc:"Id of the entry."`
	Owner    string    `json:"owner" doc:"Names the process among all there ever were: the host, its number there, and a random part." example:"host1:4711:5f0c9a2e"`
	Host     string    `json:"host" doc:"Name of the machine it runs on; its tasks show it as worker_name."`
	PID      int       `json:"pid" doc:"Its number on that machine."`
	Roles    string    `json:"roles" doc:"What it does: of api, worker and scheduler, with blanks between." example:"worker"`
	Version  string    `json:"version" doc:"Of the daemon." example:"1.0.0"`
	Started  time.Time `json:"started" doc:"When it told of itself first, by the database's clock."`
	LastSeen time.Time `json:"last_seen" doc:"When it told of itself last; it does every 10 seconds."`
	Alive    bool      `json:"alive" doc:"Whether it was seen within the last 45 seconds. One that stopped as it should is not listed at all."`
}

// processList is what processes can be filtered and sorted by.
var processList = &listing{fields: []listField{
	{name: "id", kind: numberValue, doc: "id of the entry"},
	{name: "owner", doc: "name among all processes"},
	{name: "host", doc: "machine it runs on"},
	{name: "pid", kind: numberValue, doc: "number on that machine"},
	{name: "roles", doc: "what it does"},
	{name: "version", doc: "version of the daemon"},
	{name: "started", kind: momentValue, doc: "when it told of itself first"},
	{name: "last_seen", kind: momentValue, doc: "when it told of itself last"},
}}

// processRoute lists the processes.
func (a *api) processRoute() route {
	return route{
		method: http.MethodGet, path: "/v1/processes/", id: "list-processes", tag: tagHealth, access: admins, handle: a.listProcesses,
		summary: "List the processes", description: "The daemon's processes that share the database, on all machines. One that stopped as it should is not there; " +
			"one that did not is for a day, with `alive` false.",
		list: processList, example: examplePage(exampleProcess),
	}
}

func (a *api) listProcesses(ctx context.Context, r *request) (any, error) {
	if a.Processes == nil {
		return pageOf(r.query, fleet.Page[fleet.Process]{}, showProcess)
	}
	page, err := a.Processes.FindProcesses(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showProcess)
}

// showProcess makes the JSON of a process.
func showProcess(p fleet.Process) (Process, error) {
	return Process{
		ID: p.ID, Owner: p.Owner, Host: p.Host, PID: p.PID, Roles: p.Roles, Version: p.Version,
		Started: p.Started.UTC(), LastSeen: p.LastSeen.UTC(), Alive: p.Alive,
	}, nil
}

// exampleProcess is a process in the document.
var exampleProcess = Process{
	ID: 2, Owner: "host1:4711:5f0c9a2e", Host: "host1", PID: 4711, Roles: "worker", Version: "1.0.0",
	Started: time.Time(exampleMoment).AddDate(0, 0, -1), LastSeen: time.Time(exampleMoment), Alive: true,
}
