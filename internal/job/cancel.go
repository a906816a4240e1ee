// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// cancelling is how many Pulp tasks are cancelled at a time.
const cancelling = 16

// CancelPulpTasks cancels every Pulp task that may still run for a task or its children, and
// waits until Pulp says that they are over. Where Pulp took the cancellation but does not confirm
// it in time, the locks are left to the Pulp tasks and the requests count as dealt with. The
// error says that some are not dealt with yet: Pulp does not answer, or may still get a request
// whose answer was lost.
func (r *Run) CancelPulpTasks(ctx context.Context, id fleet.TaskID) error {
	open, err := r.Env.Requests.OpenRequests(ctx, id)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(open))
	slots := make(chan struct{}, cancelling)
	for i, row := range open {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = r.cancelOne(r.Context(ctx), row)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *Run) cancelOne(ctx context.Context, row fleet.PulpRequest) error {
	s, err := r.Server(ctx, row.Server)
	if fault.Is(err, fault.NotFound) {
		row.State = fleet.RequestNotSent
		return r.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), row)
	}
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, s.timing.Confirm)
	defer stop()
	if row.Href == "" {
		if row, err = r.find(ctx, nil, s, row, s.limit-row.Age); err != nil {
			return err // the next attempt looks again
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
		if task, err = s.Wait(ctx, nil, pulp.Href(row.Href)); err != nil && !fault.Is(err, fault.NotFound) {
			if !errors.Is(err, context.DeadlineExceeded) {
				return err // the process stops, or the task is another's by now
			}
			return r.leave(ctx, s, row)
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err // not asked yet
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
func (r *Run) leave(ctx context.Context, s *Server, row fleet.PulpRequest) error {
	ctx = context.WithoutCancel(ctx)
	locks, err := r.Env.Locks.FindLocks(ctx, s.ID)
	if err != nil {
		return err
	}
	of, err := r.repositoryOf(ctx, row.Task)
	if err != nil {
		return err
	}
	for _, l := range locks {
		about := l.Repository == of || strings.HasSuffix(row.Step, " "+l.Repository)
		if l.Task == r.Lease.Task && l.PulpTask == "" && about {
			if err := r.Env.Locks.HandLock(ctx, r.Lease, s.ID, l.Repository, row.Href); err != nil {
				return err
			}
		}
	}
	r.Log.Warn("Pulp task not confirmed as cancelled: its locks stay with it", "server", s.Name, "pulp_task", row.Href)
	row.State = fleet.RequestDone
	return r.Env.Requests.UpdateRequest(ctx, row)
}

// repositoryOf gives the repository that a task is about; empty for one about several, whose steps end
// with the repository's name.
func (r *Run) repositoryOf(ctx context.Context, id fleet.TaskID) (string, error) {
	task, err := r.Env.Tasks.Task(ctx, id)
	if err != nil || task.Repository == 0 {
		return "", err
	}
	repository, err := r.Env.Repositories.RepositoryByID(ctx, task.Repository)
	return repository.Name, err
}
