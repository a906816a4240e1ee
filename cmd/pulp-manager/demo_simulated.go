// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// simulatedTask is how long a Pulp task of a simulated server takes at least, so that there is something to see.
const simulatedTask = 100 * time.Millisecond

// simulation is two Pulp servers and an upstream in memory, and the configuration to use them.
type simulation struct {
	dir                string // with the configuration and the data; removed at the end
	primary, secondary string // names of the servers, which are their addresses
	stop               []func()
}

// simulate starts the servers on free ports of 127.0.0.1 and writes the configuration.
func simulate() (*simulation, error) {
	s := &simulation{}
	if err := s.start(); err != nil {
		s.close()
		return nil, fault.Wrap(fault.Internal, err, "the simulation does not start: %v", err)
	}
	return s, nil
}

func (s *simulation) start() (err error) {
	if s.dir, err = os.MkdirTemp("", "pulp-manager-demo-"); err != nil {
		return err
	}
	if s.primary, err = s.server(pulpfake.Options{Name: "primary", Seed: 1}); err != nil {
		return err
	}
	if s.secondary, err = s.server(pulpfake.Options{Name: "secondary", Seed: 2, NoSigning: true}); err != nil {
		return err
	}
	upstream := pulpfake.NewUpstream()
	base, stop, err := upstream.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	s.stop = append(s.stop, stop)
	return s.write(upstream, base)
}

// server starts a Pulp server and gives its name in the fleet.
func (s *simulation) server(o pulpfake.Options) (string, error) {
	o.TaskDuration = func(string, string) time.Duration { return simulatedTask }
	server := pulpfake.New(o)
	s.stop = append(s.stop, server.Close)
	base, err := server.Listen("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return base[len("http://"):], nil
}

// simulatedTrees are what the upstream serves, with what else their definitions say.
var simulatedTrees = []struct {
	spec    pulpfake.Spec
	options map[string]any
}{
	{pulpfake.Spec{
		Kind: pulpfake.DebTree, Suite: "bookworm-test", Components: []string{"main", "extra"}, Architectures: []string{"amd64", "arm64"},
		Packages: []pulpfake.Package{
			{Name: "alpha", Version: "1.0", Depends: "beta"},
			{Name: "alpha", Version: "1.0", Arch: "arm64"},
			{Name: "beta", Version: "2.1", Arch: "all"},
			{Name: "gamma", Version: "0.9", Component: "extra", Arch: "all"},
		},
	}, map[string]any{"releases": "bookworm-test", "components": "main extra", "architectures": "amd64 arm64"}},
	{pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: []pulpfake.Package{
		{Name: "bear", Version: "4.1"}, {Name: "camel", Version: "0.1"}, {Name: "duck", Version: "0.7", Arch: "noarch"},
	}}, nil},
	{pulpfake.Spec{Kind: pulpfake.FileTree, Packages: []pulpfake.Package{{Name: "images/one.iso"}, {Name: "images/two.iso"}}}, nil},
}

// write writes configuration and definitions.
func (s *simulation) write(upstream *pulpfake.Upstream, base string) error {
	files := map[string]any{"definitions/remote/global.json": map[string]any{"owner": "demo", "proxy": nil}}
	for _, t := range simulatedTrees {
		kind := string(t.spec.Kind)
		definition := map[string]any{
			"name": "demo-" + kind, "content_repo_type": kind, "description": "A " + kind + " repository of the demo", "base_url": "demo",
			"url": upstream.Add(kind, t.spec).URL(base),
		}
		for key, value := range t.options {
			definition[key] = value
		}
		files["definitions/remote/"+kind+"/demo-"+kind+".json"] = definition
	}
	for name, value := range files {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		if err := s.file(name, string(text)+"\n"); err != nil {
			return err
		}
	}
	return errors.Join(
		s.file("config.ini", fmt.Sprintf(simulatedINI, filepath.Join(s.dir, "definitions"))),
		s.file("pulp_config.yml", fmt.Sprintf(simulatedYAML, s.primary, s.secondary)))
}

const simulatedINI = `[pulp]
local_repo_config_dir = %s
password = password
deb_signing_service = deb-release
use_https_for_sync = false

[auth]
method = static
`

const simulatedYAML = `pulp_servers:
  "%[1]s":
    credentials: local
    snapshot_support: {max_concurrent_snapshots: 2}
    repo_groups:
      external: {max_concurrent_syncs: 2, max_runtime: 1h}
  "%[2]s":
    credentials: local
    snapshot_support: {max_concurrent_snapshots: 2}
    repo_groups:
      external: {max_concurrent_syncs: 2, max_runtime: 1h, pulp_primary: "%[1]s"}
credentials:
  local: {username: admin, vault_service_account_mount: service-accounts}
repo_groups:
  external: {regex_include: ^ext-}
`

func (s *simulation) file(name, text string) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// configure makes the demo use the simulation, and nothing of this machine's configuration.
func (s *simulation) configure(o *demoOptions) {
	o.primary, o.secondary = s.primary, s.secondary
	o.sources.ConfigPath, o.sources.SyncPath = filepath.Join(s.dir, "config.ini"), filepath.Join(s.dir, "pulp_config.yml")
	o.sources.DataDir = filepath.Join(s.dir, "data")
	o.sources.Env = func(name string) (string, bool) {
		value, ok := map[string]string{config.EnvLocal: "true"}[name]
		return value, ok
	}
}

// close stops everything and removes the folder.
func (s *simulation) close() {
	for _, stop := range s.stop {
		stop()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
