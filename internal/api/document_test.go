// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// operation is what the document says of one, as far as it is checked here.
type operation struct {
	OperationID, Summary, Description string
	Parameters                        []struct {
		Name, In, Description string
		Required              bool
	}
	RequestBody *struct {
		Content map[string]media
	}
	Responses map[string]struct {
		Description string
		Content     map[string]media
	}
}

type media struct {
	Schema  map[string]any
	Example any
}

// readDocument reads the document that the API serves.
func readDocument(t *testing.T, target string) (map[string]map[string]operation, map[string]any) {
	t.Helper()
	got := ask(t, New(newMemory().options()), http.MethodGet, target, "")
	if got.status != http.StatusOK {
		t.Fatalf("answered %d: %s", got.status, got.body)
	}
	var document struct {
		OpenAPI    string
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(got.body), &document); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"/openapi.json": "3.1.0", "/openapi-3.0.json": "3.0.3"}[target]; document.OpenAPI != want {
		t.Errorf("version %q, want %q", document.OpenAPI, want)
	}
	return document.Paths, document.Components.Schemas
}

func TestEveryRouteIsDocumented(t *testing.T) {
	m := newMemory()
	a := &api{Options: m.options(), document: newDocument("")}
	routes := a.routes()
	for _, target := range []string{"/openapi.json", "/openapi-3.0.json"} {
		paths, schemas := readDocument(t, target)
		if len(routes) < 16 {
			t.Fatalf("there are only %d routes", len(routes))
		}
		for _, rt := range routes {
			op, ok := paths[rt.path][strings.ToLower(rt.method)]
			if !ok {
				t.Errorf("%s: %s %s is missing", target, rt.method, rt.path)
				continue
			}
			t.Run(target+" "+rt.method+" "+rt.path, func(t *testing.T) { checkOperation(t, rt, op, schemas) })
		}
	}
}

// checkOperation checks that an operation tells all that a reader needs.
func checkOperation(t *testing.T, rt route, op operation, schemas map[string]any) {
	t.Helper()
	if op.OperationID == "" || op.Summary == "" || op.Description == "" {
		t.Errorf("operationId %q, summary %q, description %q", op.OperationID, op.Summary, op.Description)
	}
	for _, p := range op.Parameters {
		if p.In == "path" && (!p.Required || !strings.Contains(rt.path, "{"+p.Name+"}")) {
			t.Errorf("path parameter %+v", p)
		}
		if p.In == "query" && p.Description == "" {
			t.Errorf("query parameter %s without description", p.Name)
		}
	}
	if (rt.body != nil) != (op.RequestBody != nil) {
		t.Error("request body and document differ")
	}
	if op.RequestBody != nil {
		checkMedia(t, "body", op.RequestBody.Content["application/json"], schemas)
	}
	success, failures := 0, []string{}
	for status, response := range op.Responses {
		if response.Description == "" {
			t.Errorf("answer %s without description", status)
		}
		kind := "application/json"
		switch {
		case rt.stream && status == "200":
			kind = eventStream
		case rt.binary && status == "200":
			kind = "application/octet-stream"
		case status == "431":
			kind = "text/plain"
		}
		checkMedia(t, status, response.Content[kind], schemas)
		if strings.HasPrefix(status, "2") {
			success++
		} else {
			failures = append(failures, status)
		}
	}
	if success != 1 {
		t.Errorf("%d answers of success", success)
	}
	want := []string{"422", "500", "503"}
	if strings.Contains(rt.path, "{") && rt.list == nil {
		want = append(want, "404")
	}
	for _, status := range want {
		if !slices.Contains(failures, status) {
			t.Errorf("answer %s is missing; there are %v", status, failures)
		}
	}
}

// checkMedia checks that there are a schema and an example, and that what is referred to exists.
func checkMedia(t *testing.T, where string, m media, schemas map[string]any) {
	t.Helper()
	if len(m.Schema) == 0 || m.Example == nil {
		t.Errorf("%s: schema %v, example %v", where, m.Schema, m.Example)
	}
	if ref, ok := m.Schema["$ref"].(string); ok {
		if _, ok := schemas[strings.TrimPrefix(ref, "#/components/schemas/")]; !ok {
			t.Errorf("%s: no schema %s", where, ref)
		}
	}
}

// Examples are answers that the schemas allow, and bodies that work.
func TestExampleBodiesWork(t *testing.T) {
	paths, _ := readDocument(t, "/openapi.json")
	tried := 0
	for path, operations := range paths {
		op, ok := operations["post"]
		if !ok || op.RequestBody == nil {
			continue
		}
		tried++
		body, err := json.Marshal(op.RequestBody.Content["application/json"].Example)
		if err != nil {
			t.Fatal(err)
		}
		o := newMemory().options()
		o.Access = newDoor()
		got := ask(t, New(o), http.MethodPost, strings.NewReplacer("{id}", "1", "{repo_id}", "23").Replace(path), string(body), "Authorization", "Bearer "+adminToken)
		if got.status != http.StatusCreated && path != "/v1/auth/login" && !strings.HasSuffix(path, "/pause") || got.status >= 300 {
			t.Errorf("POST %s with its example %s: answered %d %s", path, body, got.status, got.body)
		}
	}
	if tried != 5 {
		t.Errorf("tried %d bodies", tried)
	}
}

// Every parameter of the document is one that the API knows, and the other way round.
func TestDocumentedParametersAreKnown(t *testing.T) {
	paths, _ := readDocument(t, "/openapi.json")
	h := New(newMemory().options())
	for _, path := range []string{"/v1/pulp_servers/", "/v1/pulp_servers/{id}/repos", "/v1/pulp_servers/{id}/repo_groups", "/v1/tasks/"} {
		queries := 0
		for _, p := range paths[path]["get"].Parameters {
			if p.In != "query" {
				continue
			}
			queries++
			got := ask(t, h, http.MethodGet, strings.Replace(path, "{id}", "1", 1)+"?"+p.Name+"=%ff", "")
			if got.status != http.StatusUnprocessableEntity || strings.Contains(got.body, "not known") {
				t.Errorf("%s?%s: answered %d %s", path, p.Name, got.status, got.body)
			}
		}
		if queries < 12 {
			t.Errorf("%s documents only %d parameters", path, queries)
		}
	}
}

func TestDocumentationPages(t *testing.T) {
	h := New(newMemory().options())
	link := regexp.MustCompile(`(?:src|href)="([^"]+)"`)
	for page, parts := range map[string][]string{
		"/docs":  {"static/swagger-ui.css", "static/swagger-ui-bundle.js", "static/docs.js"},
		"/redoc": {"static/redoc.js"},
	} {
		got := ask(t, h, http.MethodGet, page, "")
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Fatalf("%s: answered %d %s", page, got.status, got.header.Get("Content-Type"))
		}
		if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "script-src 'self' '") {
			t.Errorf("%s: policy %q", page, policy)
		}
		if strings.Contains(strings.ReplaceAll(got.body, "></script>", ""), "</script>") {
			t.Errorf("%s has a script in its text", page)
		}
		var linked []string
		for _, found := range link.FindAllStringSubmatch(got.body, -1) {
			if !strings.HasPrefix(found[1], "data:") {
				linked = append(linked, found[1])
			}
		}
		slices.Sort(linked)
		slices.Sort(parts)
		if !slices.Equal(linked, parts) {
			t.Errorf("%s links %v, want %v", page, linked, parts)
		}
		for _, part := range linked {
			if got := ask(t, h, http.MethodGet, "/"+part, ""); got.status != http.StatusOK {
				t.Errorf("%s: answered %d", part, got.status)
			}
		}
	}
}

func TestAssetsAreServedAsAskedFor(t *testing.T) {
	h := New(newMemory().options())
	small := ask(t, h, http.MethodGet, "/static/swagger-ui-bundle.js", "", "Accept-Encoding", "gzip, br")
	large := ask(t, h, http.MethodGet, "/static/swagger-ui-bundle.js", "")
	if small.header.Get("Content-Encoding") != "gzip" || large.header.Get("Content-Encoding") != "" {
		t.Fatalf("encodings %q and %q", small.header.Get("Content-Encoding"), large.header.Get("Content-Encoding"))
	}
	unzip, err := gzip.NewReader(bytes.NewReader([]byte(small.body)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzip)
	if err != nil || string(text) != large.body || len(text) < 1<<20 {
		t.Errorf("%d bytes unpacked, %d plain, %v", len(text), len(large.body), err)
	}
	again := ask(t, h, http.MethodGet, "/static/swagger-ui-bundle.js", "", "If-None-Match", small.header.Get("ETag"))
	if again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("asked again: %d with %d bytes", again.status, len(again.body))
	}
}

// What is embedded is served, and has its licence beside it.
func TestEveryAssetIsServed(t *testing.T) {
	h := New(newMemory().options())
	served := 0
	err := fs.WalkDir(assets, "docs", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".html") {
			return err
		}
		served++
		name := strings.TrimSuffix(strings.TrimPrefix(path, "docs/"), ".gz")
		if got := ask(t, h, http.MethodGet, "/static/"+name, ""); got.status != http.StatusOK || got.body == "" || got.header.Get("ETag") == "" {
			t.Errorf("%s: answered %d with %s bytes", name, got.status, strconv.Itoa(len(got.body)))
		}
		return nil
	})
	if err != nil || served != len(assetFiles) {
		t.Errorf("%d files for %d names: %v", served, len(assetFiles), err)
	}
}
