// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
)

// One file with everything wrong: all of it is said at once, with line and hint (D12, D13).
func TestAllProblemsAtOnce(t *testing.T) {
	f := newFiles(t, `[ca]
root_ca_file_path = /nonexistent/ca.pem
[auth]
require_jwt_auth = yes
jwt_algorithm = none
jwt_token_lifetime_mins = soon
[pulp]
banned_package_regex = (
use_https_for_sync = on
remote_tls_validaton = true
git_repo_config_dir = ../etc
git_repo_config_password = hunter2
password = 50%
[paging]
default_page_size = 0
[remote]
[vault]
vault_addr = vault.example.com
`, `pulp_servers:
  Pulp1:
    credentials: locl
    repo_groups: {}
  pulp2:
    credentials: local
    password: hunter2
    url: pulp2.example.com
    mirror_url: http://admin:hunter2@pulp2
    content_origin: http://pulp2/pulp/content
    domain: a/b
    repo_group: {}
    repo_groups:
      nope:
        max_concurrent_syncs: 1
        max_runtime: 1h
      g1:
        schedule: every day
        max_concurrent_syncs: 0
        max_runtime: 1h30m
        pulp_master: pulp2
      g2:
        max_concurrent_syncs: "2"
        max_runtime: true
        pulp_master: pulp9
      g2:
        schedule: "0 0 31 2 *"
    repo_config_registration:
      regex_include: "["
    snapshot_support: yes
  pulp3: nothing
credentials:
  local:
    username: admin
    username: root
    password: hunter2
  Local: []
repo_groups:
  g1:
    regex_include: (?P<a
    regex_exclude: 7
  g2: {}
  2nd: {}
`)
	f.env["Is_local"] = "false"
	want := []string{
		`config.ini:2: [ca] root_ca_file_path: file /nonexistent/ca.pem with root certificates cannot be read: no such file or directory (correct the path, or let the user that pulp-manager runs as read it)`,
		`config.ini:4: [auth] require_jwt_auth is "yes", not true or false`,
		`config.ini:5: [auth] jwt_algorithm is "none", not one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512`,
		`config.ini:6: [auth] jwt_token_lifetime_mins is "soon", not a number of minutes more than 0`,
		"config.ini:8: [pulp] banned_package_regex: pattern \"(\" is not a regular expression: error parsing regexp: missing closing ) in `(`",
		`config.ini:9: [pulp] use_https_for_sync is "on", not true or false`,
		`config.ini:10: warning: [pulp] remote_tls_validaton is not known and has no effect (did you mean remote_tls_validation?)`,
		`config.ini:11: [pulp] git_repo_config_dir is "../etc", which leads out of the clone`,
		`config.ini:12: [pulp] git_repo_config_password: is not a reference; a secret itself must not stand here (name where the secret is kept: env:NAME, file:/path or vault:MOUNT/PATH#FIELD)`,
		`config.ini:13: [pulp] password: password has a single % (write %% for a single %)`,
		`config.ini:15: [paging] default_page_size is "0", not a whole number from 1 to 100000`,
		`config.ini:16: warning: section [remote] is not known and has no effect (did you mean [remotes]?)`,
		`config.ini:18: [vault] vault_addr is not a URL such as https://host:port`,
		`pulp_config.yml:2: server Pulp1: not a name for a server (write pulp1)`,
		`pulp_config.yml:3: server Pulp1: credentials locl are not there (did you mean local?)`,
		`pulp_config.yml:7: server pulp2: password: is not a reference; a secret itself must not stand here (name where the secret is kept: env:NAME, file:/path or vault:MOUNT/PATH#FIELD)`,
		`pulp_config.yml:8: server pulp2: url is not a URL such as https://host:port`,
		`pulp_config.yml:9: server pulp2: mirror_url must not hold a user or password`,
		`pulp_config.yml:10: server pulp2: content_origin must end after the host and port`,
		`pulp_config.yml:11: server pulp2: domain may hold letters, digits, - and _ only`,
		`pulp_config.yml:12: server pulp2: repo_group is not known (did you mean repo_groups?)`,
		`pulp_config.yml:14: server pulp2: group nope: it is not in the top-level repo_groups (known are 2nd, g1, g2)`,
		`pulp_config.yml:18: server pulp2: group g1: schedule "every day" cannot be read: expected exactly 5 fields, found 2: [every day] (write five fields: minute, hour, day of month, month, day of week, such as "30 2 * * 1-5"; or @hourly, @daily, @weekly, @monthly; "TZ=Europe/Berlin " in front sets a time zone)`,
		`pulp_config.yml:19: server pulp2: group g1: max_concurrent_syncs must be a whole number from 1 to 1000, not 0`,
		`pulp_config.yml:20: server pulp2: group g1: max_runtime "1h30m" is not a duration (write seconds ("300"), or a number with d, h, m or s ("20m", "6h"); "-1" is unlimited)`,
		`pulp_config.yml:21: server pulp2: group g1: it cannot mirror from itself (remove its primary to sync from the repositories' own feeds)`, // D6
		`pulp_config.yml:23: server pulp2: group g2: max_concurrent_syncs must be a whole number, 1 or more, not text (write it without quotes)`,
		`pulp_config.yml:24: server pulp2: group g2: max_runtime must be a duration, not true (put it in quotes)`,
		`pulp_config.yml:25: server pulp2: group g2: primary pulp9 is not in pulp_servers (did you mean pulp2?)`, // D6
		`pulp_config.yml:26: server pulp2: repo_groups: g2 is there twice (keep one; the first is in line 22)`,
		`pulp_config.yml:28: server pulp2: repo_config_registration: schedule is missing`,
		`pulp_config.yml:28: server pulp2: repo_config_registration: max_runtime is missing`,
		"pulp_config.yml:29: server pulp2: repo_config_registration: regex_include: pattern \"[\" is not a regular expression: error parsing regexp: missing closing ]: `[`",
		`pulp_config.yml:30: server pulp2: snapshot_support must be a map, not text (write "key: value" lines below it, or {} for none)`,
		`pulp_config.yml:30: server pulp2: snapshot_support: max_concurrent_snapshots is missing`,
		`pulp_config.yml:31: server pulp3 must be a map, not text (write "key: value" lines below it, or {} for none)`,
		`pulp_config.yml:31: server pulp3: credentials is missing`,
		`pulp_config.yml:35: credentials local: username is there twice (keep one; the first is in line 34)`,
		`pulp_config.yml:36: credentials local: password is not known (known are username, vault_service_account_mount)`,
		`pulp_config.yml:37: credentials Local: not a name for credentials (use lower-case letters, digits, - and _)`,
		`pulp_config.yml:37: credentials Local must be a map, not a list (write "key: value" lines below it, or {} for none)`,
		`pulp_config.yml:37: credentials Local: username is missing`,
		"pulp_config.yml:40: group g1: regex_include: pattern \"(?P<a\" is not a regular expression: error parsing regexp: invalid named capture: `(?P<a`",
		`pulp_config.yml:41: group g1: regex_exclude must be a regular expression, not the number 7 (put it in quotes)`,
		`pulp_config.yml:43: group 2nd: not a name for a group (use lower-case letters, digits, - and _, a letter first)`,
	}
	got := f.problems()
	for i := range got { // the second engine's words are not ours
		if at := strings.Index(got[i], "is not a regular expression: "); at > 0 {
			got[i] = got[i][:at]
		}
	}
	for i := range want {
		if at := strings.Index(want[i], "is not a regular expression: "); at > 0 {
			want[i] = want[i][:at]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(strings.Join(got, "\n"), "hunter2") {
		t.Error("a secret is shown")
	}
	_, err := Load(f.sources())
	if !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" || strings.Count(fault.Message(err), "\n") != len(want) {
		t.Errorf("Load = %v", err)
	}
}

func TestPrimaries(t *testing.T) {
	server := func(name, group, primary string) string {
		text := "  " + name + ":\n    credentials: c\n    repo_groups:\n"
		for i, g := range strings.Fields(group) {
			text += "      " + g + ":\n        max_concurrent_syncs: 1\n        max_runtime: 1h\n"
			if p := strings.Fields(primary)[i]; p != "-" {
				text += "        pulp_master: " + p + "\n"
			}
		}
		return text
	}
	const rest = "credentials:\n  c: {username: u, vault_service_account_mount: m}\nrepo_groups: {g: {}, h: {}}\n"
	for name, c := range map[string]struct{ servers, want string }{
		"chain":    {server("a", "g", "-") + server("b", "g", "a") + server("c", "g", "b"), ""},
		"diamond":  {server("a", "g h", "b c") + server("b", "g", "d") + server("c", "h", "d") + server("d", "g", "-"), ""},
		"two":      {server("a", "g", "b") + server("b", "g", "a"), `pulp_config.yml:15: group g goes round in a circle: a → b → a (one of them needs its own feeds: remove its primary)`},
		"three":    {server("x", "g", "a") + server("a", "g", "b") + server("b", "g", "c") + server("c", "g", "a"), `pulp_config.yml:29: group g goes round in a circle: a → b → c → a (one of them needs its own feeds: remove its primary)`},
		"exchange": {server("a", "g", "b") + server("b", "h", "a"), `pulp_config.yml:15: warning: servers mirror from each other, each another group: a → b → a (make sure that no repository is in more than one of these groups)`},
	} {
		f := newFiles(t, smallINI, "pulp_servers:\n"+c.servers+rest)
		if got := strings.Join(f.problems(), "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestPasswordProblems(t *testing.T) {
	noMount := strings.Replace(smallYAML, "    vault_service_account_mount: service-accounts\n", "", 1)
	ownPassword := strings.Replace(noMount, "credentials: local", "credentials: local\n    password: env:PULP", 1)
	for name, c := range map[string]struct{ ini, yml, local, want string }{
		"Vault":          {smallINI, smallYAML, "", ""},
		"no Vault":       {"", smallYAML, "", "pulp_config.yml:3: server pulp1: its password is in Vault, but no Vault is configured (set [vault] vault_addr, or give the server a password by env: or file:)"},
		"no mount":       {smallINI, noMount, "", "pulp_config.yml:3: server pulp1: no password: its credentials have no vault_service_account_mount (add vault_service_account_mount to the credentials, or give the server password: env:NAME, file:/path or vault:MOUNT/PATH#FIELD)"},
		"own":            {"", ownPassword, "", ""},
		"local":          {"[pulp]\npassword = x\n", noMount, "true", ""},
		"local, by ref":  {"[pulp]\npassword = env:PULP\n", noMount, "TRUE", ""},
		"local, none":    {smallINI, smallYAML, "true", "pulp_config.yml:3: server pulp1: no password: Is_local is true, but config.ini has no [pulp] password (set [pulp] password, or give the server password: env:NAME)"},
		"local, but own": {"", ownPassword, "true", ""},
	} {
		f := newFiles(t, c.ini, c.yml)
		f.env[EnvLocal] = c.local
		if got := strings.Join(f.problems(), "\n"); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	f := newFiles(t, `[DEFAULT]
base = example.com
typo = 1
[auth]
method = ldap
[pulp]
git_repo_config = https://user:hunter2@git.%(base)s/x.git
local_repo_config_dir = /definitions
[vault]
vault_addr = http://127.0.0.1:8200
`, smallYAML)
	want := []string{
		`config.ini:3: warning: [DEFAULT] typo is not known and has no effect (` + didYouMean("typo", allKeys()) + `)`,
		`config.ini:5: warning: [auth] method is ldap, but without ldap_servers nobody can log in (add it)`,
		`config.ini:5: warning: [auth] method is ldap, but without base_dn nobody can log in (add it)`,
		`config.ini:5: warning: [auth] method is ldap, but without admin_group nobody can change anything (add it)`,
		`config.ini:7: warning: [pulp] git_repo_config has no effect: local_repo_config_dir is given too (remove one of them)`,
		`config.ini:7: warning: [pulp] git_repo_config holds a password or token (use git_repo_config_username and git_repo_config_password = env:NAME)`,
	}
	if diff := cmp.Diff(want, f.problems()); diff != "" {
		t.Error(diff)
	}
}

func allKeys() []string {
	var keys []string
	for _, f := range fields() {
		keys = append(keys, f.key)
	}
	return keys
}

func TestTooLargeAndUnreadable(t *testing.T) {
	f := newFiles(t, strings.Repeat("#", maxFile+1), smallYAML)
	f.env[EnvSyncPath] = f.dir // a folder
	got := strings.Join(f.problems(), "\n")
	if !strings.Contains(got, "config.ini: the file is larger than 4 MiB") || !strings.Contains(got, "the file cannot be read: is a directory") {
		t.Error(got)
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"regex_include", "regex_exclude"}
	for unknown, want := range map[string]string{
		"regex_inclde":  "did you mean regex_include?",
		"Regex_Exclude": "did you mean regex_exclude?",
		"schedule":      "known are regex_include, regex_exclude",
	} {
		if got := didYouMean(unknown, known); got != want {
			t.Errorf("%s: %s", unknown, got)
		}
	}
	if got := didYouMean("x", nil); got != "" {
		t.Error(got)
	}
}
