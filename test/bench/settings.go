// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// kinds are the types of the repositories, in turn, with their path in Pulp's API, their place below the upstream's address, and
// what the definition of one says besides.
var kinds = []struct {
	name, path, feed string
	definition       map[string]any // in a definition
	remote           map[string]any // in Pulp's remote
}{
	{
		"deb", "deb/apt", "/deb/",
		map[string]any{"releases": suite, "components": "main", "architectures": "amd64"},
		map[string]any{"distributions": suite, "components": "main", "architectures": "amd64"},
	},
	{"rpm", "rpm/rpm", "/rpm/", nil, nil},
	{"file", "file/file", "/file/PULP_MANIFEST", nil, nil},
}

const suite = "bookworm-test"

// configure writes the daemon's configuration for one server, and definitions of so many repositories.
func configure(dir, server, upstream string, repositories int) error {
	definitions := filepath.Join(dir, "definitions")
	if err := os.RemoveAll(definitions); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(definitions, "remote"), 0o700); err != nil {
		return err
	}
	for i := range repositories {
		kind := kinds[i%len(kinds)]
		definition := map[string]any{
			"name": fmt.Sprintf("bench-%04d", i), "content_repo_type": kind.name, "description": "a repository", "owner": "bench",
			"base_url": "bench", "url": upstream + kind.feed,
		}
		for key, value := range kind.definition {
			definition[key] = value
		}
		text, err := json.Marshal(definition)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(definitions, "remote", fmt.Sprintf("bench-%04d.json", i)), text, 0o600); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "config.ini"), fmt.Appendf(nil, ini, definitions), 0o600),
		os.WriteFile(filepath.Join(dir, "pulp_config.yml"), fmt.Appendf(nil, yaml, server), 0o600))
}

// ini has room for the concurrency of each measurement: all repositories have the same upstream. Servers are not looked at from time
// to time, so that requests are those of the work alone.
const ini = `[pulp]
password = password
deb_signing_service = deb-release
local_repo_config_dir = %s
use_https_for_sync = false
max_concurrent_syncs_per_server = 8
max_concurrent_syncs_per_upstream = 8
probe_interval = 0

[auth]
method = none
`

const yaml = `pulp_servers:
  "%s":
    credentials: local
    repo_groups: {}
credentials:
  local: {username: admin, vault_service_account_mount: local}
repo_groups: {}
`
