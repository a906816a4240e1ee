// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/http"
	"strconv"
)

// ContentUnit is a package, a file or the like in a repository.
type ContentUnit struct {
	Href         string `json:"pulp_href"`
	Package      string `json:"package,omitempty"` // name of a deb package, as Pulp has it
	Name         string `json:"name"`
	Version      string `json:"version,omitempty"` // as Pulp has it
	Architecture string `json:"architecture,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	PkgID        string `json:"pkgId,omitempty"`
	FullName     string `json:"full_name"` // name, full version, architecture
}

// ContentSearch is what is looked for; at least one must be given.
type ContentSearch struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// FindContent asks a server now what the newest version of a repository has. The repository is named by
// Repository.NameID.
func (c *Client) FindContent(ctx context.Context, server, repository int64, search ContentSearch) ([]ContentUnit, error) {
	var found []ContentUnit
	err := c.do(ctx, http.MethodPost, repositoryPath(server, repository)+"/find_package_content", nil, search, &found)
	return found, err
}

// AskRepository asks for a job on a repository, by the last part of its path such as remove_repo_content. It
// gives the queued task. The repository is named by Repository.NameID.
func (c *Client) AskRepository(ctx context.Context, server, repository int64, path string, body any) (Task, error) {
	var task Task
	err := c.do(ctx, http.MethodPost, repositoryPath(server, repository)+"/"+path, nil, body, &task)
	return task, err
}

func repositoryPath(server, repository int64) string {
	return serverPath(server) + "/repos/" + strconv.FormatInt(repository, 10)
}
