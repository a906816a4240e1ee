// SPDX-License-Identifier: Apache-2.0

// Package removecontent takes one unit out of the newest version of a repository and serves what is left.
package removecontent

import (
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Request is what a person asks for (legacy section 3.4, remove_repo_content).
type Request struct {
	ContentHref  string `json:"content_href" maxLength:"1024" doc:"The unit's address on Pulp, as find_package_content gives it." example:"/pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/"`
	MaxRuntime   string `json:"max_runtime" doc:"Longest run time: seconds, or a number with d, h, m, s. -1 is unlimited." example:"1h"`
	ForcePublish *bool  `json:"force_publish,omitempty" doc:"Publish also where nothing has changed, where the newest version is not the served one yet, or where nothing is left."`
	DryRun       bool   `json:"dry_run,omitempty" default:"false" doc:"Only plan: tell in the task what would be changed, and change nothing."`
}

// Args are the task's arguments, as the original stores them (legacy section 5.5).
type Args struct {
	MaxRuntime   string `json:"max_runtime"`
	Server       string `json:"pulp_server_name"`
	Repository   string `json:"repo_name"`
	ContentHref  string `json:"content_href"`
	ForcePublish *bool  `json:"force_publish"`
	DryRun       bool   `json:"dry_run,omitempty"`
}

func (a Args) forced() bool { return a.ForcePublish != nil && *a.ForcePublish }

// ask is how a removal of content is asked for.
var ask = job.AskForRepository("remove_repo_content", "content remove", "content_href", "Remove a package from a repository",
	func(server fleet.Server, repository fleet.Repository, body Request) (fleet.NewTask, error) {
		return NewTask(server, repository, Args{MaxRuntime: body.MaxRuntime, ContentHref: body.ContentHref, ForcePublish: body.ForcePublish, DryRun: body.DryRun})
	})

// NewTask makes the task of a removal. Errors are Invalid: a run time that cannot be read, or a unit
// that no repository of this type can have.
func NewTask(server fleet.Server, repository fleet.Repository, a Args) (fleet.NewTask, error) {
	a.Server, a.Repository = string(server.Name), repository.Name
	limit, err := fleet.ParseRuntime(a.MaxRuntime)
	if err != nil {
		return fleet.NewTask{}, err
	}
	if a.ContentHref, err = unitHref(repository, a.ContentHref); err != nil {
		return fleet.NewTask{}, err
	}
	return fleet.NewTask{
		Name: job.TaskName("remove repo content "+a.Server, a.DryRun), Kind: fleet.KindRemoveRepoContent,
		Args: a, Server: server.ID, Repository: repository.ID, MaxRuntime: limit,
	}, nil
}

// unitHref checks that a href is one of a unit such as the repository's type has, and gives it as Pulp writes it.
func unitHref(repository fleet.Repository, href string) (string, error) {
	t, known := content.Find(repository.Type)
	if !known {
		return "", fault.New(fault.Invalid, "repository %s is of type %q, from which nothing can be removed", repository.Name, repository.Type)
	}
	href = strings.TrimSuffix(strings.TrimSpace(href), "/") + "/"
	id := pulp.Href(href).ID()
	if id == "" || !strings.HasPrefix(href, "/") || !strings.HasSuffix(href, "/content/"+t.Packages.Path+"/"+id+"/") {
		return "", fault.New(fault.Invalid, "content_href %q is no %s of a %s repository", href, t.Noun, t.Name).
			WithHint("it ends with /content/%s/ID/: find_package_content gives it as pulp_href", t.Packages.Path)
	}
	return href, nil
}
