// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"database/sql"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// asker runs statements with their arguments apart from their words. The database reads the words once and keeps them, where what bun
// writes is new to it each time. For those that run most.
type asker struct {
	raw interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	db *bun.DB // which reads rows
	clock
}

// present is an argument: the moment at which the statement runs, by the database's clock.
type present struct{ skew time.Duration }

// present is the moment at which a statement runs.
func (c clock) present() present {
	if c.skew == nil {
		return present{}
	}
	return present{c.skew()}
}

// ask runs a statement that gives rows, and reads them into what bun would: a model, or a slice of them. Each ? in its words is an
// argument.
func (a asker) ask(ctx context.Context, into any, query string, args ...any) error {
	query, args = a.bound(query, args)
	rows, err := a.raw.QueryContext(ctx, query, args...) //nolint:rowserrcheck // ScanRows looks, and closes them
	if err != nil {
		return err
	}
	return a.db.ScanRows(ctx, rows, into)
}

// tell runs a statement that changes something, and gives how many rows it changed.
func (a asker) tell(ctx context.Context, query string, args ...any) (int64, error) {
	query, args = a.bound(query, args)
	return changed(a.raw.ExecContext(ctx, query, args...))
}

// bound writes a statement and its arguments as the database has them.
func (a asker) bound(query string, args []any) (string, []any) {
	if a.dialect == SQLite {
		for i, arg := range args {
			if now, ok := arg.(present); ok {
				args[i] = time.Now().Add(now.skew).UTC().Format(sqliteTime)
			}
		}
		return query, args
	}
	var b strings.Builder
	for i, arg := range args {
		before, after, _ := strings.Cut(query, "?")
		b.WriteString(before)
		place := "$" + strconv.Itoa(i+1)
		if now, ok := arg.(present); ok {
			place = "(statement_timestamp() + " + place + " * interval '1 microsecond')"
			args[i] = float64(now.skew.Microseconds())
		}
		b.WriteString(place)
		query = after
	}
	b.WriteString(query)
	return b.String(), args
}

// rowColumns writes the columns of a row's model, of a table alias or, where that is empty, plain. A statement that PostgreSQL keeps must name
// them: what * stands for changes when another release adds a column, and then it is refused.
func rowColumns[T any](alias string) string {
	var names []string
	for field := range reflect.TypeFor[T]().Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("bun"), ",")
		if field.Anonymous || strings.Contains(options, "scanonly") {
			continue
		}
		if alias != "" {
			name = alias + "." + name
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// orNull is an argument that is NULL where it is empty.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// lockedRows ends a query that keeps others from changing the rows of table aliases.
func (a asker) lockedRows(query string, locks ...rowsLocked) string {
	if a.dialect == SQLite {
		return query
	}
	for _, l := range locks {
		query += " FOR " + string(l.how) + " OF " + l.alias
	}
	return query
}

// rowsLocked says how long the rows of a table alias stay as they were read.
type rowsLocked struct {
	how   rowLock
	alias string
}
