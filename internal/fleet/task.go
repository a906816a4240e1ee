// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"slices"
	"time"
)

// Kind is the stable name of a job, as the REST API and the database spell it (`task_type`).
type Kind string

// The kinds, with the original's names.
const (
	KindRepoSync          Kind = "repo_sync"
	KindRepoGroupSync     Kind = "repo_group_sync"
	KindRepoSnapshot      Kind = "repo_snapshot"
	KindRegister          Kind = "repo_creation_from_git"
	KindRepoRemoval       Kind = "repo_removal"
	KindRemoveRepoContent Kind = "remove_repo_content"
	KindAdopt             Kind = "repo_adoption" // not the original's
)

// Kinds are all kinds, in the order the API lists them.
var Kinds = []Kind{KindRepoSync, KindRepoGroupSync, KindRepoSnapshot, KindRegister, KindRepoRemoval, KindRemoveRepoContent, KindAdopt}

// TaskState is where a task is in its life.
type TaskState string

// The states, with the original's names.
const (
	Queued        TaskState = "queued"
	Running       TaskState = "running"
	Completed     TaskState = "completed"
	Failed        TaskState = "failed"
	Canceled      TaskState = "canceled"
	FailedToStart TaskState = "failed_to_start"
	Skipped       TaskState = "skipped"
)

// TaskStates are all states, in the order the API lists them.
var TaskStates = []TaskState{Queued, Running, Completed, Failed, Canceled, FailedToStart, Skipped}

// next is the only copy of what may follow what.
var next = map[TaskState][]TaskState{
	Queued:  {Running, Canceled, Skipped, FailedToStart},
	Running: {Completed, Failed, Canceled},
}

// May tells whether a task in state s may go to state to.
func (s TaskState) May(to TaskState) bool { return slices.Contains(next[s], to) }

// Final tells whether a task in this state is over.
func (s TaskState) Final() bool { return len(next[s]) == 0 }

// Good tells whether a task that ended so reached what it was for. A skipped one counts.
func (s TaskState) Good() bool { return s == Completed || s == Skipped }

// Task is one recorded run of a job.
type Task struct {
	ID         TaskID
	Name       string
	Parent     TaskID // 0: top level
	Kind       Kind
	Args       json.RawMessage // JSON object
	State      TaskState
	Error      *TaskError
	Server     ServerID     // 0: none
	Repository RepositoryID // 0: none
	Schedule   ScheduleID   // 0: asked for by a person
	RetryOf    TaskID       // 0: a first try
	MaxRuntime time.Duration

	Retries     int       // how often it was begun again because something did not answer
	NextAttempt time.Time // when the next one begins; zero: it does not wait for one
	RetryReason string    // why the attempt before ended
	WaitingFor  string    // what takes long, or what of it Pulp has not ended yet; empty: nothing
	DoneIn      TaskID    // of a skipped part: the task whose work counts for it

	Queued   time.Time
	Started  time.Time
	Finished time.Time

	WorkerName  string
	WorkerJobID string
	Owner       string // process that has the lease of a root; empty: none has

	CancelRequested time.Time
	CancelConfirmed time.Time // every Pulp task started for it is known to be final

	Created time.Time
	Updated time.Time
}

// TaskError says why a task or stage failed. It is shown to users, so it never
// holds a secret, SQL or a stack trace.
type TaskError struct {
	Msg    string `json:"msg"`
	Detail string `json:"detail,omitempty"` // what to do about it
}

// NewTask is a task to be queued, or a child to be created.
type NewTask struct {
	Name       string
	Kind       Kind
	Args       any // marshalled to a JSON object
	Server     ServerID
	Repository RepositoryID
	Schedule   ScheduleID
	RetryOf    TaskID
	MaxRuntime time.Duration // Unlimited, or more than zero
}
