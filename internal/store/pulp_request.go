// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// requestRow is a row of pulp_requests.
type requestRow struct {
	bun.BaseModel `bun:"table:pulp_requests,alias:q"`

	ID          int64     `bun:"id,pk,autoincrement"`
	TaskID      int64     `bun:"task_id"`
	StageID     int64     `bun:"stage_id"`
	ServerID    int64     `bun:"server_id"`
	Step        string    `bun:"step"`
	Attempt     int       `bun:"attempt"`
	Correlation string    `bun:"correlation"`
	Sent        time.Time `bun:"sent,nullzero"`
	Href        string    `bun:"href"`
	State       string    `bun:"state"`
	Outcome     string    `bun:"outcome,nullzero"`

	Now time.Time `bun:"now,scanonly"` // when it was read
}

// Columns of pulp_requests, alias q and plain.
var (
	requestColumns = rowColumns[requestRow]("q")
	requestPlain   = rowColumns[requestRow]("")
)

// RecordRequest implements fleet.PulpRequests. Conflict where the step has an open
// request already, or one of that attempt; attempt 0 means the next one.
func (s *Store) RecordRequest(ctx context.Context, lease fleet.Lease, r fleet.PulpRequest) (fleet.PulpRequest, error) {
	row := requestRow{
		TaskID: int64(r.Task), StageID: int64(r.Stage), ServerID: int64(r.Server), Step: r.Step, Attempt: r.Attempt,
		Correlation: r.Correlation, Href: r.Href, State: string(fleet.RequestOpen),
	}
	err := s.inTx(ctx, fmt.Sprintf("note request %q of task %d", r.Step, r.Task), func(ctx context.Context, t tx) error {
		root, err := fence(ctx, t, lease, toRead)
		if err != nil {
			return err
		}
		task, err := member(ctx, t, root, r.Task)
		if err != nil {
			return err
		}
		if err := mayAsk(root, task); err != nil {
			return err
		}
		if err := nextAttempt(ctx, t, &row); err != nil {
			return err
		}
		now := t.present()
		return t.ask(ctx, &row, `INSERT INTO pulp_requests (task_id, stage_id, server_id, step, attempt, correlation, sent, href, state)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+requestPlain+`, ? AS now`,
			row.TaskID, row.StageID, row.ServerID, row.Step, row.Attempt, row.Correlation, now, row.Href, row.State, now)
	})
	if err != nil {
		return fleet.PulpRequest{}, err
	}
	return row.request(), nil
}

// mayAsk tells why nothing may be asked of a server for a task any more.
func mayAsk(root, task taskRow) error {
	for _, r := range []taskRow{root, task} {
		if !r.CancelRequested.IsZero() || r.State == string(fleet.Canceled) {
			return fleet.ErrCanceled
		}
		if fleet.TaskState(r.State).Final() {
			return fault.New(fault.Conflict, "task %d is over: %s", r.ID, r.State)
		}
	}
	return nil
}

// nextAttempt makes sure that the attempt before is final.
func nextAttempt(ctx context.Context, t tx, row *requestRow) error {
	var before []requestRow
	err := t.ask(ctx, &before, "SELECT "+requestColumns+" FROM pulp_requests AS q WHERE q.stage_id = ? AND q.step = ? ORDER BY q.attempt DESC", row.StageID, row.Step)
	if err != nil {
		return err
	}
	for _, b := range before {
		if b.State == string(fleet.RequestOpen) {
			return fault.New(fault.Conflict, "request %q of task %d: attempt %d is still open", row.Step, row.TaskID, b.Attempt)
		}
	}
	if row.Attempt == 0 {
		row.Attempt = 1
		if len(before) > 0 {
			row.Attempt = before[0].Attempt + 1
		}
	}
	return nil
}

// UpdateRequest implements fleet.PulpRequests. What is known is never forgotten: an
// empty Href or Outcome leaves the stored one, and a final state stays.
func (s *Store) UpdateRequest(ctx context.Context, r fleet.PulpRequest) error {
	return s.inTx(ctx, fmt.Sprintf("note what became of request %d", r.ID), func(ctx context.Context, t tx) error {
		n, err := t.tell(ctx, `UPDATE pulp_requests SET state = CASE WHEN state = 'open' THEN ? ELSE state END,
			href = COALESCE(?, href), outcome = COALESCE(?, outcome) WHERE id = ?`,
			string(r.State), orNull(r.Href), orNull(string(r.Outcome)), int64(r.ID))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no request %d", r.ID)
		}
		return err
	})
}

// Requests implements fleet.PulpRequests.
func (s *Store) Requests(ctx context.Context, stage fleet.StageID) ([]fleet.PulpRequest, error) {
	return s.requests(ctx, s.read.NewSelect().Where("q.stage_id = ?", stage))
}

// TaskRequests implements fleet.PulpRequests.
func (s *Store) TaskRequests(ctx context.Context, task fleet.TaskID) ([]fleet.PulpRequest, error) {
	return s.requests(ctx, s.read.NewSelect().Where("q.task_id = ?", task))
}

// OpenRequests implements fleet.PulpRequests.
func (s *Store) OpenRequests(ctx context.Context, task fleet.TaskID) ([]fleet.PulpRequest, error) {
	return s.requests(ctx, s.read.NewSelect().Where("q.state = 'open'").Where("q.task_id IN (?)", subtreeIDs(task)))
}

func (s *Store) requests(ctx context.Context, query *bun.SelectQuery) ([]fleet.PulpRequest, error) {
	var rows []requestRow
	if err := query.Model(&rows).ColumnExpr("q.*, ? AS now", s.clock.now()).OrderExpr("q.id").Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read requests to Pulp")
	}
	all := make([]fleet.PulpRequest, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.request())
	}
	return all, nil
}

func (r requestRow) request() fleet.PulpRequest {
	q := fleet.PulpRequest{
		ID: fleet.RequestID(r.ID), Task: fleet.TaskID(r.TaskID), Stage: fleet.StageID(r.StageID), Server: fleet.ServerID(r.ServerID),
		Step: r.Step, Attempt: r.Attempt, Correlation: r.Correlation,
		Sent: utc(r.Sent), Age: max(r.Now.Sub(r.Sent), 0), Href: r.Href, State: fleet.RequestState(r.State),
	}
	if r.Outcome != "" {
		q.Outcome = json.RawMessage(r.Outcome)
	}
	return q
}
