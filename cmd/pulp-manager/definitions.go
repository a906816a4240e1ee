// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/definition"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/git"
	"github.com/pulp/pulp-manager/internal/reconcile"
	"github.com/pulp/pulp-manager/internal/vault"
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

// Secret implements fleet.Secrets: from the environment, files, and Vault where the configuration in
// force has one.
func (d *daemon) Secret(ctx context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	secrets := config.Secrets{}
	if addr := d.settings().Vault.Addr; addr != "" {
		client, err := vault.New(vault.Config{Addr: addr})
		if err != nil {
			return fleet.Secret{}, err
		}
		secrets.Vault = client
	}
	return secrets.Secret(ctx, ref)
}

// definitionSecret finds a secret that a definition names.
func (d *daemon) definitionSecret(ctx context.Context, source fleet.SecretSource) (fleet.Secret, error) {
	if source.Ref != "" {
		return d.Secret(ctx, source.Ref)
	}
	settings := d.settings()
	if settings.Vault.Addr == "" {
		return fleet.Secret{}, fault.New(fault.Invalid, "secret %s of a definition is in Vault, but no Vault is configured", source.Property).
			WithHint("set [vault] vault_addr in config.ini")
	}
	client, err := vault.New(vault.Config{Addr: settings.Vault.Addr, Namespace: settings.Vault.SecretNamespace})
	if err != nil {
		return fleet.Secret{}, err
	}
	return client.Source(ctx, source)
}
