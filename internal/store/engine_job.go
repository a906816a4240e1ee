// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// jobs are the engine's jobs as a transaction changes them.
type jobs interface {
	// insert queues a job for a task and gives its id.
	insert(ctx context.Context, task fleet.TaskID) (int64, error)
	// insertMany queues a job for each task, and gives their ids: some to be taken now, others once they are woken.
	insertMany(ctx context.Context, now, later []fleet.TaskID) (map[fleet.TaskID]int64, error)
	// wake makes a job that waits for its time available now. One that is at work, or
	// gone, is no error.
	wake(ctx context.Context, id int64) error
}

// riverJobs are River's jobs within one transaction of either database.
type riverJobs[T any] struct {
	client *river.Client[T]
	tx     T
	queued bool // something is there to be taken after the commit
}

func (r *riverJobs[T]) insert(ctx context.Context, task fleet.TaskID) (int64, error) {
	// One attempt: a task is tried again by leases and hand-backs, never by the engine.
	res, err := r.client.InsertTx(ctx, r.tx, taskArgs{TaskID: task}, &river.InsertOpts{MaxAttempts: 1})
	if err != nil {
		return 0, err
	}
	r.queued = true
	return res.Job.ID, nil
}

func (r *riverJobs[T]) wake(ctx context.Context, id int64) error {
	job, err := r.client.JobGetTx(ctx, r.tx, id)
	if errors.Is(err, rivertype.ErrNotFound) {
		return nil
	}
	if err != nil || job.State != rivertype.JobStateScheduled && job.State != rivertype.JobStateAvailable {
		return err
	}
	r.queued = true
	_, err = r.client.JobRetryTx(ctx, r.tx, id)
	return err
}

// River has no call for what follows, so these are the only places that name its table.

// jobAlive is a condition: the engine's newest job of a task (alias t) waits for its
// turn, or was taken within the time of a lease and may be about to claim the task.
const jobAlive = `EXISTS (SELECT 1 FROM river_job AS j WHERE j.id = t.job_id AND
	(j.state IN ('available', 'pending', 'retryable', 'scheduled') OR (j.state = 'running' AND j.attempted_at > ?)))`

// discardJob ends a job that a dead process was at work on.
func discardJob(ctx context.Context, t tx, id int64) error {
	_, err := t.NewRaw(`UPDATE river_job SET state = 'discarded', finalized_at = CURRENT_TIMESTAMP
		WHERE id = ? AND state = 'running'`, id).Exec(ctx)
	return err
}

// discardForgottenJobs ends jobs that look as if they were at work, but whose process died or could not tell that they
// ended: taken longer ago than a lease lasts, and not those of a task that somebody holds.
func discardForgottenJobs(ctx context.Context, t tx, lease time.Duration) error {
	_, err := t.NewRaw(`UPDATE river_job SET state = 'discarded', finalized_at = CURRENT_TIMESTAMP
		WHERE state = 'running' AND attempted_at < ? AND NOT EXISTS (
			SELECT 1 FROM tasks AS t WHERE t.worker_job_id = CAST(river_job.id AS text) AND t.lease_owner IS NOT NULL AND t.lease_until >= ?)`,
		t.in(-lease), t.now()).Exec(ctx)
	return err
}

// discardRunningJobs ends all jobs that are at work.
func discardRunningJobs(ctx context.Context, t tx) error {
	_, err := t.NewRaw(`UPDATE river_job SET state = 'discarded', finalized_at = CURRENT_TIMESTAMP
		WHERE state = 'running'`).Exec(ctx)
	return err
}
