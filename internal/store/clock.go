// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// clock gives the database's time as SQL, in UTC and to the microsecond. The clocks of
// the machines that processes run on never matter: on PostgreSQL the server's counts;
// SQLite lives inside the only process, so its clock is the process's.
type clock struct {
	dialect Dialect
	skew    func() time.Duration // nil: none
}

// now is the present moment.
func (c clock) now() schema.QueryAppender { return c.in(0) }

// in is the moment after d; a negative d gives a past one.
func (c clock) in(d time.Duration) schema.QueryAppender {
	if c.skew != nil {
		d += c.skew()
	}
	if c.dialect == SQLite {
		return bun.SafeQuery("?", time.Now().Add(d))
	}
	return bun.SafeQuery("(statement_timestamp() + ? * interval '1 microsecond')", d.Microseconds())
}

// read gives the present moment as the database has it.
func (c clock) read(ctx context.Context, db bun.IDB) (time.Time, error) {
	var now time.Time
	err := db.NewRaw("SELECT ?", c.now()).Scan(ctx, &now)
	return utc(now), err
}

// utc gives a stored time as the domain wants it.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
