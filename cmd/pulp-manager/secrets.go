// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/vault"
)

const (
	// leaveVault is how long the client of Vault that other settings replace may take for what it still
	// does, and to log out.
	leaveVault = 10 * time.Second
	// vaultLogout is how long our logout may hold up a stop.
	vaultLogout = 3 * time.Second
)

// vaults holds the client of Vault by the settings in force. It lives as long as they do, so that
// Vault is logged in to once.
type vaults struct {
	mu       sync.Mutex
	client   *vault.Client
	settings config.Vault // of client
	ca       string
	leaving  sync.WaitGroup
	problem  error // of a client that has left
}

// get gives the client; Invalid where no Vault is configured, or not so that it can be used.
func (v *vaults) get(ctx context.Context, settings config.Settings) (*vault.Client, error) {
	if settings.Vault.Addr == "" {
		return nil, fault.New(fault.Invalid, "no Vault is configured").WithHint("set [vault] vault_addr in config.ini")
	}
	ca, err := settings.Vault.PEM(settings.CA)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.client != nil && v.settings == settings.Vault && v.ca == string(ca) {
		return v.client, nil
	}
	s := settings.Vault
	next, err := vault.New(vault.Config{
		Addr: s.Addr, Namespace: s.Namespace, SecretNamespace: s.SecretNamespace, CA: ca, Secrets: config.Secrets{},
		Login: vault.Login{
			Method: s.AuthMethod, Mount: s.AuthMount, Token: s.Token, RoleID: s.RoleID, Secret: s.SecretID, Wrapped: s.Wrapped,
			Role: s.Role, JWT: fleet.SecretRef("file:" + s.AccountFile),
		},
	})
	if err != nil {
		return nil, err
	}
	if old := v.client; old != nil {
		v.leaving.Go(func() {
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveVault)
			defer cancel()
			err := old.Close(limit)
			v.mu.Lock()
			defer v.mu.Unlock()
			v.problem = errors.Join(v.problem, err)
		})
	}
	v.client, v.settings, v.ca = next, settings.Vault, string(ca)
	return next, nil
}

// close logs out of Vault.
func (v *vaults) close(ctx context.Context) error {
	v.mu.Lock()
	client := v.client
	v.client = nil
	v.mu.Unlock()
	var err error
	if client != nil {
		err = client.Close(ctx)
	}
	v.leaving.Wait()
	return errors.Join(v.problem, err)
}

// Secret implements fleet.Secrets: from the environment, files, and Vault where the configuration in
// force has one.
func (d *daemon) Secret(ctx context.Context, ref fleet.SecretRef) (fleet.Secret, error) {
	secrets := config.Secrets{}
	settings := d.settings()
	if settings.Vault.Addr != "" {
		client, err := d.vaults.get(ctx, settings)
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
	client, err := d.vaults.get(ctx, d.settings())
	if err != nil {
		return fleet.Secret{}, fault.Wrap(fault.KindOf(err), err, "secret %s of a definition is in Vault: %s", source.Property, fault.Message(err)).
			WithHint("%s", fault.Hint(err))
	}
	return client.Source(ctx, source)
}
