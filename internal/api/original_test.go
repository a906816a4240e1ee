// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/job/catalog"
)

// originalFile lists what the routes of the original are.
const originalFile = "testdata/original/routes.txt"

// originalParams are path parameters with another name in our document, which no client sees.
var originalParams = map[string]string{"/v1/rq_jobs/queues/jobs/{id}": "/v1/rq_jobs/queues/jobs/{job_id}"}

// originalExceptions are what is not as in the original, by "METHOD path kind name", with the reason.
var originalExceptions = map[string]string{
	"POST /v1/pulp_servers/{id}/remove_repos body regex_include": "required: without it everything would be removed",
}

// fact is one line of originalFile: something a route has.
type fact struct {
	kind, name, typ string
	required        bool
}

// readOriginal gives the facts of each route, by "METHOD path".
func readOriginal(t *testing.T) map[string][]fact {
	t.Helper()
	text, err := os.ReadFile(originalFile)
	if err != nil {
		t.Fatal(err)
	}
	routes, current := map[string][]fact{}, ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case !strings.HasPrefix(line, " "):
			current = strings.TrimSpace(line)
			routes[current] = nil
		default:
			words = append(words, "", "")
			routes[current] = append(routes[current], fact{words[0], words[1], words[2], words[3] == "required"})
		}
	}
	return routes
}

// schemaDocument is the document as far as schemas are looked at.
type schemaDocument struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Required bool
			Schema   map[string]any
		}
		RequestBody struct{ Content map[string]media }
		Responses   map[string]struct{ Content map[string]media }
	}
	Components struct{ Schemas map[string]map[string]any }
}

// realDocument is the document of the API with all jobs.
func realDocument(t *testing.T, target string) schemaDocument {
	t.Helper()
	o := newMemory().options()
	o.Jobs = catalog.All(catalog.Settings{})
	got := ask(t, New(o), http.MethodGet, target, "")
	var d schemaDocument
	if err := json.Unmarshal([]byte(got.body), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolve follows a reference.
func (d schemaDocument) resolve(s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		return d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	return s
}

// field finds a field of a schema, also within the items of lists: "items.id".
func (d schemaDocument) field(s map[string]any, name string) map[string]any {
	s = d.resolve(s)
	first, rest, more := strings.Cut(name, ".")
	properties, _ := s["properties"].(map[string]any)
	found, _ := properties[first].(map[string]any)
	if found == nil || !more {
		return found
	}
	items, _ := d.resolve(found)["items"].(map[string]any)
	return d.field(items, rest)
}

// typesOf gives the types that a schema allows, in the words of originalFile.
func (d schemaDocument) typesOf(s map[string]any) []string {
	var types []string
	switch t := d.resolve(s)["type"].(type) {
	case string:
		types = []string{t}
	case []any:
		for _, one := range t {
			types = append(types, one.(string))
		}
	}
	for i, name := range types {
		if word, ok := map[string]string{"string": "text", "array": "list"}[name]; ok {
			types[i] = word
		}
	}
	return types
}

// Every route, parameter and field of the original is there, of a type that its clients can send and read, and none is
// required that was not.
func TestEverythingOfTheOriginalIsThere(t *testing.T) {
	d := realDocument(t, "/openapi.json")
	routes, used := readOriginal(t), map[string]bool{}
	if len(routes) < 25 {
		t.Fatalf("only %d routes", len(routes))
	}
	for name, facts := range routes {
		method, path, _ := strings.Cut(name, " ")
		renamed := originalParams[path]
		if renamed != "" {
			path = renamed
		}
		op, there := d.Paths[path][strings.ToLower(method)]
		if !there {
			t.Errorf("%s is missing", name)
			continue
		}
		body := op.RequestBody.Content["application/json"].Schema
		status, known := "", map[string]bool{}
		for _, f := range facts {
			if f.kind == "status" {
				status = f.name
			}
		}
		answer := op.Responses[status].Content["application/json"].Schema
		if answer == nil {
			t.Errorf("%s: no answer %s", name, status)
		}
		complain := func(f fact, format string, args ...any) {
			key := name + " " + f.kind + " " + f.name
			if originalExceptions[key] != "" {
				used[key] = true
				return
			}
			t.Errorf("%s: "+format, append([]any{key}, args...)...)
		}
		for _, f := range facts {
			switch f.kind {
			case "query", "path":
				if f.kind == "path" && renamed != "" {
					f.name = pathParam.FindStringSubmatch(renamed)[1]
				}
				i := slices.IndexFunc(op.Parameters, func(p struct {
					Name, In string
					Required bool
					Schema   map[string]any
				},
				) bool {
					return p.Name == f.name && p.In == f.kind
				})
				if i < 0 {
					complain(f, "is missing")
					continue
				}
				if types := d.typesOf(op.Parameters[i].Schema); !slices.Contains(types, f.typ) {
					complain(f, "is %v, not %s", types, f.typ)
				}
				known[f.kind+f.name] = true
			case "body", "answer":
				s := body
				if f.kind == "answer" {
					s = answer
				}
				found := d.field(s, f.name)
				if found == nil {
					complain(f, "is missing")
					continue
				}
				if types := d.typesOf(found); !slices.Contains(types, f.typ) {
					complain(f, "is %v, not %s", types, f.typ)
				}
				required, _ := d.resolve(s)["required"].([]any)
				if f.kind == "body" && !f.required && slices.Contains(required, any(f.name)) {
					complain(f, "is required")
				}
				known[f.kind+f.name] = true
			}
		}
		for _, p := range op.Parameters {
			if p.Required && !known[p.In+p.Name] {
				t.Errorf("%s: parameter %s is new and required", name, p.Name)
			}
		}
		if required, _ := d.resolve(body)["required"].([]any); body != nil {
			for _, one := range required {
				if field, _ := one.(string); !known["body"+field] {
					t.Errorf("%s: field %s is new and required", name, field)
				}
			}
		}
	}
	for key := range originalExceptions {
		if !used[key] {
			t.Errorf("exception %q is not needed", key)
		}
	}
}

// Everything in the document says what it is: readers have nothing else.
func TestDocumentDescribesEverything(t *testing.T) {
	d := realDocument(t, "/openapi.json")
	for name, schema := range d.Components.Schemas {
		properties, _ := schema["properties"].(map[string]any)
		for field, value := range properties {
			one, _ := value.(map[string]any)
			if text, _ := one["description"].(string); text == "" {
				t.Errorf("schema %s: field %s has no description", name, field)
			}
		}
	}
	o := newMemory().options()
	o.Jobs = catalog.All(catalog.Settings{})
	var full struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal([]byte(ask(t, New(o), http.MethodGet, "/openapi.json", "").body), &full); err != nil {
		t.Fatal(err)
	}
	for path, operations := range full.Paths {
		for method, op := range operations {
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s %s: parameter %s has no description", method, path, p.Name)
				}
			}
		}
	}
}
