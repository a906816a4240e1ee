// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// lockRow is a row of repository_locks.
type lockRow struct {
	bun.BaseModel `bun:"table:repository_locks,alias:l"`

	ServerID   int64     `bun:"server_id,pk"`
	Repository string    `bun:"repository,pk"`
	TaskID     int64     `bun:"task_id"`
	PulpTask   string    `bun:"pulp_task"`
	Since      time.Time `bun:"since,nullzero"`
}

// AcquireLock implements fleet.Locks. A lock that was left to a Pulp task is in
// everybody's way, also in that of the task which left it.
func (s *Store) AcquireLock(ctx context.Context, lease fleet.Lease, server fleet.ServerID, repository string) (*fleet.Lock, error) {
	var there *fleet.Lock
	err := s.inTx(ctx, fmt.Sprintf("lock repository %s on server %d", repository, server), func(ctx context.Context, t tx) error {
		there = nil
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		for ctx.Err() == nil {
			n, err := t.tell(ctx, `INSERT INTO repository_locks (server_id, repository, task_id, pulp_task, since) VALUES (?, ?, ?, '', ?)
				ON CONFLICT (server_id, repository) DO NOTHING`, int64(server), repository, int64(lease.Task), t.present())
			if err != nil || n == 1 {
				return err
			}
			var rows []lockRow
			err = t.NewSelect().Model(&rows).Where("l.server_id = ? AND l.repository = ?", server, repository).Scan(ctx)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				continue // it was freed in between
			}
			if rows[0].TaskID != int64(lease.Task) || rows[0].PulpTask != "" {
				lock := rows[0].lock()
				there = &lock
			}
			return nil
		}
		return ctx.Err()
	})
	return there, err
}

// ReleaseLock implements fleet.Locks. One that was left to a Pulp task stays.
func (s *Store) ReleaseLock(ctx context.Context, lease fleet.Lease, server fleet.ServerID, repository string) error {
	return s.inTx(ctx, fmt.Sprintf("unlock repository %s on server %d", repository, server), func(ctx context.Context, t tx) error {
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		_, err := t.tell(ctx, "DELETE FROM repository_locks WHERE server_id = ? AND repository = ? AND task_id = ? AND pulp_task = ''",
			int64(server), repository, int64(lease.Task))
		return err
	})
}

// HandLock implements fleet.Locks. One that the task does not hold is no error.
func (s *Store) HandLock(ctx context.Context, lease fleet.Lease, server fleet.ServerID, repository, pulpTask string) error {
	return s.inTx(ctx, fmt.Sprintf("leave the lock of repository %s on server %d", repository, server), func(ctx context.Context, t tx) error {
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		_, err := t.NewUpdate().Model((*lockRow)(nil)).Set("pulp_task = ?", pulpTask).
			Where("l.server_id = ? AND l.repository = ? AND l.task_id = ?", server, repository, lease.Task).Exec(ctx)
		return err
	})
}

// FreeLock implements fleet.Locks.
func (s *Store) FreeLock(ctx context.Context, l fleet.Lock) error {
	return s.inTx(ctx, fmt.Sprintf("free repository %s on server %d", l.Repository, l.Server), func(ctx context.Context, t tx) error {
		_, err := t.NewDelete().Model((*lockRow)(nil)).
			Where("l.server_id = ? AND l.repository = ?", l.Server, l.Repository).
			Where("l.task_id = ? AND l.pulp_task = ? AND l.since = ?", l.Task, l.PulpTask, l.Since).Exec(ctx)
		return err
	})
}

// FindLocks implements fleet.Locks. Server 0 means all servers.
func (s *Store) FindLocks(ctx context.Context, server fleet.ServerID) ([]fleet.Lock, error) {
	var rows []lockRow
	query := s.read.NewSelect().Model(&rows).OrderExpr("l.server_id, l.repository")
	if server != 0 {
		query = query.Where("l.server_id = ?", server)
	}
	if err := query.Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read the locks of repositories")
	}
	all := make([]fleet.Lock, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.lock())
	}
	return all, nil
}

// freeForgottenLocks removes locks of tasks that are over, with nothing left to wait for,
// whose process died before it could free them.
func freeForgottenLocks(ctx context.Context, t tx) error {
	_, err := t.NewDelete().Model((*lockRow)(nil)).Where("l.pulp_task = ''").
		Where(`EXISTS (SELECT 1 FROM tasks AS t WHERE t.id = l.task_id AND `+free+`
			AND NOT (`+unfinished+`) AND NOT (`+unconfirmed+`) AND NOT `+openInTree+`)`, t.now()).Exec(ctx)
	return err
}

func (r lockRow) lock() fleet.Lock {
	return fleet.Lock{
		Server: fleet.ServerID(r.ServerID), Repository: r.Repository, Task: fleet.TaskID(r.TaskID),
		PulpTask: r.PulpTask, Since: utc(r.Since),
	}
}
