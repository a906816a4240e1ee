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

	NextRun     time.Time // zero: never
	LastRun     time.Time
	LastTask    TaskID // the newest task it queued
	LastOutcome string // what its newest tick did: queued, or why it was skipped
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
