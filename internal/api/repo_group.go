// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"strconv"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// PulpServerRepoGroup is a group attached to a server as the API shows it (legacy
// section 3.4).
type PulpServerRepoGroup struct {
	Server             int64   `json:"pulp_server_id" doc:"Id of the server."`
	Group              int64   `json:"repo_group_id" doc:"Id of the group, as used in paths."`
	Name               string  `json:"name" doc:"Its name."`
	Schedule           *string `json:"schedule" doc:"Cron text; null: synced by request only."`
	MaxConcurrentSyncs *string `json:"max_concurrent_syncs" doc:"A number, as text."` // D44, kept
	MaxRuntime         *string `json:"max_runtime" doc:"Longest run time of its sync."`
	DateCreated        moment  `json:"date_created"`
	DateLastUpdated    moment  `json:"date_last_updated"`
}

// groupList is what a server's groups can be filtered and sorted by.
var groupList = &listing{fields: []listField{
	{name: "pulp_server_id", kind: numberValue, doc: "id of the server"},
	{name: "repo_group_id", kind: numberValue, doc: "id of the group"},
	{name: "name", doc: "name of the group"},
	{name: "schedule", doc: "when it is synced"},
	{name: "max_concurrent_syncs", kind: numberValue, doc: "how many repositories are synced at a time"},
	{name: "max_runtime", doc: "longest run time"},
	{name: "date_created", kind: momentValue, doc: "when it came"},
	{name: "date_last_updated", kind: momentValue, doc: "when it was changed"},
}}

func (a *api) listGroups(ctx context.Context, r *request) (any, error) {
	server, err := r.id("id")
	if err != nil {
		return nil, err
	}
	page, err := a.Servers.FindServerGroups(ctx, fleet.ServerID(server), r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showGroup)
}

func (a *api) getGroup(ctx context.Context, r *request) (any, error) {
	server, err := r.id("id")
	if err != nil {
		return nil, err
	}
	group, err := r.id("repo_group_id")
	if err != nil {
		return nil, err
	}
	found, err := a.Servers.ServerGroup(ctx, fleet.ServerID(server), fleet.GroupID(group))
	if err != nil {
		return nil, err
	}
	return showGroup(found)
}

// showGroup makes the JSON of a server's group.
func showGroup(g fleet.ServerGroup) (PulpServerRepoGroup, error) {
	shown := PulpServerRepoGroup{
		Server: int64(g.Server), Group: int64(g.Group.ID), Name: g.Group.Name, Schedule: textOrNull(g.Schedule),
		MaxRuntime: textOrNull(g.MaxRuntime), DateCreated: moment(g.Created), DateLastUpdated: moment(g.Updated),
	}
	if g.MaxConcurrentSyncs > 0 {
		shown.MaxConcurrentSyncs = textOrNull(strconv.Itoa(g.MaxConcurrentSyncs))
	}
	return shown, nil
}

// exampleGroup is a group in the document.
var exampleGroup = PulpServerRepoGroup{
	Server: 1, Group: 2, Name: "external_repos", Schedule: textOrNull("0 3 * * *"), MaxConcurrentSyncs: textOrNull("2"),
	MaxRuntime: textOrNull("1h"), DateCreated: exampleMoment, DateLastUpdated: exampleMoment,
}
