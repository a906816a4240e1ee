// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"time"
)

// Schedule says when a job is queued.
type Schedule struct {
	ID         ScheduleID
	Server     ServerID
	Group      GroupID // 0: the server's registration
	Kind       Kind
	Cron       string // five fields, optionally with TZ= or CRON_TZ= in front; the host's zone otherwise
	TaskName   string
	Args       json.RawMessage
	MaxRuntime time.Duration

	Jitter    time.Duration // each run is put off by less than this
	Overlap   Overlap
	Missed    Missed
	Blackouts []string // windows in which nothing is queued, as package cron reads them

	NextRun     time.Time // zero: never
	NextDue     time.Time // when that is due by the cron text: earlier by jitter and blackouts; zero: not known
	LastRun     time.Time
	LastDue     time.Time // when the run before was due
	LastTask    TaskID    // the newest task it queued
	LastState   TaskState // of that; empty where the task is gone
	LastOutcome string    // what its newest tick did: queued, or why it was skipped
	Waiting     TaskID    // task that begins when LastTask is over; 0: none
	Pause       Pause
}

// Overlap says what happens when a run is due while the task of the one before is not over.
type Overlap string

// The ways to overlap.
const (
	OverlapSkip   Overlap = "skip"   // the run is left out
	OverlapQueue  Overlap = "queue"  // its task waits until the former is over; one at most does
	OverlapCancel Overlap = "cancel" // the former task is cancelled
)

// Overlaps are all of them, the usual one first.
var Overlaps = []Overlap{OverlapSkip, OverlapQueue, OverlapCancel}

// Missed says what happens to runs that could not happen in time, and to those in a blackout.
type Missed string

// The ways to deal with missed runs.
const (
	MissedOnce Missed = "once" // they are made up for, by one run
	MissedNone Missed = "none" // they are left out
)

// Misseds are all of them, the usual one first.
var Misseds = []Missed{MissedOnce, MissedNone}

// Pause keeps a schedule from running.
type Pause struct {
	At     time.Time // zero: it is not paused
	Until  time.Time // zero: until it is resumed
	Reason string
	By     string // who paused it; empty: nobody who logged in
}

// Firing is what becomes of one run of a schedule.
type Firing struct {
	Schedule Schedule // as it was read
	NextRun  time.Time
	NextDue  time.Time

	Task    *NewTask // to queue; nil: none
	Behind  TaskID   // the new task waits until this one is over; 0: it does not wait
	Cancel  []TaskID // these are cancelled first, where they are not over
	Skipped string   // why the run is left out, where Task is nil: a task in state skipped says so. Empty: it is only put off
	Outcome string   // empty: "queued", or Skipped
}

// ScheduleTaskName gives the name of a scheduled job's tasks (legacy section 5.10).
func ScheduleTaskName(kind Kind, server ServerName) string {
	if kind == KindRegister {
		return string(server) + " repo registration"
	}
	return "repo sync " + string(server)
}

// ListedSchedule is a schedule with the names of what it is about.
type ListedSchedule struct {
	Schedule
	ServerName ServerName
	GroupName  string // empty: the server's registration
}
