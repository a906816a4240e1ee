// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	// free is a condition: no process has the right to work on the task (alias t) now.
	free = "(t.lease_owner IS NULL OR t.lease_until < ?)"
	// unfinished and unconfirmed are two of three reasons for a root to need work; the
	// third are open requests in its tree.
	unfinished  = "t.state IN ('queued', 'running')"
	unconfirmed = "t.cancel_requested IS NOT NULL AND t.cancel_confirmed IS NULL"
	openInTree  = `EXISTS (SELECT 1 FROM pulp_requests AS q JOIN tasks AS c ON c.id = q.task_id
		WHERE q.state = 'open' AND coalesce(c.root_id, c.id) = t.id)`
)

// sweepSize is how many tasks one sweep hands on at most.
const sweepSize = 500

// Claim implements fleet.Leases, as one compare-and-set.
func (s *Store) Claim(ctx context.Context, id fleet.TaskID, owner, workerName, jobID string) (fleet.Task, fleet.Lease, error) {
	var row taskRow
	err := s.inTx(ctx, fmt.Sprintf("claim task %d", id), func(ctx context.Context, t tx) error {
		var rows []taskRow
		_, err := t.NewUpdate().Model((*taskRow)(nil)).
			Set("date_started = CASE WHEN state = ? THEN ? ELSE date_started END", fleet.Queued, t.now()).
			Set("state = CASE WHEN state = ? THEN ? ELSE state END", fleet.Queued, fleet.Running).
			Set("lease_owner = ?", owner).Set("lease_epoch = lease_epoch + 1").Set("lease_until = ?", t.in(s.lease)).
			Set("worker_name = ?", workerName).Set("worker_job_id = ?", jobID).Set("date_last_updated = ?", t.now()).
			Where("t.id = ? AND t.parent_id IS NULL", id).Where(free, t.now()).
			Where("("+unfinished+") OR ("+unconfirmed+") OR "+openInTree).
			Returning("*").Exec(ctx, &rows)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return whyNotClaimed(ctx, t, id)
		}
		row = rows[0]
		row.Retries, err = begun(ctx, t, id)
		return err
	})
	if err != nil {
		return fleet.Task{}, fleet.Lease{}, err
	}
	return row.task(), fleet.Lease{Task: id, Owner: owner, Epoch: row.LeaseEpoch, Retries: row.Retries}, nil
}

func whyNotClaimed(ctx context.Context, t tx, id fleet.TaskID) error {
	var rows []struct {
		taskRow
		Held bool `bun:"held"`
	}
	err := t.NewSelect().Model(&rows).ModelTableExpr("tasks AS t").ColumnExpr("t.*, NOT "+free+" AS held", t.now()).
		Where("t.id = ?", id).Scan(ctx)
	switch {
	case err != nil:
		return err
	case len(rows) == 0:
		return fault.New(fault.NotFound, "there is no task %d", id)
	case rows[0].ParentID != 0:
		return fault.New(fault.Conflict, "task %d is a part of task %d and is worked on with it", id, rows[0].root())
	case rows[0].Held:
		return fault.New(fault.Conflict, "task %d is worked on by %s", id, rows[0].WorkerName)
	}
	return fault.New(fault.Conflict, "task %d is over: %s", id, rows[0].State)
}

// Renew implements fleet.Leases.
func (s *Store) Renew(ctx context.Context, owner string) ([]fleet.TaskID, error) {
	var ids []fleet.TaskID
	err := s.inTx(ctx, "renew leases", func(ctx context.Context, t tx) error {
		_, err := t.NewUpdate().Model((*taskRow)(nil)).Set("lease_until = ?", t.in(s.lease)).
			Where("t.lease_owner = ?", owner).Returning("id").Exec(ctx, &ids)
		return err
	})
	slices.Sort(ids)
	return ids, err
}

// Interrupted implements fleet.Leases.
func (s *Store) Interrupted(ctx context.Context, owner string) ([]fleet.TaskID, error) {
	var ids []fleet.TaskID
	err := s.read.NewSelect().Model((*taskRow)(nil)).Column("t.id").
		Join("JOIN tasks AS root ON root.id = coalesce(t.root_id, t.id)").
		Where(unconfirmed).Where("root.lease_owner = ?", owner).OrderExpr("t.id").Scan(ctx, &ids)
	return ids, s.errors.classify(ctx, err, "look for canceled tasks")
}

// Yield implements fleet.Leases. The task is left alone for the time of a lease, in
// which whoever worked on it tells the engine when it is to go on.
func (s *Store) Yield(ctx context.Context, lease fleet.Lease) error {
	return s.inTx(ctx, fmt.Sprintf("yield task %d", lease.Task), func(ctx context.Context, t tx) error {
		_, err := t.NewUpdate().Model((*taskRow)(nil)).Set("lease_owner = NULL").Set("lease_until = ?", t.in(s.lease)).
			Where("t.id = ? AND t.lease_owner = ? AND t.lease_epoch = ?", lease.Task, lease.Owner, lease.Epoch).Exec(ctx)
		return err
	})
}

// Sweep implements fleet.Leases. It also finds queued tasks that the engine lost, and
// frees locks that nobody is left to free.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	s.db.lookAtClock(ctx)
	var found []taskRow
	err := s.inTx(ctx, "sweep tasks", func(ctx context.Context, t tx) error {
		found = nil
		alone, err := onlySweeper(ctx, t)
		if err != nil || !alone {
			return err
		}
		err = t.locked(t.NewSelect().Model(&found).Column("t.id", "t.job_id"), toChange, "t").
			Where("t.id IN (?)", needWork).Where("t.lease_until IS NULL OR t.lease_until < ?", t.now()).
			Where("NOT "+jobAlive, t.in(-s.lease)).OrderExpr("t.id").Limit(sweepSize).Scan(ctx)
		if err != nil {
			return err
		}
		for _, task := range found {
			if err := requeue(ctx, t, task); err != nil {
				return err
			}
		}
		if err := wakeCanceled(ctx, t); err != nil {
			return err
		}
		if err := discardForgottenJobs(ctx, t, s.lease); err != nil {
			return err
		}
		return freeForgottenLocks(ctx, t)
	})
	if err != nil {
		return 0, err
	}
	return len(found), nil
}

// needWork is a query for the roots that are not over yet; each part has its own small index.
var needWork = bun.SafeQuery(`
	SELECT t.id FROM tasks AS t WHERE t.parent_id IS NULL AND ` + unfinished + `
	UNION SELECT coalesce(t.root_id, t.id) FROM tasks AS t WHERE ` + unconfirmed + `
	UNION SELECT coalesce(t.root_id, t.id) FROM pulp_requests AS q JOIN tasks AS t ON t.id = q.task_id WHERE q.state = 'open'`)

// onlySweeper keeps two processes from giving a task two jobs.
func onlySweeper(ctx context.Context, t tx) (alone bool, err error) {
	if t.dialect == SQLite {
		return true, nil
	}
	err = t.NewRaw("SELECT pg_try_advisory_xact_lock(?)", int64(sweepKey)).Scan(ctx, &alone)
	return alone, err
}

func requeue(ctx context.Context, t tx, task taskRow) error {
	if task.JobID != 0 {
		if err := discardJob(ctx, t, task.JobID); err != nil {
			return err
		}
	}
	job, err := t.jobs.insert(ctx, fleet.TaskID(task.ID))
	if err != nil {
		return err
	}
	_, err = t.NewUpdate().Model((*taskRow)(nil)).Set("job_id = ?", job).Where("t.id = ?", task.ID).Exec(ctx)
	return err
}

// wakeCanceled lets canceled tasks that wait to go on be confirmed now.
func wakeCanceled(ctx context.Context, t tx) error {
	var waiting []int64
	err := t.NewSelect().Model((*taskRow)(nil)).Column("t.job_id").
		Where("t.parent_id IS NULL AND t.job_id IS NOT NULL").Where(unconfirmed).Where(free, t.now()).Scan(ctx, &waiting)
	if err != nil {
		return err
	}
	for _, job := range waiting {
		if err := t.jobs.wake(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// Reclaim implements fleet.Leases. Call it before the engine starts: whatever jobs were
// at work are taken for dead.
func (s *Store) Reclaim(ctx context.Context) (int, error) {
	var n int64
	err := s.inTx(ctx, "reclaim tasks", func(ctx context.Context, t tx) (err error) {
		n, err = changed(t.NewUpdate().Model((*taskRow)(nil)).Set("lease_owner = NULL").Set("lease_until = NULL").
			Where("t.lease_owner IS NOT NULL").Exec(ctx))
		if err != nil {
			return err
		}
		_, err = t.NewUpdate().Model((*taskRow)(nil)).Set("lease_until = NULL").Where("t.id IN (?)", needWork).Exec(ctx)
		if err != nil {
			return err
		}
		return discardRunningJobs(ctx, t)
	})
	return int(n), err
}
