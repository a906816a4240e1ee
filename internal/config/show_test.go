// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

func TestShow(t *testing.T) {
	f := newFiles(t, `[pulp]
password = hunter2
git_repo_config = https://hunter2@git.example.com/x.git
[vault]
vault_addr = http://127.0.0.1:8200
`, smallYAML)
	for _, local := range []string{"true", "false"} {
		f.env[EnvLocal] = local
		c, err := Load(f.sources())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Show(&out, c); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		wants := []string{
			"password = [secret] # line 2", "git_repo_config = https://secret@git.example.com/x.git # line 3", "default_page_size = 50 # default",
			`group all: {max_concurrent_syncs: "2", max_runtime: "6h"}`, "Is_local = " + local,
		}
		if local == "true" {
			wants = append(wants, `pulp1: {username: "admin", password: "[secret]"}`)
		} else {
			wants = append(wants, `pulp1: {username: "admin", password: "vault:service-accounts/creds/admin#current_password"}`)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in\n%s", want, out.String())
			}
		}
		if all := out.String() + fmt.Sprintf("%v %+v", c.Settings.Pulp.Password, c.Settings.Pulp.Password); strings.Contains(all, "hunter2") {
			t.Errorf("a secret is shown:\n%s", all)
		}
	}
}

func TestRedactURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"https://h/x.git":        "https://h/x.git",
		"https://u:p@h/x.git":    "https://secret@h/x.git",
		"https://token@h/x.git":  "https://secret@h/x.git",
		"ssh://git:p@h/x.git":    "ssh://git@h/x.git",
		"git@h:x.git":            "git@h:x.git",
		"/srv/x.git":             "/srv/x.git",
		"https://u:p%zz@h/x.git": "[not a URL]",
	} {
		if got := RedactURL(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// docs/configuration.md is made from the tables; `go generate` makes it anew.
func TestDocument(t *testing.T) {
	const path = "../../docs/configuration.md"
	var want bytes.Buffer
	if err := Document(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not up to date: run `go generate ./internal/config`", path)
	}
}

// Every key has a meaning, every default is a value its key takes, and what Show prints of a
// setting is read back as the same.
func TestFields(t *testing.T) {
	defaults := Defaults()
	seen := map[string]bool{}
	for _, f := range fields() {
		name := id(f.section, f.key)
		if seen[name] || f.dead == "" && f.meaning == "" {
			t.Errorf("%s is there twice or has no meaning", name)
		}
		seen[name] = true
		if f.dead != "" {
			continue
		}
		var s Settings
		if err := f.value.set(&s, f.fallback); err != nil {
			t.Errorf("%s: default %q: %v", name, f.fallback, err)
		}
		if got, want := f.value.show(&s), f.value.show(&defaults); got != want {
			t.Errorf("%s: %q, default is %q", name, got, want)
		}
		if err := f.value.set(&s, f.value.show(&defaults)); err != nil {
			t.Errorf("%s: what is shown is not read: %v", name, err)
		}
	}
	for _, k := range yamlKeys() {
		if k.meaning == "" || k.kind == "" || (k.check == nil) != (k.kind == "a map" || k.kind == "a list of windows") {
			t.Errorf("%s %s is not complete", k.level, k.key)
		}
	}
}
