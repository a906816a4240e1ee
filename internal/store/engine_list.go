// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// engineJobRow is a row of River's jobs, with what its task says. River's own lists cannot count, skip or look into a
// job's arguments alike on both databases.
type engineJobRow struct {
	bun.BaseModel `bun:"table:river_job,alias:j"`

	ID       int64     `bun:"id,pk"`
	State    string    `bun:"state,scanonly"`
	Lost     bool      `bun:"lost,scanonly"`
	Enqueued time.Time `bun:"created_at,nullzero"`
	Ended    time.Time `bun:"finalized_at,nullzero"`
	TaskID   int64     `bun:"task_id,scanonly,nullzero"`
}

// engineTaskRow is a row of tasks, with what its server and its schedule say.
type engineTaskRow struct {
	bun.BaseModel `bun:"table:tasks,alias:t"`
	taskRow

	Server  string `bun:"server_name,scanonly"`
	GroupID int64  `bun:"group_id,scanonly,nullzero"`
	Group   string `bun:"group_name,scanonly"`
	Cron    string `bun:"cron,scanonly"`
}

// jobTask is an SQL expression for the id of a job's task.
func (s *Store) jobTask() string {
	if s.Dialect() == PostgreSQL {
		return "CAST(j.args ->> 'task_id' AS bigint)"
	}
	return "CAST(j.args ->> '$.task_id' AS integer)"
}

// jobColumn is an SQL expression for a column of a job's task.
func (s *Store) jobColumn(name string) string {
	return fmt.Sprintf("(SELECT t.%s FROM tasks AS t WHERE t.id = %s)", name, s.jobTask())
}

// jobStates are conditions on a job's row, by state. A job that is done says nothing about how its task ended: that the
// task itself tells. ?now is the database's.
var jobStates = map[fleet.EngineJobState]string{
	fleet.JobQueued:   "(j.state IN ('available', 'retryable') OR j.state = 'scheduled' AND j.scheduled_at <= ?now)",
	fleet.JobDeferred: "(j.state = 'pending' OR j.state = 'scheduled' AND j.scheduled_at > ?now)",
	fleet.JobStarted:  "j.state = 'running'",
	fleet.JobFinished: "(j.state = 'completed' AND coalesce(?task, '') NOT IN ('failed', 'failed_to_start', 'canceled'))",
	fleet.JobFailed:   "(j.state IN ('cancelled', 'discarded') OR j.state = 'completed' AND ?task IN ('failed', 'failed_to_start', 'canceled'))",
}

// inState is the condition that a job is in a state.
func (s *Store) inState(state fleet.EngineJobState) condition {
	text := strings.ReplaceAll(jobStates[state], "?task", s.jobColumn("state"))
	if !strings.Contains(text, "?now") {
		return bun.SafeQuery(text)
	}
	return bun.SafeQuery(strings.ReplaceAll(text, "?now", "?"), s.clock.now())
}

// engineJobs selects a queue's jobs.
func engineJobs(sel *bun.SelectQuery, queue string) *bun.SelectQuery {
	return sel.Where("j.kind = ? AND j.queue = ?", taskArgs{}.Kind(), queue)
}

// EngineQueues implements fleet.EngineJobs. There is one.
func (*Store) EngineQueues(context.Context) ([]string, error) {
	return []string{river.QueueDefault}, nil
}

func checkQueue(queue string) error {
	if queue != river.QueueDefault {
		return fault.New(fault.NotFound, "there is no queue %q", queue).WithHint("the only one is %s", river.QueueDefault)
	}
	return nil
}

// CountEngineJobs implements fleet.EngineJobs.
func (s *Store) CountEngineJobs(ctx context.Context, queue string) (map[fleet.EngineJobState]int, error) {
	if err := checkQueue(queue); err != nil {
		return nil, err
	}
	counts := map[fleet.EngineJobState]int{}
	for _, state := range fleet.EngineJobStates {
		n, err := engineJobs(s.read.NewSelect().Model((*engineJobRow)(nil)), queue).Where("?", s.inState(state)).Count(ctx)
		if err != nil {
			return nil, s.errors.classify(ctx, err, "count the engine's jobs")
		}
		counts[state] = int(n)
	}
	return counts, nil
}

// FindEngineJobs implements fleet.EngineJobs.
func (s *Store) FindEngineJobs(ctx context.Context, queue string, state fleet.EngineJobState, q fleet.Query) (fleet.Page[fleet.EngineJob], error) {
	if err := checkQueue(queue); err != nil {
		return fleet.Page[fleet.EngineJob]{}, err
	}
	page, err := list(ctx, s, q, listed[engineJobRow, engineJobRow]{
		fields: fields{
			"id":          {expr: "j.id", typ: integer},
			"enqueued_at": {expr: "j.created_at", typ: moment},
			"started_at":  {expr: s.jobColumn("date_started"), typ: moment, nullable: true},
			"ended_at":    {expr: "j.finalized_at", typ: moment, nullable: true},
			"timeout":     {expr: seconds(s.jobColumn("max_runtime")), typ: integer, nullable: true, number: true},
		},
		id: "j.id", show: s.showJobs, key: func(r engineJobRow) int64 { return r.ID }, convert: func(r engineJobRow) engineJobRow { return r },
		only: func(sel *bun.SelectQuery) *bun.SelectQuery {
			return engineJobs(sel, queue).Where("?", s.inState(state))
		},
	})
	if err != nil {
		return fleet.Page[fleet.EngineJob]{}, err
	}
	jobs, err := s.engineJobsOf(ctx, page.Items)
	return fleet.Page[fleet.EngineJob]{Items: jobs, Total: page.Total}, err
}

// EngineJob implements fleet.EngineJobs.
func (s *Store) EngineJob(ctx context.Context, id fleet.EngineJobID) (fleet.EngineJob, error) {
	rows := []engineJobRow{}
	err := s.showJobs(s.read.NewSelect().Model(&rows)).Where("j.kind = ? AND j.id = ?", taskArgs{}.Kind(), id).Scan(ctx)
	if err != nil {
		return fleet.EngineJob{}, s.errors.classify(ctx, err, "read a job of the engine")
	}
	if len(rows) == 0 {
		return fleet.EngineJob{}, fault.New(fault.NotFound, "there is no job %d", id).
			WithHint("jobs are forgotten a day after they ended; the task stays: see its worker_job_id")
	}
	jobs, err := s.engineJobsOf(ctx, rows)
	if err != nil {
		return fleet.EngineJob{}, err
	}
	return jobs[0], nil
}

// showJobs selects jobs with their states.
func (s *Store) showJobs(sel *bun.SelectQuery) *bun.SelectQuery {
	sel = sel.ColumnExpr("j.id, j.created_at, j.finalized_at, j.state = 'discarded' AS lost, ? AS task_id", bun.Safe(s.jobTask()))
	args := []any{}
	text := "CASE"
	for _, state := range fleet.EngineJobStates {
		text += " WHEN ? THEN ?"
		args = append(args, s.inState(state), string(state))
	}
	return sel.ColumnExpr(text+" END AS state", args...)
}

// engineJobsOf adds what their tasks say to jobs.
func (s *Store) engineJobsOf(ctx context.Context, rows []engineJobRow) ([]fleet.EngineJob, error) {
	ids := make([]int64, 0, len(rows))
	for _, r := range rows {
		ids = append(ids, r.TaskID)
	}
	tasks := map[int64]engineTaskRow{}
	err := inChunks(ids, func(ids []int64) error {
		var part []engineTaskRow
		err := s.read.NewSelect().Model(&part).
			ColumnExpr("t.*, coalesce(s.name, '') AS server_name, sc.group_id, coalesce(g.name, '') AS group_name, coalesce(sc.cron, '') AS cron").
			Join("LEFT JOIN servers AS s ON s.id = t.server_id").Join("LEFT JOIN schedules AS sc ON sc.id = t.schedule_id").
			Join("LEFT JOIN repo_groups AS g ON g.id = sc.group_id").Where("t.id IN (?)", bun.List(ids)).Scan(ctx)
		for _, r := range part {
			tasks[r.ID] = r
		}
		return err
	})
	if err != nil {
		return nil, s.errors.classify(ctx, err, "read the tasks of jobs")
	}
	jobs := make([]fleet.EngineJob, 0, len(rows))
	for _, r := range rows {
		job := fleet.EngineJob{
			ID: fleet.EngineJobID(r.ID), State: fleet.EngineJobState(r.State), Lost: r.Lost, Enqueued: utc(r.Enqueued), Ended: utc(r.Ended),
		}
		if t, there := tasks[r.TaskID]; there {
			job.Task, job.Server, job.Group, job.GroupOf, job.CronText = t.task(), fleet.ServerName(t.Server), fleet.GroupID(t.GroupID), t.Group, t.Cron
			if job.State != fleet.JobQueued {
				job.Started = job.Task.Started
			}
		}
		jobs = append(jobs, job)
	}
	return jobs, nil
}
