// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// postgresJobs are the engine's jobs in PostgreSQL, whose clock counts. River's driver dates a new job by the clock of the
// machine, so that one queued where it is a minute early would not be taken for a minute.
type postgresJobs struct{ riverJobs[pgx.Tx] }

func (p *postgresJobs) insert(ctx context.Context, task fleet.TaskID) (int64, error) {
	id, err := p.riverJobs.insert(ctx, task)
	if err == nil {
		_, err = p.tx.Exec(ctx, "UPDATE river_job SET created_at = statement_timestamp(), scheduled_at = now() WHERE id = $1", id)
	}
	return id, err
}

func (p *postgresJobs) insertMany(ctx context.Context, now, later []fleet.TaskID) (map[fleet.TaskID]int64, error) {
	ids, err := p.riverJobs.insertMany(ctx, now, later)
	if err != nil || len(now) == 0 {
		return ids, err
	}
	begun := make([]int64, 0, len(now))
	for _, id := range now {
		begun = append(begun, ids[id])
	}
	_, err = p.tx.Exec(ctx, "UPDATE river_job SET created_at = statement_timestamp(), scheduled_at = now() WHERE id = ANY($1)", begun)
	return ids, err
}
