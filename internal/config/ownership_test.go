// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

// The keys that say what is ours, and what becomes of what no definition names.
func TestOwnershipKeys(t *testing.T) {
	const text = `
pulp_servers:
  pulp1:
    credentials: c
    repo_groups: {}
    password: env:SECRET
    adopt: ADOPT
    repo_config_registration: {schedule: "0 * * * *", max_runtime: 1h, on_missing: MISSING, on_missing_cap: CAP}
credentials:
  c: {username: admin, vault_service_account_mount: m}
repo_groups: {}
`
	for _, test := range []struct{ adopt, missing, most, problem string }{
		{"true", "remove", "7", ""},
		{"false", "keep", "1", ""},
		{"yes please", "remove", "7", "adopt must be true or false"},
		{"true", "delete", "7", `on_missing must be keep or remove, not "delete"`},
		{"true", "remove", "0", "on_missing_cap must be a whole number from 1 to 1000"},
	} {
		r := &report{}
		c := readSyncConfig([]byte(strings.NewReplacer("ADOPT", test.adopt, "MISSING", test.missing, "CAP", test.most).Replace(text)), Settings{}, r)
		var problems []string
		for _, p := range r.problems {
			problems = append(problems, p.String())
		}
		if got := strings.Join(problems, "; "); (got == "") != (test.problem == "") || !strings.Contains(got, test.problem) {
			t.Errorf("%+v: %q", test, got)
		}
		if test.problem != "" || len(c.servers) != 1 {
			continue
		}
		s := c.servers[0].Server
		if s.Adopt != (test.adopt == "true") || s.Registration.OnMissing != test.missing || s.Registration.OnMissingCap < 1 {
			t.Errorf("%+v: %+v %+v", test, s, s.Registration)
		}
	}
}
