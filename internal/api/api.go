// SPDX-License-Identifier: Apache-2.0

// Package api is the REST API: it reads the store and queues tasks, and never
// talks to Pulp, but for the live search of content (find.go).
//
// routes.go is the map of it. A handler is given a checked request and returns a
// value or an error; handler.go alone writes answers. The OpenAPI document is made
// from the same routes. Names, types and quirks of the answers are the original's
// (legacy section 3): strings where it had strings, dates without a zone.
package api

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// Options is what the API needs.
type Options struct {
	Servers      fleet.Servers
	Repositories fleet.Repositories
	Tasks        fleet.Tasks
	Queue        fleet.Queue
	Schedules    fleet.ScheduleLists
	EngineJobs   fleet.EngineJobs
	Processes    fleet.Processes    // nil: none are listed
	States       fleet.ServerStates // nil: nobody looks at servers
	Requests     fleet.PulpRequests // nil: logs of tasks have none

	Jobs     []job.Definition // those with an Ask get a route
	Find     Find             // asks a Pulp server live
	Access   Access           // who may do what; nil: nobody may do anything
	Audit    fleet.Audit      // records changes; nil: they are not recorded
	Prunings fleet.Prunings   // tells how large the database is; nil: nobody knows
	Pages    *http.ServeMux   // for people; they get what no route takes; nil: there are none

	// Ready tells what the daemon depends on and how that is; nil: nothing. It gets five
	// seconds.
	Ready func(ctx context.Context) []Check

	// WaitingFor tells what a task waits for; empty: nothing. Nil: what its stages say.
	WaitingFor func(ctx context.Context, t fleet.Task, stages []fleet.Stage) string

	MaxStreams int             // event streams served at once; 0: 1,000
	Stopping   <-chan struct{} // closed when the daemon stops: streams end then; nil: they never do by themselves

	PageSize       int    // rows a page where the client does not say; 0: 50
	MaxPageSize    int    // largest page a client may ask for; 0: 20,000
	MaxJobPageSize int    // the same of the job inspection routes; 0: 200
	Version        string // of the daemon, for the document and /healthz
	Logger         *slog.Logger

	// Loopback says that the daemon can be reached from its own machine only. Where
	// something needs no login, requests that name another host are refused then, so that no
	// web page reaches the API through a browser by a name that resolves to this machine.
	Loopback bool

	// Origins are sites (https://host) whose pages may use the API from a browser, besides its own.
	Origins []string

	ScheduleControl fleet.ScheduleControl // what people do with schedules
}

// api is the state of a running API. It does not change after New, but for what watches hold.
type api struct {
	Options
	mux      *http.ServeMux
	document *huma.OpenAPI
	literal  map[string][]string // methods of the paths without parameters
	rare     auth.Rarely         // what is not recorded every time
	watches  *watches
}

// New makes the API.
func New(o Options) http.Handler {
	if o.PageSize <= 0 {
		o.PageSize = 50
	}
	if o.MaxPageSize <= 0 {
		o.MaxPageSize = 20_000
	}
	if o.MaxJobPageSize <= 0 {
		o.MaxJobPageSize = 200
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 1000
	}
	if o.WaitingFor == nil {
		o.WaitingFor = func(_ context.Context, t fleet.Task, stages []fleet.Stage) string { return fleet.WaitingFor(t, stages) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{Options: o, mux: http.NewServeMux(), document: newDocument(o.Version), literal: map[string][]string{}}
	a.watches = &watches{tasks: o.Tasks, all: map[fleet.TaskID]*watch{}}
	for _, rt := range a.routes() {
		a.register(rt)
	}
	a.registerDocs()
	return a.guard(http.HandlerFunc(a.dispatch))
}
