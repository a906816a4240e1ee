// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// repositoryTaskList is what the tasks of one repository can be filtered and sorted by (legacy section 3.4). That
// they can also be sorted by the server and the repository, which are the same for all, is the original's.
var repositoryTaskList = &listing{fields: slices.DeleteFunc(slices.Clone(taskList.fields), func(f listField) bool {
	return f.name == "pulp_server_repo_id"
})}

// repositoryTaskRoute lists the tasks of a server's repository.
func (a *api) repositoryTaskRoute() route {
	return route{
		method: http.MethodGet, path: "/v1/pulp_servers/{id}/repos/{repo_id}/tasks", id: "list-server-repo-tasks", tag: tagServers, access: readers, handle: a.listRepositoryTasks,
		summary: "List a repository's tasks", description: "The recorded runs of jobs that are about one repository of a server. " + aboutRepositoryID,
		list: repositoryTaskList, example: examplePage(exampleTask), errors: []int{http.StatusNotFound},
	}
}

func (a *api) listRepositoryTasks(ctx context.Context, r *request) (any, error) {
	server, err := r.id("id")
	if err != nil {
		return nil, err
	}
	name, err := r.id("repo_id")
	if err != nil {
		return nil, err
	}
	repository, err := a.Repositories.Repository(ctx, fleet.ServerID(server), fleet.NameID(name))
	if err != nil {
		return nil, err
	}
	r.query.Filters = append(r.query.Filters, fleet.Filter{Field: "pulp_server_repo_id", Op: fleet.Equal, Value: int64(repository.ID)})
	page, err := a.Tasks.FindTasks(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showTask)
}
