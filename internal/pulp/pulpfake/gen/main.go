// SPDX-License-Identifier: Apache-2.0

// Command gen turns a Pulp server's own API description into schema.json, the table of body fields, query filters and
// answer fields that the fake enforces. Run it against a live server or a saved file:
//
//	go run ./internal/pulp/pulpfake/gen -in 'http://HOST/pulp/api/v3/docs/api.json?pk_path=1' -out internal/pulp/pulpfake/schema.json
//
// The description must be the one with `pk_path=1`, whose paths are real paths instead of href placeholders.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"sort"
	"strings"
)

// prefixes are the collections the fake serves; everything else in the description is left out.
var prefixes = []string{
	"status/", "login/", "livez/", "tasks/", "workers/", "signing-services/", "repository_versions/", "artifacts/",
	"deb/copy/", "rpm/copy/",
	"repositories/", "remotes/", "distributions/", "publications/", "content/",
}

// kinds are the repository types (second and third path element) the fake serves.
var kinds = map[string]bool{
	"deb/apt": true, "deb/verbatim": true, "rpm/rpm": true, "file/file": true, "python/python": true, "python/pypi": true,
	"container/container":       true,
	"deb/packages":              true,
	"deb/releases":              true,
	"deb/release_components":    true,
	"deb/release_architectures": true, "deb/package_release_components": true, "deb/release_files": true, "deb/package_indices": true,
	"rpm/packages": true, "file/files": true, "python/packages": true, "container/tags": true, "container/manifests": true,
	"container/container-push": true, "container/blobs": true,
}

// skipped are the last path elements of sub-resources the fake does not serve.
var skipped = regexp.MustCompile(`(add_role|remove_role|list_roles|my_permissions|repair|scan|upload|blocklist_entries|profile_artifacts|repair_metadata|treeinfo)/`)

type document struct {
	Info struct {
		Versions map[string]string `json:"x-pulp-app-versions"`
	} `json:"info"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Parameters []struct {
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema schema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]media `json:"content"`
	} `json:"responses"`
}

type media struct {
	Schema schema `json:"schema"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Format     string            `json:"format"`
	Nullable   bool              `json:"nullable"`
	ReadOnly   bool              `json:"readOnly"`
	WriteOnly  bool              `json:"writeOnly"`
	MinLength  int               `json:"minLength"`
	MaxLength  int               `json:"maxLength"`
	Minimum    *float64          `json:"minimum"`
	Maximum    *float64          `json:"maximum"`
	Enum       []any             `json:"enum"`
	Default    any               `json:"default"`
	Items      *schema           `json:"items"`
	AllOf      []schema          `json:"allOf"`
	OneOf      []schema          `json:"oneOf"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Additional json.RawMessage   `json:"additionalProperties"`
}

// field is one accepted body field, in the short form of schema.json.
type field struct {
	Type     string   `json:"t,omitempty"`
	Format   string   `json:"f,omitempty"`
	Required bool     `json:"r,omitempty"`
	Null     bool     `json:"null,omitempty"`
	Secret   bool     `json:"w,omitempty"`
	MinLen   int      `json:"minlen,omitempty"`
	MaxLen   int      `json:"maxlen,omitempty"`
	Min      *float64 `json:"min,omitempty"`
	Max      *float64 `json:"max,omitempty"`
	Enum     []any    `json:"enum,omitempty"`
	Default  any      `json:"def,omitempty"`
	Items    string   `json:"items,omitempty"`
}

type op struct {
	Query  map[string]string `json:"q,omitempty"`
	Body   map[string]field  `json:"b,omitempty"`
	Answer []string          `json:"a,omitempty"`
}

type result struct {
	Versions map[string]string `json:"versions"`
	Ops      map[string]op     `json:"ops"`
}

func main() {
	in := flag.String("in", "", "URL or file of docs/api.json?pk_path=1")
	out := flag.String("out", "schema.json", "file to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	raw, err := read(in)
	if err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	res := result{Versions: doc.Info.Versions, Ops: map[string]op{}}
	for path, ops := range doc.Paths {
		key, ok := wanted(path)
		if !ok {
			continue
		}
		for method, o := range ops {
			if op := strings.ToUpper(method) + " " + key; kept(op) {
				res.Ops[op] = doc.convert(o)
			}
		}
	}
	if len(res.Ops) == 0 {
		return fmt.Errorf("%s: no known path in it; was it fetched with pk_path=1?", in)
	}
	b, err := json.Marshal(res)
	if err != nil {
		return err
	}
	// One operation a line keeps a later difference readable.
	text := strings.ReplaceAll(string(b), `},"`, "},\n\"")
	return os.WriteFile(out, []byte(text+"\n"), 0o644)
}

func read(in string) ([]byte, error) {
	if !strings.HasPrefix(in, "http") {
		return os.ReadFile(in)
	}
	resp, err := http.Get(in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", in, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// wanted returns the path below api/v3/ with every placeholder written {}, if the fake serves it.
func wanted(path string) (string, bool) {
	_, rest, ok := strings.Cut(path, "/api/v3/")
	if !ok || skipped.MatchString(rest) {
		return "", false
	}
	served := false
	for _, p := range prefixes {
		served = served || strings.HasPrefix(rest, p)
	}
	if !served {
		return "", false
	}
	s := strings.Split(rest, "/")
	switch s[0] {
	case "repositories", "remotes", "distributions", "publications", "content":
		if len(s) > 2 && !kinds[s[1]+"/"+s[2]] {
			return "", false
		}
	}
	return placeholder.ReplaceAllString(rest, "{}"), true
}

// kept drops what follows from another entry: PATCH and PUT take the fields of POST, one object answers like its list.
func kept(op string) bool {
	switch method, path, _ := strings.Cut(op, " "); method {
	case http.MethodPost:
		return !strings.Contains(path, "_label/") && !strings.HasPrefix(path, "content/") && !strings.HasPrefix(path, "artifacts/")
	case http.MethodGet:
		return !strings.HasSuffix(path, "/{}/") || strings.HasSuffix(path, "versions/{}/")
	case http.MethodPatch:
		return path == "tasks/{}/"
	default:
		return false
	}
}

func (d *document) convert(o operation) op {
	var res op
	for _, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		if res.Query == nil {
			res.Query = map[string]string{}
		}
		res.Query[p.Name] = kindOf(p.Schema)
		if p.Name == "ordering" && p.Schema.Items != nil {
			res.Query[p.Name] = choices(p.Schema.Items.Enum)
		}
	}
	for _, mime := range []string{"application/json", "multipart/form-data", "application/x-www-form-urlencoded"} {
		if m, ok := o.RequestBody.Content[mime]; ok {
			res.Body = d.fields(m.Schema)
			break
		}
	}
	for _, code := range []string{"200", "201"} {
		if m, ok := o.Responses[code].Content["application/json"]; ok {
			res.Answer = d.answer(m.Schema)
			break
		}
	}
	return res
}

// choices writes an enumeration as name|name; "-name" is implied.
func choices(enum []any) string {
	var names []string
	for _, e := range enum {
		if n, ok := e.(string); ok && !strings.HasPrefix(n, "-") {
			names = append(names, n)
		}
	}
	return strings.Join(names, "|")
}

func kindOf(s schema) string {
	if s.Type == "array" && s.Items != nil {
		return "[]" + kindOf(*s.Items)
	}
	if s.Format != "" && s.Type == "string" {
		return s.Format
	}
	return s.Type
}

func (d *document) resolve(s schema) schema {
	for s.Ref != "" || len(s.AllOf) == 1 {
		var next schema
		if s.Ref != "" {
			next = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		} else {
			next = s.AllOf[0]
		}
		if next.Default == nil {
			next.Default = s.Default
		}
		next.Nullable = next.Nullable || s.Nullable
		s = next
	}
	if len(s.OneOf) > 0 {
		first := d.resolve(s.OneOf[0])
		first.Nullable = first.Nullable || s.Nullable
		return first
	}
	return s
}

func (d *document) fields(s schema) map[string]field {
	s = d.resolve(s)
	required := map[string]bool{}
	for _, n := range s.Required {
		required[n] = true
	}
	res := map[string]field{}
	for name, p := range s.Properties {
		if p.ReadOnly {
			continue
		}
		r := d.resolve(p)
		f := field{
			Type: r.Type, Format: r.Format, Required: required[name], Null: r.Nullable || p.Nullable, Secret: p.WriteOnly,
			MinLen: r.MinLength, MaxLen: r.MaxLength, Min: r.Minimum, Max: r.Maximum, Enum: r.Enum, Default: r.Default,
		}
		if r.Items != nil {
			f.Items = d.resolve(*r.Items).Type
		}
		res[name] = f
	}
	return res
}

// answer lists the fields of an object in an answer, or of one element of a list.
func (d *document) answer(s schema) []string {
	s = d.resolve(s)
	if r, ok := s.Properties["results"]; ok && r.Items != nil {
		s = d.resolve(*r.Items)
	}
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
