// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"time"
)

// StageState is where a stage is in its life.
type StageState string

// The states of a stage. A running stage is entered again after a crash; a
// completed one never.
const (
	StageRunning   StageState = "running"
	StageCompleted StageState = "completed"
	StageFailed    StageState = "failed"
)

// Stage is a named step of a task.
type Stage struct {
	ID      StageID
	Task    TaskID
	Name    string
	State   StageState
	Detail  map[string]any  // shown: msg, task_href …
	Error   *TaskError      // shown
	Result  json.RawMessage // of a completed stage, for the stages after it
	Created time.Time
	Updated time.Time
}

// PulpRequest is a request to Pulp that starts a Pulp task, written down before it
// is sent. At most one Pulp task exists for it.
type PulpRequest struct {
	ID          RequestID
	Task        TaskID // whose stage this is
	Stage       StageID
	Server      ServerID
	Step        string // what it is for, unique within the stage: "sync", "publish", "distribution NAME"
	Attempt     int    // from 1
	Correlation string // id sent with the request, by which Pulp's tasks are found again

	Sent    time.Time     // when it was written down, by the database's clock
	Age     time.Duration // how long ago that was when it was read, by the same clock
	Href    string        // of the Pulp task; empty: not known (yet)
	State   RequestState
	Outcome json.RawMessage // what the Pulp task ended with, for a run that is taken up again
}

// RequestState is what is known about a recorded request.
type RequestState string

// The states of a request. Open is the only one that is not final.
const (
	RequestOpen    RequestState = "open"     // sent or about to be; its Pulp task is not known to be final
	RequestDone    RequestState = "done"     // its Pulp task is final: see Outcome
	RequestNotSent RequestState = "not_sent" // Pulp has no task for it and never will
)

// Lock is the right to change a repository on a server, held by one root task.
type Lock struct {
	Server     ServerID
	Repository string
	Task       TaskID // root task that holds it
	PulpTask   string // href of a Pulp task that outlived ours and still holds it in Pulp; empty: none
	Since      time.Time
}

// Lease is a process's right to work on a root task. The epoch grows with each
// claim, so whoever lost it can write nothing more.
type Lease struct {
	Task    TaskID
	Owner   string
	Epoch   int64
	Retries int // of the task; see there
}

// LeaseTime and LeaseRenewal are how long a lease lasts without renewal, and how
// often it is renewed. Both are measured by the database's clock.
const (
	LeaseTime    = 30 * time.Second
	LeaseRenewal = 10 * time.Second
)
