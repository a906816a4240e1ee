// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Retention says how long what is over is kept. Zero means for ever, or any number.
type Retention struct {
	Tasks   time.Duration // after a root task ended, with all below it
	Skipped time.Duration // the same of one that was skipped, where that is shorter
	Count   int           // of tasks: trees that are older than the newest so many go
	Audit   time.Duration
	Entries int // of the audit log
}

// Pruned is what a pruning removed, in rows.
type Pruned struct {
	Tasks  int64 `json:"tasks"` // with their stages and requests
	Audit  int64 `json:"audit"`
	Logins int64 `json:"logins"` // failed and ended ones that say nothing any more
}

// Pruning is when old rows were last removed, and what is wrong with that.
type Pruning struct {
	Due     time.Time // not before
	Began   time.Time // zero: never
	Ended   time.Time // of the last one that went to its end
	Failing time.Time // since when none does; zero: the last one did
	Problem string    // may be shown
	Removed Pruned    // by the last one that ended
}

// DatabaseStatus tells how large the store's database is and what is in it.
type DatabaseStatus struct {
	Dialect string // "sqlite" or "postgres"
	Version int64  // of its tables
	Bytes   int64
	Free    int64 // bytes of it that hold nothing and will be used again; PostgreSQL does not tell
	Log     int64 // bytes of SQLite's write-ahead log beside it
	Tables  []TableSize
	Oldest  time.Time // when the oldest task that is still there was queued; zero: none is
	Pruning Pruning
}

// TableSize is how many rows a table has.
type TableSize struct {
	Name string
	Rows int64
}
