// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// PulpServerRepo is a repository on a server as the API shows it (legacy section 3.4).
type PulpServerRepo struct {
	ID               int64   `json:"id" doc:"Id of this repository on this server."`
	Name             string  `json:"name" doc:"Its name, the same on every server."`
	Type             string  `json:"repo_type" doc:"What it holds: deb, rpm, file, python or container." example:"deb"`
	Server           int64   `json:"pulp_server_id" doc:"Id of its server."`
	NameID           int64   `json:"repo_id" doc:"Id of the repository's name over all servers, as used in paths."`
	Href             string  `json:"repo_href" doc:"Its address on Pulp."`
	RemoteHref       *string `json:"remote_href" doc:"Address of its remote on Pulp; null: it has none."`
	RemoteFeed       *string `json:"remote_feed" doc:"Where it is synced from; null: nowhere."`
	DistributionHref *string `json:"distribution_href" doc:"Address of its distribution on Pulp; null: it has none."`
	Health           *string `json:"repo_sync_health" doc:"Null: it is not meant to sync, or was never synced."`
	HealthDate       moment  `json:"repo_sync_health_date"`
	DateCreated      moment  `json:"date_created"`
	DateLastUpdated  moment  `json:"date_last_updated"`

	LatestVersion     *string    `json:"latest_version" doc:"Address of its newest version on Pulp. The original does not give this and what follows."`
	ServedVersion     *string    `json:"served_version" doc:"Address of the version that its distribution serves; null: none, or not known."`
	ServedPublication *string    `json:"served_publication" doc:"Address of the publication that is served; null: none."`
	BasePath          *string    `json:"base_path" doc:"Base path of its distribution; null: it has none."`
	Packages          *int       `json:"packages" doc:"Packages in the version served, else in the newest one, when last looked at; null: not counted."`
	Managed           bool       `json:"managed" doc:"It carries the label of pulp-manager."`
	Drift             []string   `json:"drift" nullable:"false" doc:"What somebody else changed since pulp-manager last set it, that nothing wants it any more, or what would change if it were adopted. Empty: nothing."`
	DriftDate         *time.Time `json:"drift_date" doc:"When that was first seen; with a zone."`
}

// repositoryList is what repositories can be filtered and sorted by, on one server or on all.
var repositoryList = &listing{fields: append([]listField{
	{name: "id", kind: numberValue, doc: "id of the repository on its server"},
	{name: "name", doc: "name of the repository"},
	{name: "repo_type", doc: "its type, such as deb"},
	{name: "repo_id", kind: numberValue, doc: "id of its name over all servers"},
	{name: "repo_href", doc: "its address on Pulp"},
	{name: "remote_href", doc: "its remote's address on Pulp"},
	{name: "remote_feed", doc: "where it is synced from"},
	{name: "distribution_href", doc: "its distribution's address on Pulp"},
	{name: "repo_sync_health", kind: choiceValue, values: texts(fleet.Healths), doc: "its health"},
	{name: "repo_sync_health_date", kind: momentValue, doc: "when that health was found"},
	{name: "date_created", kind: momentValue, doc: "when it was first seen"},
	{name: "date_last_updated", kind: momentValue, doc: "when it was changed"},

	{name: "latest_version", doc: "address of its newest version"},
	{name: "served_version", doc: "address of the version that is served"},
	{name: "served_publication", doc: "address of the publication that is served"},
	{name: "base_path", doc: "base path of its distribution"},
	{name: "packages", kind: numberValue, doc: "number of its packages"},
	{name: "managed", kind: boolValue, doc: "whether it carries the label of pulp-manager"},
	{name: "drifted", kind: boolValue, doc: "whether there is anything under drift"},
	{name: "drift_date", kind: momentValue, doc: "since when"},
	{name: "unwanted", kind: boolValue, doc: "whether nothing wants it any more"},
	{name: "last_attempt", kind: momentValue, doc: "when its newest sync ended"},
	{name: "last_attempt_state", kind: choiceValue, values: texts(fleet.TaskStates), doc: "how that ended"},
	{name: "last_success", kind: momentValue, doc: "when its newest successful sync ended"},

	{name: "pulp_server_id", kind: numberValue, doc: "id of the server it is on"},
	{name: "pulp_server_name", doc: "name of the server it is on"},
}, sortable("repo_sync_health_id")...)}

func (a *api) listRepositories(ctx context.Context, r *request) (any, error) {
	server, err := r.id("id")
	if err != nil {
		return nil, err
	}
	page, err := a.Repositories.FindRepositories(ctx, fleet.ServerID(server), r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showRepository)
}

func (a *api) getRepository(ctx context.Context, r *request) (any, error) {
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
	return showRepository(repository)
}

// showRepository makes the JSON of a repository.
func showRepository(r fleet.Repository) (PulpServerRepo, error) {
	shown := PulpServerRepo{
		ID: int64(r.ID), Name: r.Name, Type: string(r.Type), Server: int64(r.Server), NameID: int64(r.NameID), Href: r.Href,
		RemoteHref: textOrNull(r.RemoteHref), RemoteFeed: textOrNull(r.RemoteFeed), DistributionHref: textOrNull(r.DistributionHref),
		Health: textOrNull(string(r.Health)), HealthDate: moment(r.HealthDate), DateCreated: moment(r.Created), DateLastUpdated: moment(r.Updated),

		LatestVersion: textOrNull(r.LatestVersion), ServedVersion: textOrNull(r.ServedVersion), ServedPublication: textOrNull(r.ServedPublication),
		BasePath: textOrNull(r.BasePath), Managed: r.Owned,
	}
	if r.PackagesVersion != "" {
		shown.Packages = &r.Packages
	}
	var since time.Time
	if shown.Drift, since = drift(r); !since.IsZero() {
		shown.DriftDate = &since
	}
	return shown, nil
}

// drift gives what of a repository is not as we set it or as it is wanted, and since when.
func drift(r fleet.Repository) ([]string, time.Time) {
	texts, since := append([]string{}, r.Drift...), r.DriftDate
	if !r.Unwanted.IsZero() {
		texts = append(texts, "neither a definition nor a mirrored server has it any more")
		if since.IsZero() || r.Unwanted.Before(since) {
			since = r.Unwanted
		}
	}
	for _, change := range r.Waiting {
		texts = append(texts, "waits to be adopted: "+change)
	}
	return texts, since
}

// exampleRepository is a repository in the document.
var exampleRepository = PulpServerRepo{
	ID: 23, Name: "ext-debian-12", Type: "deb", Server: 1, NameID: 12,
	Href:             "/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-d77eedcec249/",
	RemoteHref:       textOrNull("/pulp/api/v3/remotes/deb/apt/01a207af-d92d-7a31-987a-e3680014faad/"),
	RemoteFeed:       textOrNull("https://deb.example.com/debian/"),
	DistributionHref: textOrNull("/pulp/api/v3/distributions/deb/apt/01a207af-de96-70ed-8cfb-c9c20e2e69a9/"),
	Health:           textOrNull("green"), HealthDate: exampleMoment, DateCreated: exampleMoment, DateLastUpdated: exampleMoment,
	LatestVersion:     textOrNull("/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-d77eedcec249/versions/3/"),
	ServedVersion:     textOrNull("/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-d77eedcec249/versions/3/"),
	ServedPublication: textOrNull("/pulp/api/v3/publications/deb/apt/01a207b0-2f1c-7d43-9d34-0b6f1f6f2c11/"),
	BasePath:          textOrNull("debian/bookworm/ext-debian-12"), Packages: new(63000), Managed: true,
	Drift: []string{`url of its remote was changed from "https://deb.example.com/debian/" to "http://mirror.example.net/debian/"`}, DriftDate: new(time.Time(exampleMoment)),
}
