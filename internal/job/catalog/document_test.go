// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/job"
)

var update = flag.Bool("update", false, "write docs/jobs.md")

// docs/jobs.md is made from the jobs' declarations; `go generate` makes it anew.
func TestDocument(t *testing.T) {
	const path = "../../../docs/jobs.md"
	var want bytes.Buffer
	document(&want, All(Settings{}))
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
		t.Errorf("%s is not up to date: run `go generate ./internal/job/catalog`", path)
	}
}

func document(w io.Writer, jobs []job.Definition) {
	fmt.Fprint(w, `# Jobs

<!-- Made from internal/job/catalog by `+"`go generate ./internal/job/catalog`"+`. Do not edit. -->

What pulp-manager does on Pulp servers, each recorded as a task with stages. A job is asked for by a route or a verb of the command
line, or by a schedule; those without a route run as children of another.

| task_type | what it does | route | verb |
|---|---|---|---|
`)
	for _, d := range jobs {
		route, verb := "", ""
		if d.Ask != nil {
			route, verb = "`POST "+d.Ask.Route()+"`", "`"+d.Ask.Verb+"`"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", d.Kind, d.Summary, route, verb)
	}
	for _, d := range jobs {
		fmt.Fprintf(w, "\n## `%s`\n\n%s\n", d.Kind, d.Summary)
		if len(d.Stages) > 0 {
			fmt.Fprintf(w, "\nStages: %s.\n", strings.Join(d.Stages, " → "))
		}
		if d.Ask != nil {
			fields(w, d.Ask.Body)
		}
	}
}

// fields writes the table of a request's fields, as its tags say.
func fields(w io.Writer, body reflect.Type) {
	fmt.Fprint(w, "\n| field | needed | meaning |\n|---|---|---|\n")
	for i := range body.NumField() {
		f := body.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		needed := "yes"
		if strings.Contains(options, "omitempty") || f.Tag.Get("required") == "false" {
			needed = ""
		}
		meaning := f.Tag.Get("doc")
		if example := f.Tag.Get("example"); example != "" {
			meaning += " Example: `" + example + "`."
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", name, needed, strings.ReplaceAll(meaning, "|", `\|`))
	}
}

// Each job says what it is, and no two share a kind, a route or a verb.
func TestCatalog(t *testing.T) {
	seen := map[string]bool{}
	once := func(what, value string) {
		if seen[what+value] {
			t.Errorf("%s %s is there twice", what, value)
		}
		seen[what+value] = true
	}
	for _, d := range All(Settings{}) {
		once("kind", string(d.Kind))
		if d.Summary == "" || d.Run == nil || len(d.Stages) == 0 {
			t.Errorf("%s does not say what it is", d.Kind)
		}
		if d.Ask == nil {
			continue
		}
		once("route", d.Ask.Path)
		once("verb", d.Ask.Verb)
		for i := range d.Ask.Body.NumField() {
			if f := d.Ask.Body.Field(i); f.Tag.Get("doc") == "" {
				t.Errorf("%s: field %s has no doc", d.Kind, f.Name)
			}
		}
	}
}
