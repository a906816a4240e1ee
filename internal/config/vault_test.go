// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The Python version's examples have [vault] role, which it did not read: an upgrade is told so, and stays with its agent.
func TestVaultLogin(t *testing.T) {
	const at = "[vault]\nvault_addr = https://vault.example.com\n"
	for _, c := range []struct {
		text string
		want []string
	}{
		{"[vault]\n", nil},
		{at, nil},
		{at + "auth_method = agent\n", nil},
		{at + "role = pulp\n", []string{"config.ini:3: warning: [vault] role has no effect with auth_method agent (remove it, or set the auth_method that it is for)"}},
		{at + "auth_method = token\ntoken = env:VAULT_TOKEN\nnamespace = team\n", nil},
		{at + "auth_method = approle\nauth_mount = pulp\nrole_id = 1\nsecret_id = file:/run/secret\nsecret_id_wrapped = true\n", nil},
		{at + "auth_method = kubernetes\nrole = pulp\n", nil},
		{at + "auth_method = token\n", []string{"config.ini:3: [vault] auth_method is token, but there is no token (add it)"}},
		{at + "auth_method = approle\nrole_id =\n", []string{
			"config.ini:3: [vault] auth_method is approle, but there is no role_id (add it)",
			"config.ini:3: [vault] auth_method is approle, but there is no secret_id (add it)",
		}},
		{"[vault]\nauth_method = kubernetes\nrole = pulp\n", []string{"config.ini:2: [vault] auth_method is kubernetes, but there is no vault_addr (add it)"}},
		{at + "auth_method = ldap\n", []string{`config.ini:3: [vault] auth_method is "ldap", not one of agent, token, approle, kubernetes`}},
		{at + "auth_method = token\ntoken = hvs.hunter2\n", []string{
			"config.ini:4: [vault] token: is not a reference; a secret itself must not stand here (name where the secret is kept: env:NAME, file:/path or vault:MOUNT/PATH#FIELD)",
			"config.ini:3: [vault] auth_method is token, but there is no token (add it)",
		}},
		{at + "auth_method = approle\nrole_id = 1\nsecret_id = vault:kv/a#b\n", []string{
			"config.ini:5: [vault] secret_id cannot be in Vault: it is needed to log in there; write env:NAME or file:/path",
			"config.ini:3: [vault] auth_method is approle, but there is no secret_id (add it)",
		}},
		{at + "auth_method = token\ntoken = env:T\nrole_id = 1\n", []string{"config.ini:5: warning: [vault] role_id has no effect with auth_method token (remove it, or set the auth_method that it is for)"}},
		{at + "ca_file = /nonexistent/ca.pem\n", []string{
			"config.ini:3: [vault] ca_file: file /nonexistent/ca.pem with root certificates cannot be read: no such file or directory (correct the path, or let the user that pulp-manager runs as read it)",
		}},
	} {
		r := &report{file: "config.ini"}
		_, _ = readSettings(parseINI(c.text, r), r)
		var got []string
		for _, p := range r.problems {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
		if strings.Contains(strings.Join(got, ""), "hunter2") {
			t.Errorf("a secret is shown: %v", got)
		}
	}
}
