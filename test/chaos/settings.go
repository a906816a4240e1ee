// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// requestLimit is the daemon's request_timeout in seconds: short, so that what is believed only after it does not take the whole run.
const requestLimit = 4

// configure writes config.ini, pulp_config.yml and a definition for each repository.
func (f *simulatedFleet) configure(dir string) error {
	definitions := filepath.Join(dir, "definitions")
	if err := os.MkdirAll(filepath.Join(definitions, "remote"), 0o700); err != nil {
		return err
	}
	for _, r := range f.upstream.repositories {
		text, err := json.Marshal(f.upstream.definition(r))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(definitions, "remote", r.feed+".json"), text, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "config.ini"), fmt.Appendf(nil, ini, definitions, requestLimit), 0o600), f.schedule(dir, true))
}

// definition describes a repository as a user would.
func (u *upstream) definition(r repository) map[string]any {
	definition := map[string]any{
		"name": r.feed, "content_repo_type": r.kind, "description": "of the chaos suite", "owner": "chaos", "base_url": "chaos",
		"url": u.of(r).URL(u.base),
	}
	switch r.kind {
	case "deb":
		definition["releases"], definition["components"], definition["architectures"] = "stable", "main", "amd64"
	case "python":
		definition["includes"] = "*"
	case "container":
		definition["upstream_name"] = r.feed
	}
	return definition
}

// schedule writes pulp_config.yml: everything once a minute, or never.
func (f *simulatedFleet) schedule(dir string, scheduled bool) error {
	when, registration := "", ""
	if scheduled {
		when = ", schedule: '* * * * *'"
		registration = "    repo_config_registration: {schedule: '* * * * *', max_runtime: 10m}\n"
	}
	var b strings.Builder
	b.WriteString("pulp_servers:\n")
	for i, s := range f.servers {
		fmt.Fprintf(&b, "  %q:\n    credentials: local\n", name(s))
		source := ""
		if primary := f.source(i); primary != nil {
			source = fmt.Sprintf(", pulp_primary: %q", name(primary))
		} else {
			b.WriteString("    snapshot_support: {max_concurrent_snapshots: 4}\n" + registration)
		}
		fmt.Fprintf(&b, "    repo_groups: {external: {max_concurrent_syncs: 6, max_runtime: 10m%s%s}}\n", when, source)
	}
	b.WriteString("credentials:\n  local: {username: admin, vault_service_account_mount: local}\nrepo_groups:\n  external: {regex_include: ^ext-}\n")
	part := filepath.Join(dir, "pulp_config.part")
	if err := os.WriteFile(part, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, "pulp_config.yml"))
}

const ini = `[pulp]
password = password
deb_signing_service = deb-release
local_repo_config_dir = %s
use_https_for_sync = false
max_concurrent_syncs_per_server = 6
max_concurrent_syncs_per_upstream = 200
request_timeout = %d

[auth]
method = none
`
