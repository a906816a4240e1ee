// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// Server is a Pulp server of the fleet.
type Server struct {
	ID                     int64   `json:"id"`
	Name                   string  `json:"name"`
	Username               string  `json:"username"`
	CredentialMount        *string `json:"vault_service_account_mount"`
	Health                 *string `json:"repo_sync_health_rollup"` // nil: not known
	HealthDate             Time    `json:"repo_sync_health_rollup_date"`
	SnapshotSupported      bool    `json:"snapshot_supported"`
	MaxConcurrentSnapshots *int    `json:"max_concurrent_snapshots"`
	RegistrationSchedule   *string `json:"repo_config_registration_schedule"`
	RegistrationMaxRuntime *string `json:"repo_config_registration_max_runtime"`
	RegistrationInclude    *string `json:"repo_config_registration_regex_include"`
	RegistrationExclude    *string `json:"repo_config_registration_regex_exclude"`
	DateCreated            Time    `json:"date_created"`
	DateLastUpdated        Time    `json:"date_last_updated"`
	Reachable              *bool   `json:"reachable"` // nil: not looked at yet
	Workers                *int    `json:"online_workers"`
	TasksWaiting           *int    `json:"pulp_tasks_waiting"`
}

// Repository is a repository on a server.
type Repository struct {
	ID               int64   `json:"id"`
	Name             string  `json:"name"`
	Type             string  `json:"repo_type"`
	ServerID         int64   `json:"pulp_server_id"`
	NameID           int64   `json:"repo_id"` // of its name over all servers, as paths have it
	Href             string  `json:"repo_href"`
	RemoteHref       *string `json:"remote_href"`
	RemoteFeed       *string `json:"remote_feed"`
	DistributionHref *string `json:"distribution_href"`
	Health           *string `json:"repo_sync_health"` // nil: it has none
	HealthDate       Time    `json:"repo_sync_health_date"`
	DateCreated      Time    `json:"date_created"`
	DateLastUpdated  Time    `json:"date_last_updated"`

	LatestVersion     *string  `json:"latest_version"`
	ServedVersion     *string  `json:"served_version"` // nil: nothing is served, or not known
	ServedPublication *string  `json:"served_publication"`
	BasePath          *string  `json:"base_path"` // nil: it has no distribution
	Packages          *int     `json:"packages"`  // nil: not counted
	Managed           bool     `json:"managed"`   // it carries our label
	Drift             []string `json:"drift"`     // what is not as we set it, or as it is wanted
	DriftDate         Time     `json:"drift_date"`
}

// RepositoryGroup is a group of repositories that a server syncs.
type RepositoryGroup struct {
	ServerID           int64   `json:"pulp_server_id"`
	GroupID            int64   `json:"repo_group_id"`
	Name               string  `json:"name"`
	Schedule           *string `json:"schedule"`
	MaxConcurrentSyncs *string `json:"max_concurrent_syncs"` // a number as text
	MaxRuntime         *string `json:"max_runtime"`
	DateCreated        Time    `json:"date_created"`
	DateLastUpdated    Time    `json:"date_last_updated"`
}

// Servers gives one page of the servers. The query is the API's: page, page_size, sort_by,
// order_by and filters; All gives all pages.
func (c *Client) Servers(ctx context.Context, query url.Values) (Page[Server], error) {
	return get[Page[Server]](ctx, c, "/v1/pulp_servers/", query)
}

// Server gives one server.
func (c *Client) Server(ctx context.Context, id int64) (Server, error) {
	return get[Server](ctx, c, serverPath(id), nil)
}

// Repositories gives one page of a server's repositories.
func (c *Client) Repositories(ctx context.Context, server int64, query url.Values) (Page[Repository], error) {
	return get[Page[Repository]](ctx, c, serverPath(server)+"/repos", query)
}

// ServerRepository is a repository with the name of its server.
type ServerRepository struct {
	Repository
	ServerName string `json:"pulp_server_name"`
}

// AllRepositories gives the repositories of all servers that the query's filters keep. Where the daemon has no list of
// them, each server is asked.
func (c *Client) AllRepositories(ctx context.Context, query url.Values) ([]ServerRepository, error) {
	find := func(ctx context.Context, q url.Values) (Page[ServerRepository], error) {
		return get[Page[ServerRepository]](ctx, c, "/v1/repos/", q)
	}
	all, err := All(ctx, find, query)
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusNotFound {
		return all, err
	}
	servers, err := All(ctx, c.Servers, nil)
	if err != nil {
		return nil, err
	}
	all = nil
	for _, server := range servers {
		of := func(ctx context.Context, q url.Values) (Page[Repository], error) {
			return c.Repositories(ctx, server.ID, q)
		}
		err := every(ctx, of, query, func(r Repository) { all = append(all, ServerRepository{r, server.Name}) })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// RepositoryGroups gives one page of a server's groups.
func (c *Client) RepositoryGroups(ctx context.Context, server int64, query url.Values) (Page[RepositoryGroup], error) {
	return get[Page[RepositoryGroup]](ctx, c, serverPath(server)+"/repo_groups", query)
}

// Ask asks for a job on a server, by the last part of its path such as sync_repos. It
// gives the queued task.
func (c *Client) Ask(ctx context.Context, server int64, path string, body any) (Task, error) {
	var task Task
	err := c.do(ctx, http.MethodPost, serverPath(server)+"/"+path, nil, body, &task)
	return task, err
}

func serverPath(id int64) string { return "/v1/pulp_servers/" + strconv.FormatInt(id, 10) }

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var value T
	err := c.do(ctx, http.MethodGet, path, query, nil, &value)
	return value, err
}
