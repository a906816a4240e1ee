// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// listed says what can be listed, and how.
type listed[Row, T any] struct {
	fields fields
	id     string // column that makes the order stable
	// only keeps the rows that may be listed at all; nil: all. It joins nothing, so that counting reads indexes alone.
	only func(*bun.SelectQuery) *bun.SelectQuery
	// total is a query that counts all of these sooner; empty: there is none.
	total string
	// show selects the columns of rows, with what they need of other tables; nil: the row has all. Then key tells a
	// row's id.
	show func(*bun.SelectQuery) *bun.SelectQuery
	key  func(Row) int64
	// whole says that the list is of all servers, so that a row of another table stands for many of its rows.
	whole   bool
	convert func(Row) T
}

// manyRows is from how many rows on those of a page are found sooner by going through the list in its order than by
// looking for all that match first.
const manyRows = 5000

// list asks for one page of a list and its total.
func list[Row, T any](ctx context.Context, s *Store, q fleet.Query, l listed[Row, T]) (fleet.Page[T], error) {
	limit, offset, err := window(q)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	order, joined, err := l.fields.order(q, l.id)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	total, err := l.count(ctx, s, q.Filters)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	page := fleet.Page[T]{Items: []T{}, Total: int(total)}
	if limit == 0 || offset >= total {
		return page, nil
	}
	found, err := l.where(s, q.Filters, l.whole && total < manyRows)
	if err != nil {
		return fleet.Page[T]{}, err
	}
	switch {
	case joined != nil && l.whole: // in the order of the other table, so that few rows are looked at
		found = found.ModelTableExpr("? AS ? CROSS JOIN ?TableName AS ?TableAlias", bun.Ident(joined.table), bun.Ident(joined.alias)).
			Where("? = ?.id", bun.Safe(joined.key), bun.Ident(joined.alias))
	case joined != nil:
		found = found.Join(joined.join())
	}
	rows, err := l.read(ctx, s, found.OrderExpr(order).Limit(limit).Offset(offset))
	if err != nil {
		return fleet.Page[T]{}, s.errors.classify(ctx, err, "read a list")
	}
	for _, r := range rows {
		page.Items = append(page.Items, l.convert(r))
	}
	return page, nil
}

// count counts the rows that filters keep.
func (l listed[Row, T]) count(ctx context.Context, s *Store, filters []fleet.Filter) (total int64, err error) {
	if len(filters) == 0 && l.total != "" {
		total, err = s.counts.count(ctx, l.total, func(ctx context.Context) (total int64, err error) {
			return total, s.read.NewRaw(l.total).Scan(ctx, &total)
		})
		return total, s.errors.classify(ctx, err, "count a list")
	}
	kept, err := l.where(s, filters, l.whole)
	if err != nil {
		return 0, err
	}
	total, err = s.counts.count(ctx, kept.String(), kept.Count)
	return total, s.errors.classify(ctx, err, "count a list")
}

// where selects the rows that filters keep. first is other.keep's.
func (l listed[Row, T]) where(s *Store, filters []fleet.Filter, first bool) (*bun.SelectQuery, error) {
	conditions, err := l.fields.conditions(s.Dialect(), filters, first)
	if err != nil {
		return nil, err
	}
	sel := s.read.NewSelect().Model((*Row)(nil))
	if l.only != nil {
		sel = l.only(sel)
	}
	for _, c := range conditions {
		sel = sel.Where("?", c)
	}
	return sel, nil
}

// read gives the rows of a page. Where they need other tables it asks for their ids first, and then for these alone.
func (l listed[Row, T]) read(ctx context.Context, s *Store, page *bun.SelectQuery) ([]Row, error) {
	var rows []Row
	if l.show == nil {
		return rows, page.Scan(ctx, &rows)
	}
	var ids []int64
	if err := page.ColumnExpr(l.id).Scan(ctx, &ids); err != nil || len(ids) == 0 {
		return nil, err
	}
	if err := l.show(s.read.NewSelect().Model(&rows)).Where("? IN (?)", bun.Safe(l.id), bun.List(ids)).Scan(ctx); err != nil {
		return nil, err
	}
	place := make(map[int64]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(rows, func(a, b Row) int { return place[l.key(a)] - place[l.key(b)] })
	return rows, nil
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

// order gives the order of a list, and the table it needs; nil: none besides.
func (f fields) order(q fleet.Query, id string) (string, *other, error) {
	direction, nulls := " ASC", " NULLS FIRST"
	if q.Desc {
		direction, nulls = " DESC", " NULLS LAST"
	}
	by := id + direction
	if q.Sort == "" {
		return by, nil, nil
	}
	sort, err := f.field(q.Sort, "sort by")
	switch {
	case err != nil:
		return "", nil, err
	case sort.expr == id:
		return by, nil, nil
	case !sort.nullable:
		nulls = ""
	}
	return sort.expr + direction + nulls + ", " + by, sort.of, nil
}

// conditions makes conditions of filters. first is other.keep's.
func (f fields) conditions(d Dialect, filters []fleet.Filter, first bool) ([]condition, error) {
	all := make([]condition, 0, len(filters))
	for _, filter := range filters {
		known, err := f.field(filter.Field, "filter")
		if err != nil {
			return nil, err
		}
		c, err := known.condition(d, filter)
		if err != nil {
			return nil, err
		}
		if known.of != nil {
			c = known.of.keep(c, first || filter.Op == fleet.Equal || filter.Op == fleet.In)
		}
		all = append(all, c)
	}
	return all, nil
}
