// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Password is where a server's password is: behind a reference, or here.
type Password struct {
	Ref   fleet.SecretRef // empty: Value
	Value fleet.Secret
}

// PasswordOf says where the password of a server's account is (legacy sections 1.7 and 7): the
// server's own `password`; where the environment says Is_local, [pulp] password; else
// Vault's MOUNT/creds/USERNAME, field current_password. The error is Invalid: it is nowhere.
func PasswordOf(server fleet.Server, settings Settings) (Password, error) {
	switch {
	case server.Password != "":
		return Password{Ref: server.Password}, nil
	case settings.Local && settings.Pulp.PasswordRef != "":
		return Password{Ref: settings.Pulp.PasswordRef}, nil
	case settings.Local && !settings.Pulp.Password.Empty():
		return Password{Value: settings.Pulp.Password}, nil
	case settings.Local:
		return Password{}, fault.New(fault.Invalid, "no password: Is_local is true, but config.ini has no [pulp] password").
			WithHint("set [pulp] password, or give the server password: env:NAME")
	case server.CredentialMount != "":
		return Password{Ref: fleet.SecretRef("vault:" + server.CredentialMount + "/creds/" + server.Username + "#current_password")}, nil
	}
	return Password{}, fault.New(fault.Invalid, "no password: its credentials have no vault_service_account_mount").
		WithHint("add vault_service_account_mount to the credentials, or give the server password: env:NAME, file:/path or vault:MOUNT/PATH#FIELD")
}
