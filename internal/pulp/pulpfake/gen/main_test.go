// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const description = `{
 "info": {"x-pulp-app-versions": {"core": "3.1"}},
 "paths": {
  "/pulp/api/v3/remotes/file/file/": {
   "get": {"parameters": [
      {"name": "name__in", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
      {"name": "ordering", "in": "query", "schema": {"type": "array", "items": {"type": "string", "enum": ["-name", "name", "pk"]}}},
      {"name": "X-Header", "in": "header", "schema": {"type": "string"}}],
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}}},
   "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Remote"}}}}}
  },
  "/pulp/api/v3/remotes/file/file/{pulp_id}/": {"patch": {}, "get": {}, "delete": {}},
  "/pulp/api/v3/remotes/ansible/role/": {"get": {}},
  "/pulp/api/v3/orphans/cleanup/": {"post": {}}
 },
 "components": {"schemas": {
  "Page": {"properties": {"results": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}}}},
  "Answer": {"properties": {"name": {"type": "string"}, "pulp_href": {"type": "string"}}},
  "Policy": {"type": "string", "enum": ["a", "b"]},
  "Remote": {"required": ["name"], "properties": {
    "name": {"type": "string", "minLength": 1}, "pulp_href": {"type": "string", "readOnly": true},
    "password": {"type": "string", "writeOnly": true, "nullable": true},
    "policy": {"allOf": [{"$ref": "#/components/schemas/Policy"}], "default": "a"}}}
 }}
}`

func TestSchemaFromADescription(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "api.json"), filepath.Join(dir, "schema.json")
	if err := os.WriteFile(in, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(in, out); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var got result
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := result{
		Versions: map[string]string{"core": "3.1"},
		Ops: map[string]op{
			"GET remotes/file/file/": {
				Query:  map[string]string{"name__in": "[]string", "ordering": "name|pk"},
				Answer: []string{"name", "pulp_href"},
			},
			"POST remotes/file/file/": {Body: map[string]field{
				"name":     {Type: "string", Required: true, MinLen: 1},
				"password": {Type: "string", Null: true, Secret: true},
				"policy":   {Type: "string", Enum: []any{"a", "b"}, Default: "a"},
			}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestADescriptionWithoutPathsIsRefused(t *testing.T) {
	in := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(in, []byte(`{"paths": {"{repository_href}sync/": {"post": {}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(in, in+".out"); err == nil {
		t.Error("no error for a description without pk_path=1")
	}
}
