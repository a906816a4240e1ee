// SPDX-License-Identifier: Apache-2.0

package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// argsFields gives type and JSON tag of each field of the struct Args in a Go file.
func argsFields(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Args" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			tag, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name := reflect.StructTag(tag).Get("json"); !strings.HasSuffix(name, ",omitempty") { // those only people give
				fields = append(fields, name)
			}
		}
		return false
	})
	if len(fields) == 0 {
		t.Fatalf("%s has no struct Args", file)
	}
	return fields
}

func structFields(v any) []string {
	var fields []string
	for i := range reflect.TypeOf(v).NumField() {
		fields = append(fields, reflect.TypeOf(v).Field(i).Tag.Get("json"))
	}
	return fields
}
