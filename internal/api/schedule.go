// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Schedule is a recurring job as the API shows it. The original has no such route.
type Schedule struct {
	ID          int64      `json:"id" doc:"Id, as used in paths."`
	Name        string     `json:"name" doc:"Name of the tasks that it queues."`
	Server      int64      `json:"pulp_server_id" doc:"Id of its server."`
	ServerName  string     `json:"pulp_server_name" doc:"Name of its server."`
	Group       *int64     `json:"repo_group_id" doc:"Null: it registers the server's repositories."`
	GroupName   *string    `json:"repo_group_name" doc:"Name of its group of repositories; null: it registers."`
	Kind        string     `json:"task_type" doc:"What its tasks are." example:"repo_group_sync"`
	Cron        string     `json:"cron" doc:"Cron text; in the daemon's time zone unless TZ= or CRON_TZ= is in front." example:"0 3 * * *"`
	MaxRuntime  string     `json:"max_runtime" doc:"Longest run time of its tasks in seconds, as text; -1: unlimited." example:"3600"`
	NextRun     *time.Time `json:"next_run" doc:"Null: never."`
	LastRun     *time.Time `json:"last_run" doc:"Null: not yet."`
	LastTask    *int64     `json:"last_task_id" doc:"The newest task that it queued."`
	LastOutcome *string    `json:"last_outcome" doc:"What its newest run did: queued, and what for, or why it was left out or put off." example:"queued"`

	Jitter      int64      `json:"jitter" doc:"Each run is put off by less than this, in seconds; 0: not."`
	Overlap     string     `json:"overlap" doc:"What happens to a run while the task of the one before is not over: skip, queue or cancel." example:"skip"`
	Missed      string     `json:"missed" doc:"What happens to runs that were missed or fall into a blackout: once (one makes up for them) or none." example:"once"`
	Blackouts   []string   `json:"blackouts" nullable:"false" doc:"Times in which nothing is queued."`
	NextDue     *time.Time `json:"next_due" doc:"When the next run is due by the cron text: earlier than next_run by jitter and blackouts."`
	LastDue     *time.Time `json:"last_due" doc:"When the newest run was due."`
	Waiting     *int64     `json:"waiting_task_id" doc:"Task that begins when the one before is over; null: none."`
	Paused      bool       `json:"paused" doc:"Whether it is kept from running."`
	PausedAt    *time.Time `json:"paused_at" doc:"Since when."`
	PausedUntil *time.Time `json:"paused_until" doc:"When it goes on by itself; null: when it is resumed."`
	PausedBy    *string    `json:"paused_by" doc:"Who paused it; null: nobody who logged in."`
	PauseReason *string    `json:"pause_reason" doc:"Why."`
}

// ScheduleDetail is a schedule with what it asks for, and when.
type ScheduleDetail struct {
	Schedule
	Args     object      `json:"task_args" doc:"What its tasks are asked to do."`
	NextRuns []time.Time `json:"next_runs" nullable:"false" doc:"Its next ten runs, with jitter and blackouts; fewer where there are no more."`

	Planned []PlannedRun `json:"planned_runs" nullable:"false" doc:"The next ten that are due, and what becomes of each."`
}

// scheduleList is what schedules can be filtered and sorted by.
var scheduleList = &listing{fields: []listField{
	{name: "id", kind: numberValue, doc: "id of the schedule"},
	{name: "name", doc: "name of its tasks"},
	{name: "pulp_server_id", kind: numberValue, doc: "id of the server it is for"},
	{name: "pulp_server_name", doc: "name of the server it is for"},
	{name: "repo_group_id", kind: numberValue, doc: "id of the group it syncs; 0: it registers"},
	{name: "repo_group_name", doc: "name of the group it syncs"},
	{name: "task_type", kind: choiceValue, values: texts(fleet.Kinds), doc: "what it queues"},
	{name: "cron", doc: "its cron text"},
	{name: "max_runtime", kind: numberValue, doc: "longest run time in seconds; -1: unlimited"},
	{name: "next_run", kind: momentValue, doc: "when it runs next"},
	{name: "last_run", kind: momentValue, doc: "when it ran last"},
	{name: "last_task_id", kind: numberValue, doc: "id of the newest task it queued; 0: none"},
	{name: "last_outcome", doc: "what its newest run did"},
	{name: "jitter", kind: numberValue, doc: "how much each run is put off at most, in seconds; 0: not"},
	{name: "overlap", kind: choiceValue, values: texts(fleet.Overlaps), doc: "what happens while the task before is not over"},
	{name: "missed", kind: choiceValue, values: texts(fleet.Misseds), doc: "what happens to runs that were missed"},
	{name: "blackouts", doc: "its blackouts, one a line"},
	{name: "next_due", kind: momentValue, doc: "when the next run is due by the cron text"},
	{name: "last_due", kind: momentValue, doc: "when the newest run was due"},
	{name: "waiting_task_id", kind: numberValue, doc: "id of the task that waits for the one before; 0: none"},
	{name: "paused", kind: boolValue, doc: "whether it is paused"},
	{name: "paused_at", kind: momentValue, doc: "since when"},
	{name: "paused_until", kind: momentValue, doc: "until when"},
	{name: "paused_by", doc: "who paused it"},
	{name: "pause_reason", doc: "why it is paused"},
}}

func (a *api) listSchedules(ctx context.Context, r *request) (any, error) {
	page, err := a.Schedules.FindListedSchedules(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showSchedule)
}

func (a *api) getSchedule(ctx context.Context, r *request) (any, error) {
	s, err := a.schedule(ctx, r)
	if err != nil {
		return nil, err
	}
	shown, err := showSchedule(s)
	runs, planned := runsOf(s.Schedule)
	return ScheduleDetail{Schedule: shown, Args: object(s.Args), NextRuns: runs, Planned: planned}, err
}

// showSchedule makes the JSON of a schedule.
func showSchedule(s fleet.ListedSchedule) (Schedule, error) {
	blackouts := s.Blackouts
	if blackouts == nil {
		blackouts = []string{}
	}
	return Schedule{
		ID: int64(s.ID), Name: s.TaskName, Server: int64(s.Server), ServerName: string(s.ServerName), Group: idOrNull(int64(s.Group)),
		GroupName: textOrNull(s.GroupName), Kind: string(s.Kind), Cron: s.Cron, MaxRuntime: strconv.FormatInt(wholeSeconds(s.MaxRuntime), 10), NextRun: timeOrNull(s.NextRun),
		LastRun: timeOrNull(s.LastRun), LastTask: idOrNull(int64(s.LastTask)), LastOutcome: textOrNull(s.LastOutcome),
		Jitter: wholeSeconds(s.Jitter), Overlap: string(s.Overlap), Missed: string(s.Missed), Blackouts: blackouts,
		NextDue: timeOrNull(s.NextDue), LastDue: timeOrNull(s.LastDue), Waiting: idOrNull(int64(s.Waiting)),
		Paused: !s.Pause.At.IsZero(), PausedAt: timeOrNull(s.Pause.At), PausedUntil: timeOrNull(s.Pause.Until), PausedBy: textOrNull(s.Pause.By), PauseReason: textOrNull(s.Pause.Reason),
	}, nil
}

// wholeSeconds gives a run time in seconds; -1: unlimited.
func wholeSeconds(limit time.Duration) int64 {
	if limit < 0 {
		return -1
	}
	return int64(limit / time.Second)
}

// timeOrNull gives null for no time. It is for fields that the original lacks: their dates have a zone.
func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// exampleSchedule is a schedule in the document.
var exampleSchedule = Schedule{
	ID: 3, Name: "repo sync pulp1.example.com", Server: 1, ServerName: "pulp1.example.com", Group: idOrNull(2), GroupName: textOrNull("external_repos"),
	Kind: string(fleet.KindRepoGroupSync), Cron: "0 3 * * *", MaxRuntime: "3600", NextRun: new(time.Time(exampleMoment)), LastTask: idOrNull(5),
	LastRun: new(time.Time(exampleMoment).AddDate(0, 0, -1)), LastOutcome: textOrNull("queued"),
	Overlap: string(fleet.OverlapSkip), Missed: string(fleet.MissedOnce), Blackouts: []string{"Mon-Fri 08:00-18:00"},
	NextDue: new(time.Time(exampleMoment)), LastDue: new(time.Time(exampleMoment).AddDate(0, 0, -1)),
}

var exampleScheduleDetail = ScheduleDetail{
	Schedule: exampleSchedule, Args: object(`{"name":"pulp1.example.com","regex_include":"^ext"}`), NextRuns: []time.Time{time.Time(exampleMoment)},
	Planned: []PlannedRun{{Due: time.Time(exampleMoment), Run: new(time.Time(exampleMoment))}},
}
