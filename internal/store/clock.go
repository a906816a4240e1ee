// SPDX-License-Identifier: Apache-2.0

package store

import (
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// clock gives the database's time as SQL, in UTC and to the microsecond. The clocks of
// the machines that processes run on never matter: on PostgreSQL the server's counts;
// SQLite lives inside the only process, so its clock is the process's.
type clock struct{ dialect Dialect }

// now is the present moment.
func (c clock) now() schema.QueryAppender { return c.in(0) }

// in is the moment after d; a negative d gives a past one.
func (c clock) in(d time.Duration) schema.QueryAppender {
	if c.dialect == SQLite {
		return bun.SafeQuery("?", time.Now().Add(d))
	}
	return bun.SafeQuery("(statement_timestamp() + ? * interval '1 microsecond')", d.Microseconds())
}

// utc gives a stored time as the domain wants it.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
