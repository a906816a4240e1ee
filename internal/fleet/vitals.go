// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// VitalTasks is how far back ServerVitals counts tasks.
const VitalTasks = 24 * time.Hour

// Vitals are what monitoring is told of the fleet, as of one moment.
type Vitals struct {
	Now       time.Time      // by the store's clock, as all moments here
	Servers   []ServerVitals // in the configuration, by name
	Groups    []ServerGroup  // attached to them
	Schedules []ScheduleVitals
	Processes []Process // alive, or gone without a word within a day

	Queued  int            // root tasks that nobody has begun
	Running int            // root tasks that were begun and are not over
	Waited  time.Duration  // of the one that has been queued for longest; 0: none is
	Jobs    map[string]int // of the engine, by the state in its own words
}

// ServerVitals is what monitoring is told of one server.
type ServerVitals struct {
	ID           ServerID
	Name         ServerName
	Health       Health // roll-up; empty: not yet known
	HealthDate   time.Time
	State        ServerState
	Repositories map[Health]int    // that are there, by health
	Tasks        map[TaskState]int // roots and parts, queued within VitalTasks
	Locks        int               // on its repositories
}

// ScheduleVitals is what monitoring is told of one schedule.
type ScheduleVitals struct {
	Server    ServerName
	Group     string // name; empty: the server's registration
	Kind      Kind
	NextRun   time.Time // zero: never
	Paused    bool
	LastState TaskState // of its newest task; empty: there is none
}

// RepositoryVitals is what monitoring is told of one repository that is on a server.
type RepositoryVitals struct {
	Server      ServerID
	Name        string
	Remote      bool // it is meant to sync
	Health      Health
	HealthDate  time.Time // zero: never rated
	LastSuccess time.Time // zero: none
	Created     time.Time
}

// ConnectionPool is how a process's pool of connections to the database is.
type ConnectionPool struct {
	Name   string // what they are for
	Used   int
	Idle   int
	Most   int           // how many there may be
	Waits  int64         // how often somebody had to wait for one, since the process began
	Waited time.Duration // for how long, all together
}
