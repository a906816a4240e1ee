// SPDX-License-Identifier: Apache-2.0

package definition_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/definition"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var update = flag.Bool("update", false, "write docs/content-types.md")

const root = "../../"

// docs/content-types.md is made from the types' data and the table of what each can; `go generate`
// makes it anew.
func TestDocument(t *testing.T) {
	const path = root + "docs/content-types.md"
	var want bytes.Buffer
	document(&want)
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
		t.Errorf("%s is not up to date: run `go generate ./internal/definition`", path)
	}
}

func document(w io.Writer) {
	fmt.Fprint(w, `# Content types

<!-- Made from internal/content and the table in internal/definition by `+"`go generate ./internal/definition`"+`. Do not edit. -->

What pulp-manager does for each type of repository. The numbers name the tests that show it, below the table.

`)
	types := content.Types()
	fmt.Fprint(w, "| |")
	for _, t := range types {
		fmt.Fprintf(w, " %s |", t.Name)
	}
	fmt.Fprint(w, "\n|---|"+strings.Repeat("---|", len(types))+"\n")
	var tests []string
	for _, c := range capabilities {
		fmt.Fprintf(w, "| %s |", c.name)
		for _, t := range types {
			fmt.Fprintf(w, " %s |", c.cells[t.Name].text(&tests))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\n## The tests\n\n")
	for i, test := range tests {
		fmt.Fprintf(w, "%d. `%s`\n", i+1, test)
	}
	fmt.Fprint(w, `
## Definitions

A definition is one JSON file. These keys are for all types; each type adds its own.

| key | needed | meaning |
|---|---|---|
| `+"`name`"+` | yes | Name of remote, repository and distribution; `+"`ext-`"+` is put in front where there is a url. |
| `+"`content_repo_type`"+` | yes | The type. |
| `+"`description`, `owner`"+` | yes | Free text, kept in Pulp's description with the base path. |
| `+"`base_url`"+` | yes | Where clients find it: the distribution's base path is this and the name. |
| `+"`url`"+` | | Feed. Without it the repository is internal: uploaded or pushed to. |
| `+"`proxy`"+` | | For the feed: `+"`http://host:port`"+`. Not used for hosts in internal_domains. |
| `+"`tls_validation`"+` | | `+"`false`"+` takes any certificate. Default: remote_tls_validation of config.ini, else true. |
| `+"`vault_load_secrets`"+` | | Secrets of the remote in Vault: a list of `+"`{remote_property, kv, path, secret_name}`"+`. |
| `+"`secrets`"+` | | Secrets of the remote elsewhere: `+"`{\"password\": \"env:PULP_REMOTE_PASSWORD\"}`"+`; definition_secrets of config.ini says which are allowed. |
`)
	for _, t := range types {
		fmt.Fprintf(w, "\n### %s\n\n| key | needed | meaning |\n|---|---|---|\n", t.Name)
		for _, o := range t.Options {
			needed := ""
			if o.Required {
				needed = "yes"
			}
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", o.Name, needed, strings.ReplaceAll(o.Doc, "|", `\|`))
		}
		fmt.Fprintf(w, "\n```json\n%s\n```\n", examples[t.Name])
	}
}

// The examples are definitions that are read as they stand.
func TestExamples(t *testing.T) {
	for _, typ := range content.Types() {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "example.json"), []byte(examples[typ.Name]), 0o600); err != nil {
			t.Fatal(err)
		}
		allowed := func(text string) (fleet.SecretRef, error) { return fleet.SecretRef(text), nil }
		found, problems, err := definition.Read(t.Context(), dir, definition.Rules{Types: content.Catalog{}, SecretRef: allowed})
		if err != nil || len(problems) > 0 || len(found) != 1 || found[0].Type != typ.Name || !found[0].External() {
			t.Errorf("%s: %+v %+v %v", typ.Name, found, problems, err)
		}
	}
}

// Each cell of the table says something of each type, and what shows it is a test that there is.
func TestCellsAreShown(t *testing.T) {
	for _, c := range capabilities {
		for _, typ := range content.Types() {
			is, ok := c.cells[typ.Name]
			if !ok || is.says == "" || is.says != no && len(is.shown) == 0 {
				t.Errorf("%s: nothing shows what is said of %s", c.name, typ.Name)
			}
			for _, test := range is.shown {
				if err := exists(test); err != nil {
					t.Errorf("%s, %s: %v", c.name, typ.Name, err)
				}
			}
		}
	}
}

// exists tells whether a test is there: "internal/ban TestX" is a Go test, "test/e2e/bans: text" a check of a
// script by the words it prints.
func exists(test string) error {
	if script, words, ok := strings.Cut(test, ": "); ok && strings.HasPrefix(script, "test/") {
		text, err := os.ReadFile(root + script)
		if err == nil && !strings.Contains(string(text), words) {
			err = fmt.Errorf("%s has no check %q", script, words)
		}
		return err
	}
	dir, name, _ := strings.Cut(test, " ")
	files, err := filepath.Glob(root + dir + "/*.go")
	if err != nil {
		return err
	}
	declared := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(|^\s*\{?"` + regexp.QuoteMeta(name) + `",`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if declared.Match(text) {
			return nil
		}
	}
	return fmt.Errorf("%s has no test %s", dir, name)
}

// capability is a row of the table.
type capability struct {
	name  string
	cells map[fleet.RepositoryType]cell
}

// cell says what a capability is for a type, and which tests show it.
type cell struct {
	says  string
	shown []string
}

const (
	no  = "—"
	yes = "yes"
)

func (c cell) text(tests *[]string) string {
	text := c.says
	var numbers []string
	for _, test := range c.shown {
		at := slices.Index(*tests, test)
		if at < 0 {
			at = len(*tests)
			*tests = append(*tests, test)
		}
		numbers = append(numbers, fmt.Sprint(at+1))
	}
	if len(numbers) > 0 {
		text += " <sup>" + strings.Join(numbers, " ") + "</sup>"
	}
	return text
}
