// SPDX-License-Identifier: Apache-2.0

package store

import (
	"github.com/uptrace/bun"
)

// tx is one unit of work: all that code inside a transaction may query with.
type tx struct {
	bun.IDB
	asker
	jobs jobs // the engine's, in the same transaction
}

// rowLock is how long a row read in a transaction stays as it was read. SQLite has
// one writer, so there it needs no words.
type rowLock string

const (
	toRead   rowLock = "SHARE"
	toChange rowLock = "NO KEY UPDATE"
)

// locked makes a query keep others from changing the rows of the table alias.
func (t tx) locked(q *bun.SelectQuery, how rowLock, alias string) *bun.SelectQuery {
	if t.dialect == SQLite {
		return q
	}
	return q.For("? OF ?", bun.Safe(string(how)), bun.Ident(alias))
}

// changed tells how many rows a statement changed.
func changed(res interface{ RowsAffected() (int64, error) }, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
