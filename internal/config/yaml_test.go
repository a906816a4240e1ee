// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestYAMLProblems(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "f: the file is empty",
		"# nothing\n":               "f: the file is empty",
		"a: [\n":                    "not YAML",
		"a: b: c\n":                 "f:1: not YAML",
		"- a\n":                     "f:1: the file must be a map, not a list",
		smallYAML + "---\na: 1\n":   "f:15: the file has a second document",
		"pulp_servers: {}\n":        "f:1: the file: credentials is missing",
		"pulp_servers:\n":           "f:1: pulp_servers must be a map, not empty",
		"pulp_server: {}\n":         "f:1: the file: pulp_server is not known (did you mean pulp_servers?)",
		"? [a]\n: b\n":              "the file has a key that is not text",
		"a: &a\n  <<: *a\n":         "f:",
		"<<: 5\n":                   "the file: << must name a map",
		"pulp_servers: !!binary eA": "pulp_servers must be a map",
		"repo_groups: {g: {regex_include: [a]}}\n":                                                 "group g: regex_include must be a regular expression, not a list",
		"repo_groups: {g: {regex_include: }}\n":                                                    "group g: regex_include must be a regular expression, not empty",
		"repo_groups: {g: {regex_include: *nowhere}}\n":                                            "not YAML",
		"pulp_servers: {p: {credentials: [env], password: [hunter2]}}":                             "server p: password must be a reference to a secret, not a list",
		"pulp_servers: {p: {credentials: x, password: 4711}}":                                      "server p: password must be a reference to a secret, not what is there (put it in quotes)",
		"pulp_servers: {p: {credentials: '', repo_groups: }}":                                      "server p: credentials must not be empty",
		"pulp_servers: {p: {repo_groups: {g: {pulp_master: a, pulp_primary: b}}}}":                 "server p: group g: pulp_primary is there under two names",
		"pulp_servers: {p: {repo_groups: {g: {max_concurrent_sync: 1, max_concurrent_syncs: 1}}}}": "server p: group g: max_concurrent_syncs is there under two names",
	} {
		r := &report{file: "f"}
		readSyncConfig([]byte(text), Settings{}, r)
		got := r.problems.String()
		if !r.problems.Fatal() || !strings.Contains(got, want) {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, want)
		}
		if strings.Contains(got, "4711") || strings.Contains(got, "hunter2") {
			t.Errorf("%q: a secret is shown", text)
		}
	}
}

func TestYAMLMerges(t *testing.T) {
	f := newFiles(t, smallINI, `
pulp_servers:
  pulp1:
    credentials: c
    repo_groups:
      g: &common
        max_concurrent_syncs: 2
        max_runtime: 6h
  pulp2:
    credentials: c
    repo_groups:
      g:
        <<: *common
        max_runtime: 1h
      h: *common
credentials: {c: {username: u, vault_service_account_mount: m}}
repo_groups: {g: {}, h: {}}
`)
	c, err := Load(f.sources())
	if err != nil {
		t.Fatal(err)
	}
	groups := c.Fleet.Servers[1].Groups
	if len(groups) != 2 || groups[0].MaxConcurrentSyncs != 2 || groups[0].MaxRuntime != "1h" || groups[1].MaxRuntime != "6h" {
		t.Errorf("%+v", groups)
	}
}

// Aliases that would grow to billions of entries are cut off.
func TestYAMLBomb(t *testing.T) {
	text := "a0: &a0 {x: 1}\n"
	for i := 1; i < 12; i++ {
		prev := "*a" + string(rune('0'+(i-1)%10))
		text += "a" + string(rune('0'+i%10)) + ": &a" + string(rune('0'+i%10)) + " {<<: [" + strings.TrimSuffix(strings.Repeat(prev+", ", 20), ", ") + "]}\n"
	}
	r := &report{file: "f"}
	readSyncConfig([]byte(text+"repo_groups: {g: *a1}\n"), Settings{}, r)
	if !strings.Contains(r.problems.String(), "too large") {
		t.Errorf("%.300s", r.problems)
	}
}
