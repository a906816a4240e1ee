// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// NoticeSource is what a notice is about.
type NoticeSource string

// What there can be notices about.
const (
	NoticeTask   NoticeSource = "task"   // the newest run of something ended badly
	NoticeServer NoticeSource = "server" // a server does not answer
	NoticeStuck  NoticeSource = "stuck"  // of a running task nothing changes
)

// Notice is something wrong that people are told of.
type Notice struct {
	ID     int64
	Key    string // what is wrong where; unique among those that are open
	Source NoticeSource
	Server ServerID // 0: none
	Kind   Kind     // of the task; empty: it is not about one
	Name   string   // of the task, or of the server
	Task   TaskID   // the newest that shows it; 0: none
	Reason string
	Hint   string // what to do about it

	Schedule  ScheduleID // that asked for the task; 0: a person did
	Scheduled bool       // that schedule is still there; only read

	Since     time.Time // it is wrong
	Last      time.Time // when it was seen to be wrong last
	Opened    time.Time
	Closed    time.Time // zero: it is still wrong
	Recovered bool      // of a closed one: it is well again. Else nobody can tell any more, and nobody is told
}

// NoticeEvent is what is told of a notice.
type NoticeEvent string

// What is told of a notice, in this order.
const (
	NoticeFailed    NoticeEvent = "failed" // for the first time
	NoticeStill     NoticeEvent = "still_failing"
	NoticeRecovered NoticeEvent = "recovered"
)

// NoticeTold is what a receiver was told of a notice last.
type NoticeTold struct {
	Notice   int64
	Receiver string
	Event    NoticeEvent
	At       time.Time
}

// NoticeReceiver is how deliveries to a receiver go.
type NoticeReceiver struct {
	Name      string
	Attempts  int       // that failed since one did not
	Failing   time.Time // since when; zero: they do not
	Next      time.Time // not before; zero: at any time
	Delivered time.Time // the last one
	Problem   string    // of the last attempt
}

// NoticeBoard is all that is known about notices.
type NoticeBoard struct {
	Now       time.Time // the store's
	Looked    time.Time // up to when ended tasks were looked at; zero: never
	Notices   []Notice  // open ones, and those that were closed within KeepNotices, oldest first
	Told      []NoticeTold
	Receivers []NoticeReceiver
	Servers   map[ServerID]ServerName // of the configuration
}

// KeepNotices is for how long closed notices are kept.
const KeepNotices = 7 * 24 * time.Hour

// EndedTask is a root task that is over and was not canceled or skipped.
type EndedTask struct {
	Task
	Scheduled bool   // the schedule that asked for it is still there
	Parts     []Task // of one that ended badly: its parts that did, the first few
	Failed    int    // how many they are in all
}
