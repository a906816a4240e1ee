// SPDX-License-Identifier: Apache-2.0

package client

import "context"

// Database tells how large the daemon's database is.
type Database struct {
	Dialect string          `json:"dialect"` // sqlite or postgres
	Version int64           `json:"version"` // of its tables
	Bytes   int64           `json:"bytes"`
	Free    int64           `json:"free_bytes"`
	Log     int64           `json:"log_bytes"`
	Tables  []DatabaseTable `json:"tables"`
	Oldest  Time            `json:"oldest_task"`
	Pruning DatabasePruning `json:"pruning"`
}

// DatabaseTable is a table and how many rows it has.
type DatabaseTable struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
}

// DatabasePruning is when old rows were last removed.
type DatabasePruning struct {
	Due     Time             `json:"due"`
	Began   Time             `json:"began"`
	Ended   Time             `json:"ended"`
	Failing Time             `json:"failing_since"`
	Problem string           `json:"problem"`
	Removed map[string]int64 `json:"removed"`
}

// Database gives how large the daemon's database is. It is for administrators.
func (c *Client) Database(ctx context.Context) (Database, error) {
	return get[Database](ctx, c, "/v1/database", nil)
}
