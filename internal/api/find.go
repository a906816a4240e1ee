// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// Find asks a server live for units of one of its repositories. Invalid is about the search; NotFound says that the
// server lacks the repository by now; Unavailable that the server could not be asked.
type Find func(ctx context.Context, server fleet.Server, repository fleet.Repository, s inventory.Search) ([]inventory.Found, error)

// findLimit is how long a search may take.
const findLimit = 30 * time.Second

// ContentSearch is what is looked for; legacy section 3.4.
type ContentSearch struct {
	Name    string `json:"name,omitempty" maxLength:"1024" doc:"Name of a package or a tag, path of a file." example:"hello"`
	Version string `json:"version,omitempty" maxLength:"256" doc:"Version as Pulp has it; with a name or hash also the full one, such as 1:2.0-3."`
	SHA256  string `json:"sha256,omitempty" maxLength:"71" doc:"Hash of its file; of a tag: digest of the image that it names. Images without a tag are not found."`
}

// document says that one of the three must be given.
func (ContentSearch) document(s *huma.Schema) {
	for _, name := range []string{"name", "version", "sha256"} {
		given, least := &huma.Schema{}, 1
		given.MinLength = &least
		setTypes(given, huma.TypeNumber, huma.TypeString)
		s.AnyOf = append(s.AnyOf, &huma.Schema{Required: []string{name}, Properties: map[string]*huma.Schema{name: given}})
	}
}

// ContentUnit is a unit that was found, with the original's fields and the same few for every type (legacy section 6.8).
type ContentUnit struct {
	Href         string `json:"pulp_href" doc:"Its address on Pulp, by which it is removed."`
	Package      string `json:"package,omitempty" doc:"Name, of deb packages: as Pulp has it."`
	Name         string `json:"name" doc:"Its name; of files: their path."`
	Version      string `json:"version,omitempty" doc:"Version as Pulp has it: of rpm packages without epoch and release."`
	Architecture string `json:"architecture,omitempty" doc:"What it is built for."`
	SHA256       string `json:"sha256,omitempty" doc:"Hash of its file."`
	PkgID        string `json:"pkgId,omitempty" doc:"Checksum, of rpm packages: as Pulp has it."`
	FullName     string `json:"full_name" doc:"Name, full version and architecture, as the type's tools write them."`
}

func (a *api) findContent(ctx context.Context, r *request) (any, error) {
	search, _ := r.body.(ContentSearch)
	if search == (ContentSearch{}) {
		return nil, invalid(FieldProblem{"body", "needs name, version or sha256, and not an empty one"})
	}
	server, err := a.server(ctx, r)
	if err != nil {
		return nil, err
	}
	repository, err := a.present(ctx, r, server)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, findLimit)
	defer cancel()
	found, err := a.Find(limited, server, repository, inventory.Search(search))
	switch {
	case err == nil:
		return showFound(found), nil
	case fault.Is(err, fault.Unavailable) && ctx.Err() == nil:
		return nil, &answerError{status: http.StatusBadGateway, detail: fault.Message(err), hint: fault.Hint(err), err: err}
	}
	return nil, err
}

// aboutRepositoryID says which id a path has.
const aboutRepositoryID = "`repo_id` is the id of the repository's name over all servers: the field `repo_id` of its object, not `id`."

// present gives the repository that the path names, if the server had it when last seen.
func (a *api) present(ctx context.Context, r *request, server fleet.Server) (fleet.Repository, error) {
	name, err := r.id("repo_id")
	if err != nil {
		return fleet.Repository{}, err
	}
	repository, err := a.Repositories.Repository(ctx, server.ID, fleet.NameID(name))
	if err == nil && !repository.Missing.IsZero() {
		return repository, fault.New(fault.NotFound, "server %s has no repository %s any more", server.Name, repository.Name)
	}
	return repository, err
}

// showFound makes the JSON of what was found.
func showFound(found []inventory.Found) []ContentUnit {
	all := make([]ContentUnit, 0, len(found))
	for _, f := range found {
		field := func(name, otherwise string) string {
			if text, ok := f.Fields[name].(string); ok && text != "" {
				return text
			}
			return otherwise
		}
		all = append(all, ContentUnit{
			Href: f.Href, Package: field("package", ""), Name: field("name", f.Name), Version: field("version", f.Version),
			Architecture: f.Architecture, SHA256: f.SHA256, PkgID: field("pkgId", ""), FullName: f.FullName(),
		})
	}
	return all
}

// exampleContent is what a search finds, in the document.
var exampleContent = []ContentUnit{{
	Href: "/pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/", Package: "hello", Name: "hello", Version: "2.10-3", Architecture: "amd64",
	SHA256: "bc351988e9bcb401391d7b98b3a209afba9df7f23778330aaa20047f6fc9ac72", FullName: "hello 2.10-3 amd64",
}}
