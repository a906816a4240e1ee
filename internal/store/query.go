// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"maps"
	"math"
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
	values   []string // the only ones there are; nil: any
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

// list asks for one page of a list and its total. prepare selects from the right tables
// the rows that may be listed at all; id is the column that makes the order stable.
func list[Row, T any](ctx context.Context, s *Store, q fleet.Query, known fields, id string,
	prepare func(*bun.SelectQuery) *bun.SelectQuery, convert func(Row) T,
) (fleet.Page[T], error) {
	conditions, err := known.conditions(s.Dialect(), q.Filters)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	order, err := known.order(q, id)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	limit, offset, err := window(q)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	rows := []Row{}
	sel := prepare(s.read.NewSelect().Model(&rows))
	for _, c := range conditions {
		sel = sel.Where("?", c)
	}
	total, err := sel.Count(ctx)
	if err != nil {
		return fleet.Page[T]{}, s.errors.classify(ctx, err, "count a list")
	}
	page := fleet.Page[T]{Items: []T{}, Total: int(total)}
	if limit == 0 || offset >= total {
		return page, nil
	}
	if err := sel.OrderExpr(order).Limit(limit).Offset(offset).Scan(ctx); err != nil {
		return fleet.Page[T]{}, s.errors.classify(ctx, err, "read a list")
	}
	for _, r := range rows {
		page.Items = append(page.Items, convert(r))
	}
	return page, nil
}

func window(q fleet.Query) (limit, offset int64, err error) {
	if q.Page < 0 || q.Size < 0 {
		return 0, 0, fault.New(fault.Invalid, "page %d of size %d: neither may be negative", q.Page, q.Size)
	}
	before, size := int64(max(q.Page, 1)-1), int64(q.Size)
	if size > 0 && before > math.MaxInt64/size {
		return 0, 0, nil // beyond any end
	}
	return size, before * size, nil
}

func (f fields) order(q fleet.Query, id string) (string, error) {
	direction, nulls := " ASC", " NULLS FIRST"
	if q.Desc {
		direction, nulls = " DESC", " NULLS LAST"
	}
	by := id + direction
	if q.Sort == "" {
		return by, nil
	}
	sort, err := f.field(q.Sort, "sort by")
	switch {
	case err != nil:
		return "", err
	case sort.expr == id:
		return by, nil
	case !sort.nullable:
		nulls = ""
	}
	return sort.expr + direction + nulls + ", " + by, nil
}

func (f fields) conditions(d Dialect, filters []fleet.Filter) ([]schema.QueryWithArgs, error) {
	all := make([]schema.QueryWithArgs, 0, len(filters))
	for _, filter := range filters {
		known, err := f.field(filter.Field, "filter")
		if err != nil {
			return nil, err
		}
		c, err := known.condition(d, filter)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// comparisons are the operators that SQL has as they are.
var comparisons = map[fleet.Op]string{
	fleet.Equal: "=", fleet.Less: "<", fleet.AtMost: "<=", fleet.Greater: ">", fleet.AtLeast: ">=",
}

func (f field) condition(d Dialect, filter fleet.Filter) (schema.QueryWithArgs, error) {
	none := schema.QueryWithArgs{}
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
		if f.nullable && f.typ == integer && filter.Op == fleet.Equal && value == int64(0) {
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
func likeOrMatch(d Dialect, column bun.Safe, filter fleet.Filter, value any) (schema.QueryWithArgs, error) {
	none := schema.QueryWithArgs{}
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
