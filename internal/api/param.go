// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// param is a text in the query of a route that is no list. It must be given unless it is optional.
type param struct {
	name, doc, example string
	pattern            string // of what it may be, in the document; empty: anything
	optional           bool
}

// parseParams reads the query of such a route. What it says of a value is never the value: it may be a secret.
func parseParams(known []param, raw string) (map[string]string, []FieldProblem) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, []FieldProblem{{"query", "cannot be read: it is not properly escaped"}}
	}
	found, problems, names := map[string]string{}, []FieldProblem{}, []string{}
	for _, p := range known {
		given := values[p.name]
		delete(values, p.name)
		names = append(names, p.name)
		switch {
		case len(given) == 0 && p.optional:
		case len(given) == 0:
			problems = append(problems, FieldProblem{"query." + p.name, "is required"})
		case len(given) > 1:
			problems = append(problems, FieldProblem{"query." + p.name, "is given " + strconv.Itoa(len(given)) + " times"})
		case !sane(given[0]):
			problems = append(problems, FieldProblem{"query." + p.name, "must be text in UTF-8 without NUL"})
		default:
			found[p.name] = given[0]
		}
	}
	for _, name := range sortedKeys(values) {
		problems = append(problems, FieldProblem{"query." + name, "is not known here; known are " + strings.Join(names, ", ")})
	}
	return found, problems
}

// describe makes the document's description of a parameter.
func (p param) describe() *huma.Param {
	return &huma.Param{Name: p.name, In: "query", Description: p.doc, Required: !p.optional, Example: p.example, Schema: &huma.Schema{Type: huma.TypeString, Pattern: p.pattern}}
}
