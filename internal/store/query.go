// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// fieldType is the Go type that a field's filter values have.
type fieldType string

const (
	text    fieldType = "a text"
	integer fieldType = "an integer"
	boolean fieldType = "true or false"
	moment  fieldType = "a time"
)

// field is what the REST API's name of a field stands for.
type field struct {
	expr     string // SQL
	typ      fieldType
	nullable bool     // an absent one sorts first, as in the original; for an id, 0 means absent
	number   bool     // 0 is a number like any other, though the field is nullable
	values   []string // the only ones there are; nil: any
	of       *other   // table that the expression is about; nil: the list's own
}

// condition is a piece of SQL that is true or false of a row.
type condition = schema.QueryWithArgs

// other is a table of which each row of a list names one row.
type other struct {
	table, alias string
	key          string // column of the list with that row's id
}

// join joins the table to the list.
func (o *other) join() string {
	return fmt.Sprintf("JOIN %s AS %s ON %s.id = %s", o.table, o.alias, o.alias, o.key)
}

// keep makes a condition on the table one on the list. first says to look for the table's rows before the list's:
// right where few fit, or where a row stands for many of the list's.
func (o *other) keep(c condition, first bool) condition {
	if first {
		return bun.SafeQuery("? IN (SELECT ?.id FROM ? AS ? WHERE ?)", bun.Safe(o.key), bun.Safe(o.alias), bun.Safe(o.table), bun.Safe(o.alias), c)
	}
	// A value, not EXISTS, which PostgreSQL may turn into a join with the whole other table.
	return bun.SafeQuery("(SELECT ? FROM ? AS ? WHERE ?.id = ?)", c, bun.Safe(o.table), bun.Safe(o.alias), bun.Safe(o.alias), bun.Safe(o.key))
}

// fields are all that a list can be filtered and sorted by: an allow-list, so
// nothing a client sends becomes SQL.
type fields map[string]field

func (f fields) known() string { return strings.Join(slices.Sorted(maps.Keys(f)), ", ") }

func (f fields) field(name, use string) (field, error) {
	known, ok := f[name]
	if !ok {
		return field{}, fault.New(fault.Invalid, "%s %q: there is no such field", use, name).WithHint("known are: %s", f.known())
	}
	return known, nil
}

// position is an SQL expression for the place (from 1) of a column's value in a list,
// which is the original's id of an enumerated value; null where it has none.
func position[T ~string](column string, values []T) string {
	var b strings.Builder
	b.WriteString("(CASE " + column)
	for i, v := range values {
		fmt.Fprintf(&b, " WHEN '%s' THEN %d", string(v), i+1)
	}
	b.WriteString(" END)")
	return b.String()
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

// comparisons are the operators that SQL has as they are.
var comparisons = map[fleet.Op]string{
	fleet.Equal: "=", fleet.Less: "<", fleet.AtMost: "<=", fleet.Greater: ">", fleet.AtLeast: ">=",
}

func (f field) condition(d Dialect, filter fleet.Filter) (condition, error) {
	none := condition{}
	column := bun.Safe(f.expr)
	if filter.Op == fleet.In {
		values, err := f.all(filter)
		if err != nil {
			return none, err
		}
		if len(values) == 0 {
			return bun.SafeQuery("1 = 0"), nil
		}
		return bun.SafeQuery("? IN (?)", column, bun.List(values)), nil
	}
	value, err := f.value(filter, filter.Value)
	if err != nil {
		return none, err
	}
	if op, ok := comparisons[filter.Op]; ok {
		if f.nullable && !f.number && f.typ == integer && filter.Op == fleet.Equal && value == int64(0) {
			return bun.SafeQuery("? IS NULL", column), nil
		}
		return bun.SafeQuery("? "+op+" ?", column, value), nil
	}
	if f.typ != text || filter.Op != fleet.Like && filter.Op != fleet.Match {
		return none, fault.New(fault.Invalid, "filter %s__%s: a field that is %s has no such operator", filter.Field, filter.Op, f.typ)
	}
	return likeOrMatch(d, column, filter, value)
}

// likeOrMatch compares in any case on both databases, as the original's did.
func likeOrMatch(d Dialect, column bun.Safe, filter fleet.Filter, value any) (condition, error) {
	none := condition{}
	if filter.Op == fleet.Like {
		if d == PostgreSQL {
			return bun.SafeQuery(`? ILIKE ?`, column, value), nil
		}
		return bun.SafeQuery(`? LIKE ? ESCAPE '\'`, column, value), nil
	}
	if _, err := fleet.CompilePattern(anyCase(fmt.Sprint(value))); err != nil {
		return none, fault.Wrap(fault.Invalid, err, "filter %s__match: %q is not a regular expression", filter.Field, value)
	}
	if d == PostgreSQL {
		return bun.SafeQuery("? ~* ?", column, value), nil
	}
	return bun.SafeQuery("? REGEXP ?", column, value), nil
}

func (f field) all(filter fleet.Filter) ([]any, error) {
	given := reflect.ValueOf(filter.Value)
	if given.Kind() != reflect.Slice {
		return nil, fault.New(fault.Invalid, "filter %s__in: %v is not a list", filter.Field, filter.Value)
	}
	values := make([]any, given.Len())
	for i := range values {
		value, err := f.value(filter, given.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

// value makes sure that a value has the field's type, so that both databases compare alike.
func (f field) value(filter fleet.Filter, given any) (any, error) {
	bad := fault.New(fault.Invalid, "filter %s: %v is not %s", filter.Field, given, f.typ)
	if t, ok := given.(time.Time); ok {
		if f.typ != moment {
			return nil, bad
		}
		return t, nil
	}
	v := reflect.ValueOf(given)
	switch {
	case f.typ == text && v.Kind() == reflect.String:
		return f.textValue(filter, v.String())
	case f.typ == integer && v.CanInt():
		return v.Int(), nil
	case f.typ == boolean && v.Kind() == reflect.Bool:
		return v.Bool(), nil
	}
	return nil, bad
}

func (f field) textValue(filter fleet.Filter, value string) (any, error) {
	if strings.ContainsRune(value, 0) {
		return nil, fault.New(fault.Invalid, "filter %s: the value holds a zero byte", filter.Field)
	}
	pattern := filter.Op == fleet.Like || filter.Op == fleet.Match
	if f.values != nil && !pattern && !slices.Contains(f.values, value) {
		return nil, fault.New(fault.Invalid, "filter %s: there is no %q", filter.Field, value).
			WithHint("known are: %s", strings.Join(f.values, ", "))
	}
	return value, nil
}
