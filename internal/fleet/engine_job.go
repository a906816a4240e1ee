// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// EngineJobState is where a job of the engine is in its life, in the words of the original's queue.
type EngineJobState string

// The states of a job.
const (
	JobQueued   EngineJobState = "queued"   // waits for a worker
	JobDeferred EngineJobState = "deferred" // handed back: goes on at a later moment
	JobStarted  EngineJobState = "started"
	JobFinished EngineJobState = "finished"
	JobFailed   EngineJobState = "failed" // also: canceled, or its process died and another job went on
)

// EngineJobStates are all states, in the order of a life.
var EngineJobStates = []EngineJobState{JobQueued, JobDeferred, JobStarted, JobFinished, JobFailed}

// EngineJob is the engine's record of a root task that it runs or ran. The engine forgets jobs a day after they ended, or
// a week where it gave them up.
type EngineJob struct {
	ID    EngineJobID
	State EngineJobState
	Lost  bool // the process that worked on it died; the task went on with another job
	Task  Task // zero: it is gone

	Server   ServerName // that the task is about; empty: none
	Group    GroupID    // whose schedule queued the task; 0: none did
	GroupOf  string     // name of that group
	CronText string     // of the schedule that queued the task; empty: none did

	Enqueued time.Time
	Started  time.Time // zero: not yet
	Ended    time.Time // zero: not yet
}
