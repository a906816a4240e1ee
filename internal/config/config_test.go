// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// files is a folder with a configuration, and an environment that names it.
type files struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newFiles(t *testing.T, ini, yml string) *files {
	f := &files{t: t, dir: t.TempDir(), env: map[string]string{}}
	f.write("config.ini", ini)
	f.write("pulp_config.yml", yml)
	f.env[EnvConfigPath] = f.path("config.ini")
	f.env[EnvSyncPath] = f.path("pulp_config.yml")
	return f
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

func (f *files) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) sources() Sources {
	return Sources{
		Env: func(name string) (string, bool) { v, ok := f.env[name]; return v, ok },
		Now: func() time.Time { return noon },
	}
}

// problems gives all problems with the folder left out of their files' paths.
func (f *files) problems() []string {
	_, problems := load(f.sources())
	var lines []string
	for _, p := range problems {
		lines = append(lines, strings.ReplaceAll(p.String(), f.dir+"/", ""))
	}
	return lines
}

const smallYAML = `
pulp_servers:
  pulp1:
    credentials: local
    repo_groups:
      all:
        max_concurrent_syncs: 2
        max_runtime: 6h
credentials:
  local:
    username: admin
    vault_service_account_mount: service-accounts
repo_groups:
  all: {}
`

const smallINI = "[vault]\nvault_addr = http://127.0.0.1:8200\n"

func TestLoadOriginal(t *testing.T) {
	env := map[string]string{
		EnvConfigPath: "testdata/original/config.ini", EnvSyncPath: "testdata/original/pulp_config.yml", EnvLocal: "True",
	}
	c, err := Load(Sources{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Settings
	if !s.Local || s.Pulp.Password.Reveal() != "100%secret" || !c.HasFleet {
		t.Errorf("Local %v, password %q, HasFleet %v", s.Local, s.Pulp.Password.Reveal(), c.HasFleet)
	}
	if s.Auth.LDAP.UseSSL { // D47
		t.Error("use_ssl = false means ldaps")
	}
	if s.Pulp.UseHTTPSForSync || s.Auth.RequireJWT || s.Pulp.RemoteTLSValidation == nil || *s.Pulp.RemoteTLSValidation {
		t.Errorf("https %v, jwt %v, tls %v", s.Pulp.UseHTTPSForSync, s.Auth.RequireJWT, s.Pulp.RemoteTLSValidation)
	}
	if diff := cmp.Diff([]string{"pulp-primary", "pulp-secondary"}, s.Pulp.InternalDomains); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ldap1.example.com", "ldap2.example.com:1636"}, s.Auth.LDAP.Servers); diff != "" {
		t.Error(diff)
	}
	if s.Remotes.ConnectTimeout != 120*time.Second || s.Remotes.ReadTimeout != 600*time.Second || s.Auth.TokenLifetime != 8*time.Hour {
		t.Errorf("time limits %v, token %v", s.Remotes, s.Auth.TokenLifetime)
	}
	if s.Paging.DefaultSize != 50 || s.Paging.MaxSize != 20000 || s.Jobs.MaxPageSize != 24 {
		t.Errorf("paging %v %v", s.Paging, s.Jobs)
	}
	if found, err := s.Pulp.BannedPackages.Search("another-thing"); !found || err != nil {
		t.Errorf("banned: %v %v", found, err)
	}
	if path, err := fleet.BasePath("base", "corp-prod-a-b", s.Pulp.Rename); path != "base/prod_corp_a-b" || err != nil {
		t.Errorf("base path %s %v", path, err)
	}

	want := fleet.Configuration{
		Hash:   c.Hash,
		Groups: []fleet.Group{{Name: "default", Include: ".*"}, {Name: "external_repos", Include: "^ext"}, {Name: "internal_repos", Include: "^int", Exclude: "test$"}},
		Servers: []fleet.ConfiguredServer{
			{
				Server: fleet.Server{
					Name: "pulp-primary:80", Username: "admin", CredentialMount: "local-auth", SnapshotSupported: true, MaxConcurrentSnapshots: 2,
					Registration: &fleet.Registration{Schedule: "* * * * *", MaxRuntime: "300", Include: "^ext"},
				},
				Groups: []fleet.ServerGroup{{Group: fleet.Group{Name: "default", Include: ".*"}, Schedule: "0 * * * *", MaxConcurrentSyncs: 1, MaxRuntime: "1h"}},
			},
			{
				Server: fleet.Server{Name: "pulp-secondary:80", Username: "admin", CredentialMount: "local-auth"},
				Groups: []fleet.ServerGroup{
					{Group: fleet.Group{Name: "external_repos", Include: "^ext"}, Primary: "pulp-primary:80", Schedule: "*/5 * * * *", MaxConcurrentSyncs: 2, MaxRuntime: "6h"},
					{Group: fleet.Group{Name: "internal_repos", Include: "^int", Exclude: "test$"}, Primary: "pulp-primary:80", MaxConcurrentSyncs: 2, MaxRuntime: "1h"},
				},
			},
		},
		Schedules: []fleet.ConfiguredSchedule{
			{ServerName: "pulp-primary:80", GroupName: "default", Schedule: fleet.Schedule{
				Kind: "repo_group_sync", Cron: "0 * * * *", TaskName: "repo sync pulp-primary:80", MaxRuntime: time.Hour,
				Args: json.RawMessage(`{"name":"pulp-primary:80","regex_include":".*","regex_exclude":null,"max_runtime":"1h","max_concurrent_syncs":1,"source_pulp_server_name":null,"sync_options":null}`),
			}},
			{ServerName: "pulp-primary:80", Schedule: fleet.Schedule{
				Kind: "repo_creation_from_git", Cron: "* * * * *", TaskName: "pulp-primary:80 repo registration", MaxRuntime: 5 * time.Minute,
				Args: json.RawMessage(`{"regex_include":"^ext","regex_exclude":null,"local_repo_config_dir":"/pulp_manager/demo/repo-config","max_runtime":"300"}`),
			}},
			{ServerName: "pulp-secondary:80", GroupName: "external_repos", Schedule: fleet.Schedule{
				Kind: "repo_group_sync", Cron: "*/5 * * * *", TaskName: "repo sync pulp-secondary:80", MaxRuntime: 6 * time.Hour,
				Args: json.RawMessage(`{"name":"pulp-secondary:80","regex_include":"^ext","regex_exclude":null,"max_runtime":"6h","max_concurrent_syncs":2,"source_pulp_server_name":"pulp-primary:80","sync_options":null}`),
			}},
		},
	}
	if diff := cmp.Diff(want, c.Fleet); diff != "" {
		t.Error(diff)
	}
	for _, p := range c.Problems {
		if !p.Warning {
			t.Errorf("not a warning: %s", p)
		}
	}
	for _, dead := range []string{"[redis] host", "[vault] role", "section [database]", "[pulp] internal_package_prefix"} {
		if !strings.Contains(c.Problems.String(), dead+" has no effect") {
			t.Errorf("no note about %s in\n%s", dead, c.Problems)
		}
	}
}

func TestLoadNewKeys(t *testing.T) {
	f := newFiles(t, `[pulp]
git_repo_config = https://git.example.com/repos.git
git_repo_config_branch = main
git_repo_config_username = reader
git_repo_config_password = env:GIT_TOKEN
git_repo_config_timeout = 5m
max_concurrent_syncs_per_server = 3
max_concurrent_syncs_per_upstream = 2
request_timeout = 12.5
api_root = /custom
`, `
pulp_servers:
  pulp1:
    credentials: local
    url: https://10.0.0.5:24821/
    content_origin: http://10.0.0.5:24816
    mirror_url: http://mirror.example.com
    password: file:/run/secrets/pulp
    domain: team-a
    description: first
  pulp2:
    credentials: local
    password: env:PULP2
    repo_groups:
      g1:
        schedule: TZ=Europe/Berlin @daily
        max_concurrent_sync: 2
        max_runtime: 300
        pulp_primary: pulp1
credentials:
  local: {username: admin}
repo_groups:
  g1:
`)
	c, err := Load(f.sources())
	if err != nil {
		t.Fatal(err)
	}
	git := Git{URL: "https://git.example.com/repos.git", Branch: "main", Username: "reader", Password: "env:GIT_TOKEN", Timeout: 5 * time.Minute}
	if diff := cmp.Diff(git, c.Settings.Pulp.Git); diff != "" {
		t.Error(diff)
	}
	p := c.Settings.Pulp
	if p.MaxSyncsPerServer != 3 || p.MaxSyncsPerUpstream != 2 || p.RequestTimeout != 12500*time.Millisecond || p.APIRoot != "/custom/" {
		t.Errorf("%+v", p)
	}
	server := fleet.Server{
		Name: "pulp1", Username: "admin", Password: "file:/run/secrets/pulp", URL: "https://10.0.0.5:24821",
		ContentOrigin: "http://10.0.0.5:24816", MirrorURL: "http://mirror.example.com", Domain: "team-a", Description: "first",
	}
	if diff := cmp.Diff(server, c.Fleet.Servers[0].Server); diff != "" {
		t.Error(diff)
	}
	group := fleet.ServerGroup{Group: fleet.Group{Name: "g1"}, Primary: "pulp1", Schedule: "TZ=Europe/Berlin @daily", MaxConcurrentSyncs: 2, MaxRuntime: "300"}
	if diff := cmp.Diff([]fleet.ServerGroup{group}, c.Fleet.Servers[1].Groups); diff != "" { // D14: a digit in a group's name
		t.Error(diff)
	}
	want := []string{"pulp_config.yml:17: warning: server pulp2: group g1: max_concurrent_sync is read as max_concurrent_syncs (write max_concurrent_syncs)"} // D5
	if diff := cmp.Diff(want, f.problems()); diff != "" {
		t.Error(diff)
	}
}

// Keys of the scheduled tasks' arguments must be those that the jobs read.
func TestScheduleArgsAreTheJobs(t *testing.T) {
	for file, local := range map[string]any{
		"../job/groupsync/ask.go": groupSyncArgs{}, "../job/register/ask.go": registerArgs{},
	} {
		if diff := cmp.Diff(argsFields(t, file), structFields(local)); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}
