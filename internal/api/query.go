// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// listing says by what a list can be filtered and sorted.
type listing struct {
	fields []listField

	size    int // rows a page where the client does not say; 0: the API's
	largest int // page a client may ask for; 0: the API's
}

// sizes gives the sizes of the list's pages, where it has its own.
func (l *listing) sizes(size, largest int) (int, int) {
	if l == nil || l.largest == 0 {
		return size, largest
	}
	return l.size, l.largest
}

// sortable adds fields that a list can only be sorted by.
func sortable(names ...string) []listField {
	fields := make([]listField, len(names))
	for i, name := range names {
		fields[i] = listField{name: name, sortOnly: true}
	}
	return fields
}

// parse reads a query string. A nil listing knows no parameter.
func (l *listing) parse(raw string, size, largest int) (fleet.Query, []FieldProblem) {
	size, largest = l.sizes(size, largest)
	q := fleet.Query{Page: 1, Size: size}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, []FieldProblem{{"query", "cannot be read: it is not properly escaped"}}
	}
	var problems []FieldProblem
	for _, name := range sortedKeys(values) {
		if message := l.set(&q, name, values[name], largest); message != "" {
			problems = append(problems, FieldProblem{"query." + name, message})
		}
		if len(problems) == maxProblems {
			break
		}
	}
	if len(problems) > 0 {
		return fleet.Query{Page: 1, Size: size}, problems
	}
	return q, nil
}

// set reads one parameter and tells what is wrong with it.
func (l *listing) set(q *fleet.Query, name string, given []string, largest int) string {
	f, op, known := l.filter(name)
	if !known && (l == nil || !slices.Contains(pageParams, name)) {
		return "is not known here; " + l.knownNames()
	}
	text := given[0]
	switch {
	case len(given) > 1:
		return "is given " + strconv.Itoa(len(given)) + " times"
	case !sane(text):
		return "must be text in UTF-8 without NUL"
	case known:
		filters, problem := f.filters(op, text)
		q.Filters = append(q.Filters, filters...)
		return problem
	}
	switch name {
	case "page":
		return setInt(&q.Page, text, 1, maxPage)
	case "page_size":
		return setInt(&q.Size, text, 0, largest)
	case "order_by":
		q.Desc = text == "desc"
		return oneOf(text, []string{"asc", "desc"})
	}
	q.Sort = text
	return oneOf(text, l.names())
}

// pageParams are the parameters of every list.
var pageParams = []string{"page", "page_size", "sort_by", "order_by"}

// maxPage is the highest page number, so that the number of rows before it is one.
const maxPage = 1_000_000_000

// names are the fields a list can be sorted by.
func (l *listing) names() []string {
	names := make([]string, len(l.fields))
	for i, f := range l.fields {
		names[i] = f.name
	}
	return names
}

// knownNames tells which parameters there are.
func (l *listing) knownNames() string {
	if l == nil {
		return "there are no query parameters"
	}
	known := strings.Join(pageParams, ", ")
	for _, f := range l.fields {
		if f.sortOnly {
			continue
		}
		known += ", " + f.name
		var more []string
		for _, op := range suffixes[f.kind][1:] {
			more = append(more, "__"+string(op))
		}
		if len(more) > 0 {
			known += " (" + strings.Join(more, " ") + ")"
		}
	}
	return "known are " + known
}

// setInt reads a number between two bounds.
func setInt(into *int, text string, least, most int) string {
	n, err := strconv.Atoi(text)
	if err != nil {
		return "must be an integer, not " + quote(text)
	}
	if n < least || n > most {
		return "must be between " + strconv.Itoa(least) + " and " + strconv.Itoa(most) + ", not " + text
	}
	*into = n
	return ""
}

// oneOf tells what is wrong with a text that should be one of a few.
func oneOf(text string, known []string) string {
	if slices.Contains(known, text) {
		return ""
	}
	return "must be one of " + strings.Join(known, ", ") + ", not " + quote(text)
}

// sane tells whether a text can be stored: databases refuse NUL and broken UTF-8.
func sane(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func sortedKeys(values url.Values) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
