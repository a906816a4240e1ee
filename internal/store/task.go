// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// taskRow is a row of tasks.
type taskRow struct {
	bun.BaseModel `bun:"table:tasks,alias:t"`

	ID              int64         `bun:"id,pk,autoincrement"`
	Name            string        `bun:"name"`
	ParentID        int64         `bun:"parent_id,nullzero"`
	RootID          int64         `bun:"root_id,nullzero"` // 0: it is a root
	Ordinal         int           `bun:"ordinal"`
	Kind            string        `bun:"kind"`
	Args            string        `bun:"args"`
	State           string        `bun:"state"`
	Error           string        `bun:"error,nullzero"`
	ServerID        int64         `bun:"server_id,nullzero"`
	RepositoryID    int64         `bun:"repository_id,nullzero"`
	ScheduleID      int64         `bun:"schedule_id,nullzero"`
	RetryOf         int64         `bun:"retry_of,nullzero"`
	MaxRuntime      time.Duration `bun:"max_runtime"`
	Queued          time.Time     `bun:"date_queued,nullzero"`
	Started         time.Time     `bun:"date_started,nullzero"`
	Finished        time.Time     `bun:"date_finished,nullzero"`
	WorkerName      string        `bun:"worker_name"`
	WorkerJobID     string        `bun:"worker_job_id"`
	JobID           int64         `bun:"job_id,nullzero"`
	LeaseOwner      string        `bun:"lease_owner,nullzero"`
	LeaseEpoch      int64         `bun:"lease_epoch"`
	LeaseUntil      time.Time     `bun:"lease_until,nullzero"`
	CancelRequested time.Time     `bun:"cancel_requested,nullzero"`
	CancelConfirmed time.Time     `bun:"cancel_confirmed,nullzero"`
	Created         time.Time     `bun:"date_created,nullzero"`
	Updated         time.Time     `bun:"date_last_updated,nullzero"`

	Retries     int       `bun:"retries,scanonly"` // from here on of task_notes: see noted
	NextAttempt time.Time `bun:"next_attempt,scanonly"`
	RetryReason string    `bun:"retry_reason,scanonly"`
	WaitingFor  string    `bun:"waiting_for,scanonly"`
	DoneIn      int64     `bun:"done_in,scanonly"`
}

// Columns of tasks, alias t and plain.
var (
	taskColumns = rowColumns[taskRow]("t")
	taskPlain   = rowColumns[taskRow]("")
)

// root gives the id of the top of the task's tree.
func (r taskRow) root() fleet.TaskID {
	if r.RootID == 0 {
		return fleet.TaskID(r.ID)
	}
	return fleet.TaskID(r.RootID)
}

// taskFields are a task's fields in the REST API (legacy section 3.5), and ours.
var taskFields = fields{
	"id":             {expr: "t.id", typ: integer},
	"name":           {expr: "t.name", typ: text},
	"parent_task_id": {expr: "t.parent_id", typ: integer, nullable: true},
	"task_type":      {expr: "t.kind", typ: text},
	"task_type_id":   {expr: position("t.kind", fleet.Kinds), typ: integer, nullable: true},
	"task_args":      {expr: "CAST(t.args AS text)", typ: text},
	"state":          {expr: "t.state", typ: text, values: texts(fleet.TaskStates)},
	"state_id":       {expr: position("t.state", fleet.TaskStates), typ: integer, nullable: true},
	"error":          {expr: "CAST(t.error AS text)", typ: text, nullable: true},
	"worker_name":    {expr: "t.worker_name", typ: text},
	"worker_job_id":  {expr: "t.worker_job_id", typ: text},
	"date_queued":    {expr: "t.date_queued", typ: moment},
	"date_started":   {expr: "t.date_started", typ: moment, nullable: true},
	"date_finished":  {expr: "t.date_finished", typ: moment, nullable: true},

	"date_created":      {expr: "t.date_created", typ: moment},
	"date_last_updated": {expr: "t.date_last_updated", typ: moment},

	"pulp_server_id":      {expr: "t.server_id", typ: integer, nullable: true},
	"pulp_server_repo_id": {expr: "t.repository_id", typ: integer, nullable: true},
	"repo_id":             {expr: "(SELECT r.name_id FROM repositories AS r WHERE r.id = t.repository_id)", typ: integer, nullable: true},
	"schedule_id":         {expr: "t.schedule_id", typ: integer, nullable: true},
	"retry_of":            {expr: "t.retry_of", typ: integer, nullable: true},
}

// Task implements fleet.Tasks.
func (s *Store) Task(ctx context.Context, id fleet.TaskID) (fleet.Task, error) {
	var row taskRow
	if err := noted(s.read.NewSelect().Model(&row)).Where("t.id = ?", id).Scan(ctx); err != nil {
		return fleet.Task{}, s.oneErr(ctx, err, "read a task", "there is no task %d", id)
	}
	return row.task(), nil
}

// FindTasks implements fleet.Tasks.
func (s *Store) FindTasks(ctx context.Context, q fleet.Query) (fleet.Page[fleet.Task], error) {
	return list(ctx, s, q, listed[taskRow, fleet.Task]{
		fields: taskFields, id: "t.id", convert: taskRow.task, show: noted, key: func(r taskRow) int64 { return r.ID },
	})
}

// Children implements fleet.Tasks.
func (s *Store) Children(ctx context.Context, parent fleet.TaskID) ([]fleet.Task, error) {
	rows, err := childRows(ctx, s.read, parent)
	return tasks(rows), s.errors.classify(ctx, err, "read a task's children")
}

func childRows(ctx context.Context, db bun.IDB, parent fleet.TaskID) ([]taskRow, error) {
	var rows []taskRow
	err := noted(db.NewSelect().Model(&rows)).Where("t.parent_id = ?", parent).OrderExpr("t.ordinal").Scan(ctx)
	return rows, err
}

// Enqueue implements fleet.Queue.
func (s *Store) Enqueue(ctx context.Context, t fleet.NewTask) (fleet.Task, error) {
	var row taskRow
	err := s.inTx(ctx, "queue a task", func(ctx context.Context, tx tx) (err error) {
		row, err = enqueue(ctx, tx, t)
		return err
	})
	if err != nil {
		return fleet.Task{}, err
	}
	return row.task(), nil
}

// enqueue writes a task and hands it to the engine.
func enqueue(ctx context.Context, t tx, n fleet.NewTask) (taskRow, error) {
	row, err := newTaskRow(n)
	if err != nil {
		return row, err
	}
	if err := insertTask(ctx, t, &row); err != nil {
		return row, err
	}
	row.JobID, err = t.jobs.insert(ctx, fleet.TaskID(row.ID))
	if err != nil {
		return row, err
	}
	_, err = t.NewUpdate().Model(&row).Column("job_id").WherePK().Exec(ctx)
	return row, err
}

// newTaskRow makes a queued task's row.
func newTaskRow(n fleet.NewTask) (taskRow, error) {
	args, err := json.Marshal(n.Args)
	if err != nil || n.Args != nil && (len(args) == 0 || args[0] != '{') {
		return taskRow{}, fault.Wrap(fault.Internal, err, "arguments of a %s task are not a JSON object", n.Kind)
	}
	if n.Args == nil {
		args = []byte("{}")
	}
	if n.MaxRuntime <= 0 && n.MaxRuntime != fleet.Unlimited {
		return taskRow{}, fault.New(fault.Invalid, "max_runtime of task %q is %s", n.Name, n.MaxRuntime).
			WithHint("give it more than zero, or -1 for no limit")
	}
	return taskRow{
		Name: n.Name, Kind: string(n.Kind), Args: string(args), State: string(fleet.Queued),
		ServerID: int64(n.Server), RepositoryID: int64(n.Repository),
		ScheduleID: int64(n.Schedule), RetryOf: int64(n.RetryOf), MaxRuntime: n.MaxRuntime,
	}, nil
}

// insertTask writes a task at the database's now, and reads it back.
func insertTask(ctx context.Context, t tx, row *taskRow) error {
	insert := t.NewInsert().Model(row).
		Value("date_queued", "?", t.now()).Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now())
	if row.State == string(fleet.Skipped) {
		insert = insert.Value("date_finished", "?", t.now())
	}
	_, err := insert.Returning("*").Exec(ctx)
	return err
}

func tasks(rows []taskRow) []fleet.Task {
	all := make([]fleet.Task, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.task())
	}
	return all
}

func (r taskRow) task() fleet.Task {
	return fleet.Task{
		ID: fleet.TaskID(r.ID), Name: r.Name, Parent: fleet.TaskID(r.ParentID), Kind: fleet.Kind(r.Kind),
		Args: json.RawMessage(r.Args), State: fleet.TaskState(r.State), Error: taskError(r.Error),
		Server: fleet.ServerID(r.ServerID), Repository: fleet.RepositoryID(r.RepositoryID),
		Schedule: fleet.ScheduleID(r.ScheduleID), RetryOf: fleet.TaskID(r.RetryOf), MaxRuntime: r.MaxRuntime,
		Queued: utc(r.Queued), Started: utc(r.Started), Finished: utc(r.Finished),
		WorkerName: r.WorkerName, WorkerJobID: r.WorkerJobID, Owner: r.LeaseOwner,
		CancelRequested: utc(r.CancelRequested), CancelConfirmed: utc(r.CancelConfirmed),
		Retries: r.Retries, NextAttempt: utc(r.NextAttempt), RetryReason: r.RetryReason, WaitingFor: r.WaitingFor, DoneIn: fleet.TaskID(r.DoneIn),
		Created: utc(r.Created), Updated: utc(r.Updated),
	}
}

// taskError reads a stored error; nil where there is none.
func taskError(stored string) *fleet.TaskError {
	var e fleet.TaskError
	if stored == "" || json.Unmarshal([]byte(stored), &e) != nil {
		return nil
	}
	return &e
}

// errorText gives an error as it is stored.
func errorText(e *fleet.TaskError) (string, error) {
	if e == nil {
		return "", nil
	}
	stored, err := json.Marshal(e)
	return string(stored), err
}
