// SPDX-License-Identifier: Apache-2.0

package fleet

// Op is how a filter compares.
type Op string

// The operators, as the REST API's suffixes name them (`name__match`). Equal has no suffix.
const (
	Equal   Op = ""
	Like    Op = "like"  // SQL LIKE
	Match   Op = "match" // regular expression, searched, case-insensitive as the original's collation
	In      Op = "in"
	Less    Op = "lt"
	AtMost  Op = "le"
	Greater Op = "gt"
	AtLeast Op = "ge"
)

// Filter keeps rows whose field compares so with a value. Values have the
// field's Go type: string, int64, bool, time.Time; []any of those for In.
type Filter struct {
	Field string // as the REST API names it
	Op    Op
	Value any
}

// Query asks for one page of a list. Rows come in a stable order: by Sort, then by id.
type Query struct {
	Filters []Filter
	Sort    string // field as the REST API names it; empty: by id
	Desc    bool
	Page    int // from 1
	Size    int // rows a page; 0: none, only the total
}

// Page is one page of a list, and how many rows there are in all.
type Page[T any] struct {
	Items []T
	Total int
}
