// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// confirmLimit is how long a cancellation waits for Pulp to confirm before the locks are left to
// the Pulp tasks that go on. A running task on a live worker ends in a second; one that
// waits, or whose worker died, in minutes.
const confirmLimit = 30 * time.Second

// CancelPulpTasks cancels every Pulp task that may still run for a task or its children, and
// waits until Pulp says that they are over. Where Pulp does not confirm in time, the locks are left
// to the Pulp tasks and the requests count as dealt with.
func (r *Run) CancelPulpTasks(ctx context.Context, id fleet.TaskID) error {
	open, err := r.Env.Requests.OpenRequests(ctx, id)
	if err != nil {
		return err
	}
	var errs []error
	for _, row := range open {
		errs = append(errs, r.cancelOne(r.Context(ctx), row))
	}
	return errors.Join(errs...)
}

func (r *Run) cancelOne(ctx context.Context, row fleet.PulpRequest) error {
	ctx, stop := context.WithTimeout(ctx, confirmLimit)
	defer stop()
	s, err := r.Server(ctx, row.Server)
	if fault.Is(err, fault.NotFound) {
		row.State = fleet.RequestNotSent
		return r.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), row)
	}
	if err != nil {
		return err
	}
	if row.Href == "" {
		if row, err = r.find(ctx, nil, s, row, s.limit-row.Age); err != nil {
			return r.leave(ctx, s, row, err)
		}
	}
	if row.State != fleet.RequestOpen {
		return nil
	}
	var task pulp.Task
	err = s.Try(ctx, nil, func(ctx context.Context) error {
		task, err = s.Client.CancelTask(ctx, pulp.Href(row.Href))
		return err
	})
	if err == nil && !task.State.Final() {
		task, err = s.Wait(ctx, nil, pulp.Href(row.Href))
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return r.leave(ctx, s, row, err)
	}
	row.State = fleet.RequestDone
	if err == nil {
		if row.Outcome, err = json.Marshal(task); err != nil {
			return fault.Wrap(fault.Internal, err, "outcome of Pulp task %s cannot be stored", row.Href)
		}
	}
	return r.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), row)
}

// leave hands the locks of a task to a Pulp task that does not end, so that nobody changes the
// repository under it; the next who wants them looks whether it is over.
func (r *Run) leave(ctx context.Context, s *Server, row fleet.PulpRequest, why error) error {
	ctx = context.WithoutCancel(ctx)
	if row.Href == "" {
		return why // not even found: the next attempt looks again
	}
	locks, err := r.Env.Locks.FindLocks(ctx, s.ID)
	if err != nil {
		return err
	}
	of, err := r.repositoryOf(ctx, row.Task)
	if err != nil {
		return err
	}
	for _, l := range locks {
		if l.Task == r.Lease.Task && l.PulpTask == "" && (of == "" || l.Repository == of) {
			if err := r.Env.Locks.HandLock(ctx, r.Lease, s.ID, l.Repository, row.Href); err != nil {
				return err
			}
		}
	}
	r.Log.Warn("Pulp task not confirmed as cancelled: its locks stay with it", "server", s.Name, "pulp_task", row.Href, "err", why)
	row.State = fleet.RequestDone
	return r.Env.Requests.UpdateRequest(ctx, row)
}

// repositoryOf gives the repository that a task is about; empty for one about several.
func (r *Run) repositoryOf(ctx context.Context, id fleet.TaskID) (string, error) {
	task, err := r.Env.Tasks.Task(ctx, id)
	if err != nil || task.Repository == 0 {
		return "", err
	}
	repository, err := r.Env.Repositories.RepositoryByID(ctx, task.Repository)
	return repository.Name, err
}
