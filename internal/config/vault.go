// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// methodAgent is the original's way to log in to Vault: an agent does it.
const methodAgent = "agent"

// vaultMethods are the ways to log in, with the keys that each needs and those it may have.
var vaultMethods = map[string]struct{ needs, may []string }{
	methodAgent:  {},
	"token":      {needs: []string{"token"}},
	"approle":    {needs: []string{"role_id", "secret_id"}, may: []string{"auth_mount", "secret_id_wrapped"}},
	"kubernetes": {needs: []string{"role"}, may: []string{"auth_mount", "service_account_token_file"}},
}

// vaultFields are the keys of [vault] that the original does not have.
func vaultFields() []field {
	own := func(at func(*Settings) *fleet.SecretRef) value { return outsideVault(reference(at)) }
	all := []field{
		{
			key: "namespace", value: text(func(s *Settings) *string { return &s.Vault.Namespace }),
			meaning: "Vault namespace of the login, of servers' passwords, and of references. Empty: none.",
		},
		{
			key: "ca_file", value: text(func(s *Settings) *string { return &s.Vault.CAFile }),
			meaning: "PEM file with certificates that Vault's is checked by, beside the system's. Empty: `[ca] root_ca_file_path`.",
		},
		{
			key: "auth_method", value: oneOf(func(s *Settings) *string { return &s.Vault.AuthMethod }, []string{methodAgent, "token", "approle", "kubernetes"}), fallback: methodAgent,
			meaning: "How to log in. `agent`: not at all, the agent at `vault_addr` does, as in the Python version. The others give a token, which is renewed, replaced when it ends, and revoked when pulp-manager stops, unless it was given by `token`.",
		},
		{
			key: "auth_mount", value: text(func(s *Settings) *string { return &s.Vault.AuthMount }),
			meaning: "Where the auth method is mounted in Vault, below `auth/`. Empty: under its name.",
		},
		{
			key: "token", value: own(func(s *Settings) *fleet.SecretRef { return &s.Vault.Token }),
			meaning: "For `token`: where the token is, `env:NAME` or `file:/path`. It is read anew when it has ended.",
		},
		{
			key: "role_id", value: text(func(s *Settings) *string { return &s.Vault.RoleID }),
			meaning: "For `approle`: the role's id.",
		},
		{
			key: "secret_id", value: own(func(s *Settings) *fleet.SecretRef { return &s.Vault.SecretID }),
			meaning: "For `approle`: where the secret id is, `env:NAME` or `file:/path`. It is read anew for each login.",
		},
		{
			key: "secret_id_wrapped", value: strictBool(func(s *Settings) *bool { return &s.Vault.Wrapped }), fallback: "false",
			meaning: "For `approle`: `true` says that what `secret_id` names is a token that wraps the secret id. It is unwrapped once.",
		},
		{
			key: "role", value: text(func(s *Settings) *string { return &s.Vault.Role }),
			meaning: "For `kubernetes`: the role in Vault. The Python version's examples have the key, but nothing read it.",
		},
		{
			key: "service_account_token_file", value: text(func(s *Settings) *string { return &s.Vault.AccountFile }), fallback: "/var/run/secrets/kubernetes.io/serviceaccount/token",
			meaning: "For `kubernetes`: file with the token of the service account.",
		},
	}
	for i := range all {
		all[i].section, all[i].added = "vault", all[i].key != "role"
	}
	return all
}

// outsideVault is a reference to what the login to Vault needs.
func outsideVault(v value) value {
	set := v.set
	v.kind = "reference env: or file:"
	v.set = func(s *Settings, text string) error {
		if strings.HasPrefix(text, "vault:") {
			return fmt.Errorf("cannot be in Vault: it is needed to log in there; write env:NAME or file:/path")
		}
		return set(s, text)
	}
	return v
}

// checkVault looks whether the login to Vault is whole.
func checkVault(s Settings, from origin, r *report) {
	if _, err := s.Vault.PEM(CA{}); err != nil {
		r.fault(from[id("vault", "ca_file")], "[vault] ca_file", err)
	}
	method, known := vaultMethods[s.Vault.AuthMethod]
	if !known {
		return // said already
	}
	values := map[string]string{}
	for _, f := range vaultFields() {
		values[f.key] = f.value.show(&s)
	}
	given := func(key string) bool { return from[id("vault", key)] > 0 && values[key] != "" }
	at := from[id("vault", "auth_method")]
	for _, key := range method.needs {
		if !given(key) {
			r.errorf(at, "add it", "[vault] auth_method is %s, but there is no %s", s.Vault.AuthMethod, key)
		}
	}
	if s.Vault.AuthMethod != methodAgent && s.Vault.Addr == "" {
		r.errorf(at, "add it", "[vault] auth_method is %s, but there is no vault_addr", s.Vault.AuthMethod)
	}
	for _, key := range []string{"auth_mount", "token", "role_id", "secret_id", "secret_id_wrapped", "role", "service_account_token_file"} {
		if given(key) && !slices.Contains(method.needs, key) && !slices.Contains(method.may, key) {
			r.warnf(from[id("vault", key)], "remove it, or set the auth_method that it is for",
				"%s has no effect with auth_method %s", id("vault", key), s.Vault.AuthMethod)
		}
	}
}

// PEM gives the certificates that Vault's is checked by; nil: the system's alone. Errors are Invalid.
func (v Vault) PEM(root CA) ([]byte, error) {
	if v.CAFile != "" {
		root = CA{RootFile: v.CAFile}
	}
	return root.PEM()
}
