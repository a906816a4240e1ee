// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// What a process does.
const (
	ProcessAPI       = "api"
	ProcessWorker    = "worker"
	ProcessScheduler = "scheduler"
	ProcessExporter  = "exporter" // none of these: it only serves metrics
)

// How often a process tells that it is there, and for how long it counts as there after it told so last.
const (
	HeartbeatEach = 10 * time.Second
	AliveFor      = 45 * time.Second
)

// Process is one of ours, among all that share a database.
type Process struct {
	ID      int64
	Owner   string // unique, also among those before it on the same host; holder of its tasks' leases
	Host    string
	PID     int
	Roles   string // what it does: of api, worker and scheduler, in this order, with blanks between
	Version string

	Started  time.Time // as all moments here: by the store's clock
	LastSeen time.Time
	Alive    bool // it was seen within AliveFor
}
