// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// ServerState is how a server was when it was looked at last, and how those who use it get on with it.
type ServerState struct {
	Server    ServerID
	Checked   time.Time // zero: not yet
	Reachable bool
	Since     time.Time // since when it is reachable, or is not
	Problem   string    // why it is not; also what is wrong with one that is

	// What it told about itself when it was reachable last.
	Versions      map[string]string // by component: core, deb, rpm …
	Workers       int               // online
	NoWorkerSince time.Time         // zero: it has workers
	TasksWaiting  int               // Pulp tasks, whoever asked for them
	TasksRunning  int
	OldestWaiting time.Time // when the Pulp task that waits longest was created; zero: none waits
	StorageTotal  *int64    // bytes; nil: it does not tell
	StorageUsed   *int64
	StorageFree   *int64
	ResponseTime  time.Duration // of its status

	DatabaseConnected *bool // whether it reaches its database; nil: it has not told
	RedisConnected    *bool // nil also where it does not tell of any

	Use ServerUse // of all processes together
}

// BreakerState tells whether requests to a server are held back.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "closed"    // requests go out
	BreakerOpen     BreakerState = "open"      // none does until the server answers a probe
	BreakerHalfOpen BreakerState = "half_open" // it answers probes but failed what was asked besides: one request goes out
)

// ServerUse is how a process gets on with a server.
type ServerUse struct {
	Server      ServerID
	Breaker     BreakerState
	Since       time.Time // since when the breaker is not closed; zero: it is
	Why         string
	Waiting     int // tasks that wait for the server to answer
	Syncs       int // under way
	Concurrency int // how many may be; 0: not known
}

// Idle tells whether there is nothing to tell.
func (u ServerUse) Idle() bool {
	return (u.Breaker == BreakerClosed || u.Breaker == "") && u.Waiting == 0 && u.Syncs == 0
}

// SyncSlot is one of a bounded number of rights to sync.
type SyncSlot struct {
	Name string // what is bounded: "server NAME", "upstream HOST"
	Most int
}

// UseTime is how long what a process told of the servers it uses is believed.
const UseTime = 90 * time.Second
