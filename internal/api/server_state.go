// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// ServerState is how a server was when it was looked at last, and how the daemon gets on with it. The original has no such route.
type ServerState struct {
	Server        int64             `json:"pulp_server_id" doc:"Id of the server."`
	ServerName    string            `json:"pulp_server_name" doc:"Name of the server."`
	CheckedAt     *time.Time        `json:"checked_at" doc:"When it was looked at last; null: not yet, and nothing else is known."`
	Reachable     *bool             `json:"reachable" doc:"Whether it answered."`
	Since         *time.Time        `json:"since" doc:"Since when it does, or does not."`
	Problem       *string           `json:"problem" doc:"What is wrong with it, and what to do."`
	Workers       *int              `json:"online_workers" doc:"Pulp workers online, when it answered last. 0: Pulp tasks wait for one."`
	NoWorkerSince *time.Time        `json:"no_worker_since" doc:"Since when it has no Pulp worker online; null: it has some."`
	TasksWaiting  *int              `json:"pulp_tasks_waiting" doc:"Pulp tasks that wait, whoever asked for them."`
	TasksRunning  *int              `json:"pulp_tasks_running" doc:"Pulp tasks that run."`
	OldestWaiting *time.Time        `json:"oldest_waiting_since" doc:"Since when the Pulp task waits that waits longest; null: none does."`
	ResponseTime  *float64          `json:"response_seconds" doc:"How long its status took."`
	Storage       ServerStorage     `json:"storage" doc:"Its disk."`
	Versions      map[string]string `json:"versions" nullable:"false" doc:"Versions of Pulp and its plugins, by component."`
	Breaker       ServerBreaker     `json:"breaker" doc:"Whether requests to it are held back."`
	Syncs         int               `json:"syncs" doc:"Repositories that sync there now, over all processes."`
	Concurrency   *int              `json:"concurrency" doc:"How many may at a time now; null: none was to sync lately."`
}

// ServerStorage is a server's disk, in bytes.
type ServerStorage struct {
	Total *int64 `json:"total" doc:"Null: it does not tell, as on object storage."`
	Used  *int64 `json:"used" doc:"Bytes that are taken."`
	Free  *int64 `json:"free" doc:"Bytes that are free."`
}

// ServerBreaker tells whether requests to a server are held back.
type ServerBreaker struct {
	State   string     `json:"state" enum:"closed,half_open,open" doc:"closed: requests go out; open: they wait until it answers a probe; half_open: one goes out to see."`
	Since   *time.Time `json:"since" doc:"Since when it is not closed."`
	Why     *string    `json:"why" doc:"What the server said, or did not say."`
	Waiting int        `json:"waiting" doc:"Tasks, or parts of tasks, that wait for the server."`
}

func (a *api) getServerState(ctx context.Context, r *request) (any, error) {
	server, err := a.server(ctx, r)
	if err != nil {
		return nil, err
	}
	states, err := a.serverStates(ctx)
	return showServerState(server, states[server.ID]), err
}

// serverStates gives what is known of servers; nothing where nobody looks at them.
func (a *api) serverStates(ctx context.Context) (map[fleet.ServerID]fleet.ServerState, error) {
	if a.States == nil {
		return nil, nil
	}
	return a.States.ServerStates(ctx)
}

func showServerState(server fleet.Server, s fleet.ServerState) ServerState {
	shown := ServerState{
		Server: int64(server.ID), ServerName: string(server.Name), Versions: map[string]string{}, Syncs: s.Use.Syncs,
		Breaker: ServerBreaker{State: string(fleet.BreakerClosed), Since: timeOrNull(s.Use.Since), Why: textOrNull(s.Use.Why), Waiting: s.Use.Waiting},
	}
	if s.Use.Breaker != "" {
		shown.Breaker.State = string(s.Use.Breaker)
	}
	if s.Use.Concurrency > 0 {
		shown.Concurrency = &s.Use.Concurrency
	}
	if s.Checked.IsZero() {
		return shown
	}
	shown.CheckedAt, shown.Reachable, shown.Since, shown.Problem = timeOrNull(s.Checked), &s.Reachable, timeOrNull(s.Since), textOrNull(s.Problem)
	if s.Versions == nil { // it never answered
		return shown
	}
	shown.Versions, shown.Workers, shown.NoWorkerSince = s.Versions, &s.Workers, timeOrNull(s.NoWorkerSince)
	shown.TasksWaiting, shown.TasksRunning, shown.OldestWaiting = &s.TasksWaiting, &s.TasksRunning, timeOrNull(s.OldestWaiting)
	shown.ResponseTime = new(s.ResponseTime.Seconds())
	shown.Storage = ServerStorage{Total: s.StorageTotal, Used: s.StorageUsed, Free: s.StorageFree}
	return shown
}

// addState adds to a server what its state tells in short.
func (s *PulpServer) addState(state fleet.ServerState) {
	if state.Checked.IsZero() {
		return
	}
	s.Reachable = &state.Reachable
	if state.Versions != nil {
		s.Workers, s.TasksWaiting = &state.Workers, &state.TasksWaiting
	}
}

// exampleServerState is a state in the document.
var exampleServerState = showServerState(fleet.Server{ID: 1, Name: "pulp1.example.com"}, fleet.ServerState{
	Checked: time.Time(exampleMoment), Reachable: true, Since: time.Time(exampleMoment).Add(-time.Hour), Versions: map[string]string{"core": "3.123.1"}, Workers: 2,
	TasksWaiting: 1, TasksRunning: 2, OldestWaiting: time.Time(exampleMoment), ResponseTime: 15 * time.Millisecond,
	Use: fleet.ServerUse{Breaker: fleet.BreakerClosed, Syncs: 3, Concurrency: 4},
})
