// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// PulpServer is a server as the API shows it (legacy section 3.4).
type PulpServer struct {
	ID                     int64   `json:"id" doc:"Id, as used in paths."`
	Name                   string  `json:"name" doc:"Name, which is also its network address."`
	Username               string  `json:"username" doc:"Account on Pulp."`
	CredentialMount        *string `json:"vault_service_account_mount" doc:"Vault mount of the account."`
	Health                 *string `json:"repo_sync_health_rollup" doc:"Worst health of its repositories; null: not known."`
	HealthDate             moment  `json:"repo_sync_health_rollup_date"`
	SnapshotSupported      bool    `json:"snapshot_supported" doc:"Whether snapshots are made there."`
	MaxConcurrentSnapshots *int    `json:"max_concurrent_snapshots" doc:"How many snapshots are made at a time; null: not said."`
	RegistrationSchedule   *string `json:"repo_config_registration_schedule" doc:"Cron text; null: repositories are not registered on schedule."`
	RegistrationMaxRuntime *string `json:"repo_config_registration_max_runtime" doc:"Longest run time of the scheduled registration."`
	RegistrationRegexInc   *string `json:"repo_config_registration_regex_include" doc:"Pattern of the definitions that are registered; null: all."`
	RegistrationRegexExc   *string `json:"repo_config_registration_regex_exclude" doc:"Pattern of the definitions that are not; null: none."`
	DateCreated            moment  `json:"date_created"`
	DateLastUpdated        moment  `json:"date_last_updated"`
	Reachable              *bool   `json:"reachable" doc:"Whether it answered when it was looked at last; null: not looked at yet."`
	Workers                *int    `json:"online_workers" doc:"Pulp workers online then; null: not known."`
	TasksWaiting           *int    `json:"pulp_tasks_waiting" doc:"Pulp tasks that waited then; null: not known."`
}

// serverList is what servers can be filtered and sorted by.
var serverList = &listing{fields: append([]listField{
	{name: "id", kind: numberValue, doc: "id of the server"},
	{name: "name", doc: "name of the server"},
	{name: "username", doc: "account on Pulp"},
	{name: "vault_service_account_mount", doc: "Vault mount of the account"},
	{name: "repo_sync_health_rollup", kind: choiceValue, values: texts(fleet.Healths), doc: "worst health of its repositories"},
	{name: "repo_sync_health_rollup_date", kind: momentValue, doc: "when that health was found"},
	{name: "snapshot_supported", kind: boolValue, doc: "whether snapshots are made there"},
	{name: "max_concurrent_snapshots", kind: numberValue, doc: "how many snapshots are made at a time"},
	{name: "repo_config_registration_schedule", doc: "when repositories are registered"},
	{name: "repo_config_registration_max_runtime", doc: "longest run time of that"},
	{name: "repo_config_registration_regex_include", doc: "pattern of what is registered"},
	{name: "repo_config_registration_regex_exclude", doc: "pattern of what is not"},
	{name: "reachable", kind: boolValue, doc: "whether it answered when it was looked at last"},
	{name: "online_workers", kind: numberValue, doc: "Pulp workers online then"},
	{name: "pulp_tasks_waiting", kind: numberValue, doc: "Pulp tasks that waited then"},
	{name: "date_created", kind: momentValue, doc: "when it came"},
	{name: "date_last_updated", kind: momentValue, doc: "when it was changed"},
}, sortable("repo_sync_health_rollup_id")...)}

func (a *api) listServers(ctx context.Context, r *request) (any, error) {
	page, err := a.Servers.FindServers(ctx, r.query)
	if err != nil {
		return nil, err
	}
	states, err := a.serverStates(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, func(s fleet.Server) (PulpServer, error) {
		shown, err := showServer(s)
		shown.addState(states[s.ID])
		return shown, err
	})
}

func (a *api) listHealths(context.Context, *request) (any, error) { return texts(fleet.Healths), nil }

func (a *api) getServer(ctx context.Context, r *request) (any, error) {
	server, err := a.server(ctx, r)
	if err != nil {
		return nil, err
	}
	states, err := a.serverStates(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := showServer(server)
	shown.addState(states[server.ID])
	return shown, err
}

// server gives the server that the path names. One that was removed from the
// configuration is not found.
func (a *api) server(ctx context.Context, r *request) (fleet.Server, error) {
	id, err := r.id("id")
	if err != nil {
		return fleet.Server{}, err
	}
	server, err := a.Servers.Server(ctx, fleet.ServerID(id))
	exchangeOf(ctx).entry.Server = server.ID
	if err == nil && !server.Removed.IsZero() {
		return fleet.Server{}, fault.New(fault.NotFound, "server %s was removed from the configuration", server.Name)
	}
	return server, err
}

// showServer makes the JSON of a server.
func showServer(s fleet.Server) (PulpServer, error) {
	shown := PulpServer{
		ID: int64(s.ID), Name: string(s.Name), Username: s.Username, CredentialMount: textOrNull(s.CredentialMount),
		Health: textOrNull(string(s.Health)), HealthDate: moment(s.HealthDate), SnapshotSupported: s.SnapshotSupported,
		DateCreated: moment(s.Created), DateLastUpdated: moment(s.Updated),
	}
	if s.MaxConcurrentSnapshots > 0 {
		shown.MaxConcurrentSnapshots = &s.MaxConcurrentSnapshots
	}
	if reg := s.Registration; reg != nil {
		shown.RegistrationSchedule, shown.RegistrationMaxRuntime = textOrNull(reg.Schedule), textOrNull(reg.MaxRuntime)
		shown.RegistrationRegexInc, shown.RegistrationRegexExc = textOrNull(reg.Include), textOrNull(reg.Exclude)
	}
	return shown, nil
}

// textOrNull gives null for no text.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// texts gives values as plain texts.
func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// exampleMoment is a date in the document's examples.
var exampleMoment = moment(time.Date(2026, 11, 23, 9, 14, 46, 0, time.UTC))

// exampleServer is a server in the document.
var exampleServer = PulpServer{
	ID: 1, Name: "pulp1.example.com", Username: "admin", CredentialMount: textOrNull("service-accounts"), Health: textOrNull("green"),
	HealthDate: exampleMoment, SnapshotSupported: true, RegistrationSchedule: textOrNull("0 3 * * *"), RegistrationMaxRuntime: textOrNull("1h"),
	DateCreated: exampleMoment, DateLastUpdated: exampleMoment, Reachable: new(true), Workers: new(2), TasksWaiting: new(0),
}
