// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// typeNames are the repository types of Pulp. What differs between them is data in package content.
var typeNames = []string{"deb", "rpm", "file", "python", "container"}

// mayCompareTypes are the places where a type's name may be compared, besides tests and what stands in for
// something in them.
var mayCompareTypes = []string{"internal/content/", "test/"}

// otherWords are type names that mean something else in a place.
var otherWords = map[string]string{
	"internal/config/": "file", // the scheme of a reference to a secret: file:/path
}

func TestOnlyContentComparesTypes(t *testing.T) {
	none(t, comparedTypes(project(t)))
}

// comparedTypes complains about ==, !=, switch cases, map keys and constants with a type's name.
func comparedTypes(files []source) []string {
	var complaints []string
	for _, f := range files {
		if f.test() || double(f.pkg()) || slices.ContainsFunc(mayCompareTypes, func(dir string) bool { return strings.HasPrefix(f.path, dir) }) {
			continue
		}
		complain := func(n ast.Node, name, how string) {
			for dir, word := range otherWords {
				if word == name && strings.HasPrefix(f.path, dir) {
					return
				}
			}
			complaints = append(complaints, fmt.Sprintf("%s: %s %q: what differs by repository type is data in package content", f.at(n), how, name))
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op != token.EQL && n.Op != token.NEQ {
					break
				}
				for _, pair := range [][2]ast.Expr{{n.X, n.Y}, {n.Y, n.X}} {
					if name, ok := typeName(pair[0]); ok && !otherMeaning(pair[1]) {
						complain(n, name, "compares with")
					}
				}
			case *ast.SwitchStmt:
				if n.Tag != nil && otherMeaning(n.Tag) {
					break
				}
				for _, c := range n.Body.List {
					for _, e := range c.(*ast.CaseClause).List {
						if name, ok := typeName(e); ok {
							complain(e, name, "has a case for")
						}
					}
				}
			case *ast.CompositeLit:
				if _, isMap := n.Type.(*ast.MapType); !isMap {
					break
				}
				for _, e := range n.Elts {
					if pair, ok := e.(*ast.KeyValueExpr); ok {
						if name, ok := typeName(pair.Key); ok {
							complain(e, name, "has a map entry for")
						}
					}
				}
			case *ast.GenDecl:
				if n.Tok != token.CONST {
					break
				}
				for _, spec := range n.Specs {
					for _, v := range spec.(*ast.ValueSpec).Values {
						if name, ok := typeName(v); ok {
							complain(v, name, "has a constant for")
						}
					}
				}
			}
			return true
		})
	}
	return complaints
}

// typeName gives a string literal, or its conversion to another type, that is a repository type's name.
func typeName(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return typeName(e.X)
	case *ast.CallExpr:
		if len(e.Args) == 1 {
			return typeName(e.Args[0])
		}
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING && slices.Contains(typeNames, text) {
			return text, true
		}
	}
	return "", false
}

// otherMeaning tells whether what is compared is something else by its name: the scheme of an
// address or of a reference, for which "file" is a word too.
func otherMeaning(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return strings.EqualFold(e.Sel.Name, "scheme")
	case *ast.Ident:
		return strings.EqualFold(e.Name, "scheme")
	}
	return false
}

func TestTypeRuleCatches(t *testing.T) {
	const header = "package x\n"
	for _, bad := range []struct{ code, says string }{
		{`func f(t string) bool { return t == "deb" }`, "compares with \"deb\""},
		{`func f(t string) bool { return "rpm" != t }`, "compares with \"rpm\""},
		{`func f(t T) bool { return t.Name == T("file") }`, "compares with \"file\""},
		{`func f(t string) { switch t { case "a", "python": } }`, "has a case for \"python\""},
		{`func f(t string) { switch { case t == "container": } }`, "compares with \"container\""},
		{`var m = map[string]int{"a": 1, "deb": 2}`, "has a map entry for \"deb\""},
		{`const apt = "deb"`, "has a constant for \"deb\""},
	} {
		complains(t, comparedTypes([]source{parse(t, "internal/job/x.go", header+bad.code)}), bad.says)
	}
	for _, good := range []string{
		`func f(u U) bool { return u.Scheme == "file" }`,
		`func f(s string) bool { return s == "debian" }`,
		`var list = []string{"deb"}`,
	} {
		none(t, comparedTypes([]source{parse(t, "internal/job/x.go", header+good)}))
	}
	complains(t, comparedTypes([]source{
		parse(t, "internal/config/x.go", header+`func f(k string) bool { return k == "file" || k == "deb" }`),
	}), "compares with \"deb\"")
	none(t, comparedTypes([]source{
		parse(t, "internal/content/x.go", header+`const apt = "deb"`), parse(t, "internal/job/x_test.go", header+`const apt = "deb"`),
	}))
}
