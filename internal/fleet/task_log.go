// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// LogLine is one thing that happened to a task.
type LogLine struct {
	At          time.Time
	Level       string // "info", "warn" or "error"
	Msg         string // constant
	Task        TaskID // that it happened to: the task, or a part of it
	Name        string // of a part
	Worker      string // host
	Stage       string
	Step        string // of the stage, that a request was for
	Attempt     int    // of the request
	Server      ServerID
	Correlation string // of the request: Pulp's own log has it too
	PulpTask    string // href
	Why         string // what is said about it, or why it failed; one line
}

// TaskLog tells in the order of time what happened to a task, from what is stored of it. It is the same on every machine. When a
// request's Pulp task ended is not stored: its line is at the moment it was sent and tells what became of it.
func TaskLog(t Task, stages []Stage, requests []PulpRequest, parts []Task) []LogLine {
	lines := lifeOf(t, "task")
	names := map[StageID]string{}
	for _, s := range stages {
		names[s.ID] = s.Name
		lines = append(lines, LogLine{At: s.Created, Level: "info", Msg: "stage began", Task: t.ID, Stage: s.Name})
		end := LogLine{At: s.Updated, Level: "info", Msg: "stage completed", Task: t.ID, Stage: s.Name}
		end.PulpTask, _ = s.Detail["task_href"].(string)
		end.Why, _ = s.Detail["msg"].(string)
		switch s.State {
		case StageRunning:
			end.Msg = "stage changed last"
		case StageFailed:
			end.Level, end.Msg = "error", "stage failed"
		}
		if s.Error != nil {
			end.Why = reasonOf(s.Error)
		}
		lines = append(lines, end)
	}
	for _, r := range requests {
		line := LogLine{
			At: r.Sent, Level: "info", Msg: "asked Pulp, which is not done yet", Task: t.ID, Stage: names[r.Stage], Step: r.Step, Attempt: r.Attempt,
			Server: r.Server, Correlation: r.Correlation, PulpTask: r.Href,
		}
		switch r.State {
		case RequestDone:
			line.Msg = "asked Pulp, which is done"
		case RequestNotSent:
			line.Level, line.Msg = "warn", "wanted to ask Pulp, which did not get it"
		case RequestOpen:
		}
		lines = append(lines, line)
	}
	for _, p := range parts {
		for _, line := range lifeOf(p, "part") {
			line.Name = p.Name
			lines = append(lines, line)
		}
	}
	lines = slices.DeleteFunc(lines, func(l LogLine) bool { return l.At.IsZero() })
	slices.SortStableFunc(lines, func(a, b LogLine) int { return a.At.Compare(b.At) })
	for i := range lines {
		lines[i].Why = strings.Join(strings.Fields(lines[i].Why), " ")
	}
	return lines
}

// lifeOf tells how a task began and ended. Parts are queued all at once, which is not worth lines.
func lifeOf(t Task, what string) []LogLine {
	line := func(at time.Time, level, msg, why string) LogLine {
		return LogLine{At: at, Level: level, Msg: what + " " + msg, Task: t.ID, Server: t.Server, Worker: t.WorkerName, Why: why}
	}
	var lines []LogLine
	if t.Parent == 0 {
		queued := line(t.Queued, "info", "queued", "")
		queued.Worker = ""
		lines = append(lines, queued)
	}
	lines = append(lines, line(t.Started, "info", "began", ""))
	switch {
	case !t.NextAttempt.IsZero():
		lines = append(lines, line(t.Updated, "warn", "is tried again later", cmp.Or(t.RetryReason, "something did not answer")))
	case t.RetryReason != "":
		lines = append(lines, line(t.Started, "warn", "was begun again", t.RetryReason))
	}
	lines = append(lines, line(t.CancelRequested, "warn", "is to be canceled", ""))
	if !t.Finished.IsZero() {
		level := "info"
		switch {
		case t.State == Canceled:
			level = "warn"
		case !t.State.Good():
			level = "error"
		}
		lines = append(lines, line(t.Finished, level, strings.ReplaceAll(string(t.State), "_", " "), reasonOf(t.Error)))
	}
	return append(lines, line(t.CancelConfirmed, "info", "is over on Pulp too", ""))
}

// reasonOf gives an error in one line.
func reasonOf(e *TaskError) string {
	switch {
	case e == nil:
		return ""
	case e.Detail == "":
		return e.Msg
	}
	return e.Msg + " (" + e.Detail + ")"
}
