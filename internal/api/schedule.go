// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"strconv"
	"time"

	"github.com/pulp/pulp-manager/internal/cron"
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
	LastOutcome *string    `json:"last_outcome" doc:"What its newest run did: queued, or why it was skipped." example:"queued"`
}

// ScheduleDetail is a schedule with what it asks for, and when.
type ScheduleDetail struct {
	Schedule
	Args     object      `json:"task_args" doc:"What its tasks are asked to do."`
	NextRuns []time.Time `json:"next_runs" nullable:"false" doc:"Its next ten runs; fewer where there are no more."`
}

// nextRuns is how many runs a schedule shows.
const nextRuns = 10

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
}}

func (a *api) listSchedules(ctx context.Context, r *request) (any, error) {
	page, err := a.Schedules.FindListedSchedules(ctx, r.query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showSchedule)
}

func (a *api) getSchedule(ctx context.Context, r *request) (any, error) {
	id, err := r.id("id")
	if err != nil {
		return nil, err
	}
	s, err := a.Schedules.ListedSchedule(ctx, fleet.ScheduleID(id))
	if err != nil {
		return nil, err
	}
	shown, err := showSchedule(s)
	return ScheduleDetail{Schedule: shown, Args: object(s.Args), NextRuns: runsOf(s.Schedule)}, err
}

// runsOf gives the next runs of a schedule.
func runsOf(s fleet.Schedule) []time.Time {
	runs := []time.Time{}
	parsed, err := cron.Parse(s.Cron)
	if err != nil { // it has no next run either
		return runs
	}
	for at := s.NextRun; !at.IsZero() && len(runs) < nextRuns; at = parsed.Next(at) {
		runs = append(runs, at.UTC())
	}
	return runs
}

// showSchedule makes the JSON of a schedule.
func showSchedule(s fleet.ListedSchedule) (Schedule, error) {
	return Schedule{
		ID: int64(s.ID), Name: s.TaskName, Server: int64(s.Server), ServerName: string(s.ServerName), Group: idOrNull(int64(s.Group)),
		GroupName: textOrNull(s.GroupName), Kind: string(s.Kind), Cron: s.Cron, MaxRuntime: strconv.FormatInt(wholeSeconds(s.MaxRuntime), 10), NextRun: timeOrNull(s.NextRun),
		LastRun: timeOrNull(s.LastRun), LastTask: idOrNull(int64(s.LastTask)), LastOutcome: textOrNull(s.LastOutcome),
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
}

var exampleScheduleDetail = ScheduleDetail{
	Schedule: exampleSchedule, Args: object(`{"name":"pulp1.example.com","regex_include":"^ext"}`), NextRuns: []time.Time{time.Time(exampleMoment)},
}
