// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// FleetRepo is a repository in the list over all servers. The original has no such list.
type FleetRepo struct {
	PulpServerRepo
	ServerName string `json:"pulp_server_name" doc:"Name of its server." example:"pulp1.example.com"`
}

func (a *api) listFleetRepositories(ctx context.Context, r *request) (any, error) {
	page, err := a.Repositories.FindRepositories(ctx, 0, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, func(r fleet.Repository) (FleetRepo, error) {
		shown, err := showRepository(r)
		return FleetRepo{PulpServerRepo: shown, ServerName: string(r.ServerName)}, err
	})
}

// exampleFleetRepo is a repository of the fleet in the document.
var exampleFleetRepo = FleetRepo{PulpServerRepo: exampleRepository, ServerName: "pulp1.example.com"}
