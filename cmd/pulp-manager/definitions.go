// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/definition"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/git"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// definitions reads them from where the configuration in force says.
type definitions struct{ daemon *daemon }

// Definitions implements fleet.Definitions.
func (d definitions) Definitions(ctx context.Context) ([]fleet.Definition, []fleet.DefinitionProblem, error) {
	settings := d.daemon.settings()
	internal := reconcile.Rules{InternalDomains: settings.Pulp.InternalDomains}
	rules := definition.Rules{
		Types: content.Catalog{}, InternalPrefix: settings.Pulp.InternalPrefix, ExternalPrefix: settings.Pulp.ExternalPrefix,
		Internal: internal.Internal, Rename: settings.Pulp.Rename, SecretRef: settings.Pulp.DefinitionSecret,
	}
	var from fleet.Definitions = definition.None{}
	switch {
	case settings.Pulp.LocalDir != "":
		from = definition.Folder{Dir: settings.Pulp.LocalDir, Rules: rules}
	case settings.Pulp.Git.URL != "":
		ca, err := settings.CA.PEM()
		if err != nil {
			return nil, nil, err
		}
		g := settings.Pulp.Git
		source := git.Source{
			URL: g.URL, Dir: g.Dir, Branch: g.Branch, Username: g.Username, Password: g.Password,
			Secrets: d.daemon, CA: ca, Timeout: g.Timeout,
		}
		from = definition.Clone{Checkout: source.Checkout, Rules: rules}
	}
	return from.Definitions(ctx)
}
