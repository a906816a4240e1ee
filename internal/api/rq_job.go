// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Queue counts the jobs of a queue (legacy section 3.7).
type Queue struct {
	Name     string `json:"name" doc:"Its name." example:"default"`
	Queued   int    `json:"queued_jobs" doc:"Jobs that wait for a worker."`
	Deferred int    `json:"deferred_jobs" doc:"Jobs that go on at a later moment."`
	Started  int    `json:"started_jobs" doc:"Jobs at work."`
	Finished int    `json:"finished_jobs" doc:"Jobs whose task ended well."`
	Failed   int    `json:"failed_jobs" doc:"Jobs whose task failed or was canceled."`
}

// Job is a job of the engine, or a schedule, as the original shows a job of its queue (legacy section 3.7).
type Job struct {
	ID        string         `json:"id" doc:"Id of the job; of scheduled ones, of the schedule."`
	Args      []any          `json:"args" nullable:"false" doc:"Of scheduled jobs: what they are given, in the original's order. Of others: empty."`
	Meta      map[string]any `json:"meta" doc:"What the job is: job_type, pulp_server, task_id and others."`
	Status    *string        `json:"status" doc:"Null: it is a schedule."`
	Enqueued  microMoment    `json:"enqueued_at"`
	Started   microMoment    `json:"started_at"`
	Ended     microMoment    `json:"ended_at"`
	ResultTTL *int64         `json:"result_ttl" doc:"How long the engine remembers a finished job, in seconds."`
	TTL       *int64         `json:"ttl" doc:"Always null: jobs wait as long as they must."`
	Timeout   *int64         `json:"timeout" doc:"Longest run time in seconds; -1: unlimited."`
}

// JobDetailed is a job with the reason why it failed.
type JobDetailed struct {
	Job
	Failure *string `json:"exc_info" doc:"Why the task failed and what to do; never a trace."`
}

// microMoment is a date as the original's queue writes it: UTC, microseconds, no zone; zero is null.
type microMoment time.Time

// MarshalJSON writes the date.
func (m microMoment) MarshalJSON() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("null"), nil
	}
	return []byte(time.Time(m).UTC().Format(`"2006-01-02T15:04:05.000000"`)), nil
}

// Schema describes the date.
func (microMoment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true, Description: "Date in UTC, in microseconds, without a zone.", Examples: []any{"2026-11-23T09:14:46.248156"}}
}

const (
	jobPageSize = 8      // where the client does not say, as the original
	keptFor     = 86_400 // seconds that the engine remembers jobs that are done
)

// jobListing is what a queue's jobs can be filtered and sorted by. Status is in the path; arguments and meta are their task's, and
// found there.
func (a *api) jobListing() *listing {
	return &listing{size: min(jobPageSize, a.MaxJobPageSize), largest: a.MaxJobPageSize, fields: []listField{
		{name: "id", kind: numberValue, doc: "id of the job"},
		{name: "enqueued_at", kind: momentValue, doc: "when it was queued"},
		{name: "started_at", kind: momentValue, doc: "when its task was started"},
		{name: "ended_at", kind: momentValue, doc: "when it ended"},
		{name: "timeout", kind: numberValue, doc: "longest run time in seconds; -1: unlimited"},
	}}
}

// scheduledListing is of schedules, in the words of the original's jobs.
func (a *api) scheduledListing() *listing {
	return &listing{size: min(jobPageSize, a.MaxJobPageSize), largest: a.MaxJobPageSize, fields: []listField{
		{name: "id", kind: numberValue, doc: "id of the schedule"},
		{name: "timeout", kind: numberValue, doc: "longest run time in seconds; -1: unlimited"},
	}}
}

// jobRoutes are the routes that look into the queue.
func (a *api) jobRoutes() []route {
	get := func(path, id, summary, description string, handle handler) route {
		return route{
			method: http.MethodGet, path: "/v1/rq_jobs/" + path, id: id, tag: tagJobs, handle: handle, access: readers,
			summary: summary, description: description, errors: []int{http.StatusNotFound},
		}
	}
	queues := get("queues", "list-queues", "List the queues", "Names of the queues. There is one.", a.listQueues)
	queues.example, queues.errors = []string{"default"}, nil
	queue := get("queues/{name}", "get-queue", "Show a queue", "How many jobs a queue has, by state.", a.getQueue)
	queue.example = Queue{Name: "default", Queued: 1, Started: 2, Finished: 17, Failed: 6}
	job := get("queues/jobs/{job_id}", "get-job", "Show a job", "One job of any queue. Ids are the `worker_job_id` of tasks.", a.getJob)
	job.example = JobDetailed{Job: exampleJob}
	scheduled := get("queues/{name}/scheduled", "list-scheduled-jobs", "List the scheduled jobs",
		"The recurring jobs, as the original shows them; `GET /v1/schedules/` tells more.", a.listScheduled)
	// The mux would not tell queues/jobs/{job_id} from queues/{name}/scheduled.
	scheduled.pattern = "/v1/rq_jobs/queues/{name}/{list}"
	scheduled.list, scheduled.example = a.scheduledListing(), examplePage(exampleScheduledJob)
	all := []route{queues, queue, scheduled, job}
	for _, state := range fleet.EngineJobStates {
		rt := get("queues/{name}/jobs/"+string(state), "list-"+string(state)+"-jobs", "List the "+string(state)+" jobs", jobStateDocs[state], a.listJobs(state))
		rt.list, rt.example = a.jobListing(), examplePage(exampleJob)
		all = append(all, rt)
	}
	return all
}

// jobStateDocs says what jobs are in which state.
var jobStateDocs = map[fleet.EngineJobState]string{
	fleet.JobQueued:   "Jobs that wait for a worker.",
	fleet.JobDeferred: "Jobs that were handed back and go on at a later moment.",
	fleet.JobStarted:  "Jobs at work.",
	fleet.JobFinished: "Jobs whose task ended well, for a day.",
	fleet.JobFailed:   "Jobs whose task failed or was canceled, and jobs whose process died, for a day or more.",
}

func (a *api) listQueues(ctx context.Context, _ *request) (any, error) {
	return a.EngineJobs.EngineQueues(ctx)
}

func (a *api) getQueue(ctx context.Context, r *request) (any, error) {
	name := r.c.Param("name")
	counts, err := a.EngineJobs.CountEngineJobs(ctx, name)
	if err != nil {
		return nil, err
	}
	return Queue{
		Name: name, Queued: counts[fleet.JobQueued], Deferred: counts[fleet.JobDeferred], Started: counts[fleet.JobStarted],
		Finished: counts[fleet.JobFinished], Failed: counts[fleet.JobFailed],
	}, nil
}

// listJobs makes the handler for the jobs in a state.
func (a *api) listJobs(state fleet.EngineJobState) handler {
	return func(ctx context.Context, r *request) (any, error) {
		page, err := a.EngineJobs.FindEngineJobs(ctx, r.c.Param("name"), state, r.query)
		if err != nil {
			return nil, err
		}
		return pageOf(r.query, page, func(j fleet.EngineJob) (Job, error) { return showJob(j), nil })
	}
}

func (a *api) getJob(ctx context.Context, r *request) (any, error) {
	text := r.c.Param("job_id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // the original's ids are texts
		return nil, fault.New(fault.NotFound, "there is no job %s", quote(text))
	}
	job, err := a.EngineJobs.EngineJob(ctx, fleet.EngineJobID(id))
	if err != nil {
		return nil, err
	}
	shown := JobDetailed{Job: showJob(job)}
	switch {
	case job.State == fleet.JobFailed && job.Task.Error != nil:
		shown.Failure = textOrNull(strings.TrimSuffix(job.Task.Error.Msg+": "+job.Task.Error.Detail, ": "))
	case job.Lost:
		shown.Failure = textOrNull("the process that worked on it died; the task goes on, or went on, with another job")
	}
	return shown, nil
}

func (a *api) listScheduled(ctx context.Context, r *request) (any, error) {
	if r.c.Param("list") != "scheduled" {
		return nil, fault.New(fault.NotFound, "Not Found")
	}
	queues, err := a.EngineJobs.EngineQueues(ctx)
	if err != nil {
		return nil, err
	}
	if name := r.c.Param("name"); !slices.Contains(queues, name) {
		return nil, fault.New(fault.NotFound, "there is no queue %s", quote(name))
	}
	query := r.query
	for i, f := range query.Filters {
		query.Filters[i].Field = scheduledField(f.Field)
	}
	if query.Sort = scheduledField(query.Sort); query.Sort == "" {
		query.Sort = "next_run" // the original's order
	}
	page, err := a.Schedules.FindListedSchedules(ctx, query)
	if err != nil {
		return nil, err
	}
	return pageOf(r.query, page, showScheduledJob)
}

// scheduledField gives a schedule's name of a job's field.
func scheduledField(name string) string {
	if name == "timeout" {
		return "max_runtime"
	}
	return name
}

// showJob makes the JSON of a job.
func showJob(j fleet.EngineJob) Job {
	status := string(j.State)
	if j.State == fleet.JobFailed && j.Task.State == fleet.Canceled {
		status = "canceled"
		if !j.Task.Started.IsZero() {
			status = "stopped"
		}
	}
	meta, args := taskMeta(j.Task.Kind, string(j.Server), j.Task.Args, j.CronText != "")
	if j.Task.ID != 0 {
		meta["task_id"] = int64(j.Task.ID)
	}
	if j.Group != 0 {
		meta["repo_group_id"], meta["repo_group_name"] = int64(j.Group), j.GroupOf
	}
	shown := Job{
		ID: strconv.FormatInt(int64(j.ID), 10), Args: args, Meta: meta, Status: &status,
		Enqueued: microMoment(j.Enqueued), Started: microMoment(j.Started), Ended: microMoment(j.Ended), ResultTTL: new(int64(keptFor)),
	}
	if j.Task.ID != 0 {
		shown.Timeout = new(wholeSeconds(j.Task.MaxRuntime))
	}
	return shown
}

// showScheduledJob makes the JSON of a schedule as the original's list of scheduled jobs has it.
func showScheduledJob(s fleet.ListedSchedule) (Job, error) {
	meta, args := taskMeta(s.Kind, string(s.ServerName), s.Args, true)
	if s.Group != 0 {
		meta["repo_group_id"], meta["repo_group_name"] = int64(s.Group), s.GroupName
	}
	// The original says whether the cron text is in the host's zone; ours is, unless it names another.
	meta["cron_string"], meta["use_local_timezone"] = s.Cron, !strings.Contains(s.Cron, "TZ=")
	return Job{
		ID: strconv.FormatInt(int64(s.ID), 10), Args: args, Meta: meta, ResultTTL: new(int64(keptFor)), Timeout: new(wholeSeconds(s.MaxRuntime)),
	}, nil
}

// jobType is how the original names a job, and which of its task's arguments the meta has; positional are those that a
// scheduled job is called with, after the server (legacy sections 5.4, 5.5).
type jobType struct {
	asked, scheduled string
	meta, positional []string
}

var jobTypes = map[fleet.Kind]jobType{
	fleet.KindRepoGroupSync: {
		asked: "ADHOC_REPO_SYNC", scheduled: "REPO_GROUP_SYNC_SCHEDULED",
		meta:       []string{"max_concurrent_syncs", "regex_include", "regex_exclude", "source_pulp_server_name", "sync_options"},
		positional: []string{"max_concurrent_syncs", "regex_include", "regex_exclude", "source_pulp_server_name"},
	},
	fleet.KindRegister: {
		asked: "ADHOC_REPO_REGISTRATION", scheduled: "REPO_REGISTRATION_SCHEDULED",
		meta: []string{"regex_include", "regex_exclude", "local_repo_config_dir"}, positional: []string{"regex_include", "regex_exclude", "local_repo_config_dir"},
	},
}

// taskMeta gives meta and arguments of a job.
func taskMeta(kind fleet.Kind, server string, raw json.RawMessage, scheduled bool) (meta map[string]any, args []any) {
	meta, args = map[string]any{}, []any{}
	known, found := jobTypes[kind]
	if server != "" {
		meta["pulp_server"] = server
	}
	if !found {
		if kind != "" {
			meta["job_type"] = string(kind)
		}
		return meta, args
	}
	given := map[string]any{}
	_ = json.Unmarshal(raw, &given) // an object, or nothing: the store made it
	meta["job_type"] = known.asked
	for _, name := range known.meta {
		if !scheduled || name != "sync_options" {
			meta[name] = given[name]
		}
	}
	if scheduled {
		meta["job_type"] = known.scheduled
		args = append(args, server)
		for _, name := range known.positional {
			args = append(args, given[name])
		}
	}
	return meta, args
}

// exampleJob is a job in the document.
var exampleJob = Job{
	ID: "7", Args: []any{}, Status: textOrNull("finished"), Enqueued: microMoment(exampleMoment), Started: microMoment(exampleMoment), Ended: microMoment(exampleMoment),
	Meta:      map[string]any{"job_type": "ADHOC_REPO_SYNC", "pulp_server": "pulp1.example.com", "max_concurrent_syncs": 2, "regex_include": "^ext", "task_id": 5},
	ResultTTL: new(int64(keptFor)), Timeout: new(int64(3600)),
}

// exampleScheduledJob is a scheduled job in the document.
var exampleScheduledJob = Job{
	ID: "3", Args: []any{"pulp1.example.com", 2, "^ext", nil, nil}, ResultTTL: new(int64(keptFor)), Timeout: new(int64(3600)),
	Meta: map[string]any{"job_type": "REPO_GROUP_SYNC_SCHEDULED", "pulp_server": "pulp1.example.com", "repo_group_name": "external_repos", "cron_string": "0 3 * * *"},
}
