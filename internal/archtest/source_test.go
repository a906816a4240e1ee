// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/pulp/pulp-manager"

// source is one Go file of the project.
type source struct {
	path    string // from the root of the project, with slashes
	text    string
	tree    *ast.File
	files   *token.FileSet
	imports []string // packages of ours, from the root of the project; "internal/" is left out
	others  []string // all other imports
}

// test tells whether the file is compiled for tests only.
func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// pkg is the directory of the file, as imports are written here.
func (s source) pkg() string { return short(path.Dir(s.path)) }

// at gives the place of a node, for complaints.
func (s source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.files.Position(n.Pos()).Line)
}

func short(dir string) string { return strings.TrimPrefix(dir, "internal/") }

// parse makes a source of a file's text.
func parse(t *testing.T, at, text string) source {
	t.Helper()
	s := source{path: at, text: text, files: token.NewFileSet()}
	var err error
	if s.tree, err = parser.ParseFile(s.files, at, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for _, spec := range s.tree.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if ours, ok := strings.CutPrefix(name, module+"/"); ok {
			s.imports = append(s.imports, short(ours))
		} else {
			s.others = append(s.others, name)
		}
	}
	return s
}

// skipped are directories without hand-written files of the project.
var skipped = map[string]bool{".git": true, "bin": true, "testdata": true, "node_modules": true}

// walk calls visit for every file of the project.
func walk(t *testing.T, visit func(at string, read func() string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped[d.Name()] {
				return filepath.SkipDir
			}
			return nil
		}
		at, err := filepath.Rel(root, file)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		visit(filepath.ToSlash(at), func() string {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	once sync.Once
	all  []source
)

// project gives every Go file of the project.
func project(t *testing.T) []source {
	t.Helper()
	once.Do(func() {
		walk(t, func(at string, read func() string) {
			if strings.HasSuffix(at, ".go") {
				all = append(all, parse(t, at, read()))
			}
		})
	})
	if len(all) < 100 {
		t.Fatalf("only %d Go files found: the rules were looked at for nothing", len(all))
	}
	return all
}

// none fails the test for each complaint.
func none(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

// complains fails the test unless there is exactly one complaint and it contains text.
func complains(t *testing.T, complaints []string, text string) {
	t.Helper()
	if len(complaints) != 1 || !strings.Contains(complaints[0], text) {
		t.Errorf("complaints %q, want one with %q", complaints, text)
	}
}
