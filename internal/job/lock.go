// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// How often a held lock is tried again.
const (
	firstLockTry = 200 * time.Millisecond
	lastLockTry  = 3 * time.Second
)

// Lock takes the right to change a repository, waiting for whoever holds it and saying for whom. It
// belongs to the root task, so its children may take it too. A lock that was left to a Pulp
// task is free once that is final.
func (r *Run) Lock(ctx context.Context, p *Progress, s *Server, repository string) error {
	var began time.Time
	for pause := firstLockTry; ; pause = min(2*pause, lastLockTry) {
		held, err := r.Env.Locks.AcquireLock(ctx, r.Lease, s.ID, repository)
		if err != nil || held == nil {
			if err == nil && !began.IsZero() {
				r.Observe().LockWait(time.Since(began))
			}
			return err
		}
		if began.IsZero() {
			began = time.Now()
		}
		if held.PulpTask != "" {
			freed, err := r.free(ctx, p, s, *held)
			if err != nil {
				return err
			}
			if freed {
				continue
			}
		}
		p.waits(ctx, "%s on %s: %s", repository, s.Name, holder(*held))
		p.noteWaited()
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// Waited tells whether a lock that the stage took was another's at first: what was seen of its repository before may be
// old, and the store need not know, since Pulp may complete what we have cancelled.
func (p *Progress) Waited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waited
}

func (p *Progress) noteWaited() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited = true
}

// Unlock gives the right back. After a cancellation it is kept until Pulp confirms.
func (r *Run) Unlock(ctx context.Context, s *Server, repository string) error {
	if ctx.Err() != nil {
		return nil
	}
	return r.Env.Locks.ReleaseLock(ctx, r.Lease, s.ID, repository)
}

func (r *Run) free(ctx context.Context, p *Progress, s *Server, held fleet.Lock) (bool, error) {
	var task pulp.Task
	err := s.Try(ctx, p, func(ctx context.Context) error {
		var err error
		task, err = s.Client.Task(ctx, pulp.Href(held.PulpTask))
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, err
	}
	if err == nil && !task.State.Final() {
		return false, nil
	}
	return true, r.Env.Locks.FreeLock(ctx, held)
}

func holder(l fleet.Lock) string {
	if l.PulpTask != "" {
		return fmt.Sprintf("Pulp task %s of task %d still changes it (since %s)", l.PulpTask, l.Task, l.Since.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("task %d changes it since %s (/v1/tasks/%d)", l.Task, l.Since.UTC().Format(time.RFC3339), l.Task)
}
