// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// cancelling is how many Pulp tasks are cancelled at a time.
const cancelling = 16

// CancelPulpTasks cancels every Pulp task that may still run for a task or its children, and waits until Pulp says that
// they are over, telling in the task for which and why. Where Pulp took the cancellation but does not confirm it in time, the
// locks are left to the Pulp tasks. The error says that some are not known to be over: call it again.
func (r *Run) CancelPulpTasks(ctx context.Context, id fleet.TaskID) error {
	open, err := r.Env.Requests.OpenRequests(ctx, id)
	if err != nil {
		return err
	}
	told, err := r.stops(ctx, id, open)
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
			errs[i] = r.cancelOne(r.Context(ctx), row, told)
		})
	}
	wg.Wait()
	err = errors.Join(errs...)
	told.done(ctx, err)
	return err
}

func (r *Run) cancelOne(ctx context.Context, row fleet.PulpRequest, told *stops) error {
	stored := context.WithoutCancel(ctx)
	s, err := r.Server(ctx, row.Server)
	if fault.Is(err, fault.NotFound) {
		row.State = fleet.RequestNotSent
		told.stopped(stored, row, "its server is no longer in the configuration")
		return r.Env.Requests.UpdateRequest(stored, row)
	}
	if err != nil {
		return err
	}
	outer := ctx
	ctx, stop := context.WithTimeout(ctx, s.timing.Confirm)
	defer stop()
	if since, why, _ := s.breaker.down(); !since.IsZero() {
		told.waits(stored, row, waitServer, s.waiting(since, why))
	}
	if row.Href == "" {
		if err := r.find(ctx, nil, s, &row, s.limit-row.Age); err != nil {
			return told.unanswered(outer, s, row, err) // the next attempt looks again
		}
	}
	if row.State != fleet.RequestOpen {
		told.stopped(stored, row, "Pulp never got the request")
		return nil
	}
	worker := told.worker(ctx, s, row)
	var task pulp.Task
	err = s.Try(ctx, nil, func(ctx context.Context) error {
		task, err = s.Client.CancelTask(ctx, pulp.Href(row.Href))
		return err
	})
	if err == nil && !task.State.Final() {
		if !task.Started.IsZero() {
			told.works(row, worker)
		}
		var ended *pulp.Task
		if ended, err = s.stopping(ctx, row, worker, told); errors.Is(err, context.DeadlineExceeded) {
			return errors.Join(&notStoppedError{row.Href}, r.leave(outer, s, row))
		}
		if task = (pulp.Task{}); ended != nil {
			task = *ended
		}
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return told.unanswered(outer, s, row, err)
	}
	row.State = fleet.RequestDone
	if err == nil {
		if row.Outcome, err = json.Marshal(task); err != nil {
			return fault.Wrap(fault.Internal, err, "outcome of Pulp task %s cannot be stored", row.Href)
		}
	}
	if err := r.Env.Requests.UpdateRequest(stored, row); err != nil {
		return err
	}
	told.stopped(stored, row, string(task.State))
	return errors.Join(r.noteMade(stored, row, task), r.takeBack(stored, s, row))
}

// noteMade tells the store of a repository's version that a Pulp task brought before its cancellation reached it, while the
// repository is still locked: who looked at it before looks again.
func (r *Run) noteMade(ctx context.Context, row fleet.PulpRequest, task pulp.Task) error {
	version, made := task.CreatedVersion()
	if !made || task.State != pulp.Completed {
		return nil
	}
	of, err := r.Env.Tasks.Task(ctx, row.Task)
	if err != nil || of.Repository == 0 {
		return err
	}
	repository, err := r.Env.Repositories.RepositoryByID(ctx, of.Repository)
	if err != nil || !strings.HasPrefix(string(version), repository.Href) {
		return err
	}
	return r.Env.Repositories.SetServed(ctx, repository.ID, string(version), repository.ServedVersion)
}

// notStoppedError says that a Pulp task took a cancellation and goes on.
type notStoppedError struct{ href string }

func (e *notStoppedError) Error() string { return "Pulp task " + e.href + " is not over" }

// stopping waits until a Pulp task that was cancelled is over, and tells why where that takes long.
func (s *Server) stopping(ctx context.Context, row fleet.PulpRequest, worker string, told *stops) (*pulp.Task, error) {
	began, looked := time.Now(), time.Time{}
	stored := context.WithoutCancel(ctx)
	return s.watcher.watch(ctx, pulp.Href(row.Href), func(u update) {
		switch {
		case !u.downSince.IsZero():
			told.waits(stored, row, waitServer, s.waiting(u.downSince, u.why))
		case time.Since(began) >= s.timing.Stopping && (looked.IsZero() || time.Since(looked) >= s.timing.LookEach):
			looked = time.Now()
			what, why := s.whyNotStopped(ctx, u.task, worker)
			told.waits(stored, row, what, why)
		}
	})
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
			r.Log.Warn("Pulp task not confirmed as cancelled: its lock stays with it", "server", s.Name, "repository", l.Repository, "pulp_task", row.Href)
		}
	}
	return nil
}

// takeBack frees the locks that were left to a Pulp task, which is over.
func (r *Run) takeBack(ctx context.Context, s *Server, row fleet.PulpRequest) error {
	locks, err := r.Env.Locks.FindLocks(ctx, s.ID)
	if err != nil || row.Href == "" {
		return err
	}
	for _, l := range locks {
		if l.PulpTask != row.Href {
			continue
		}
		if err := r.Env.Locks.FreeLock(ctx, l); err != nil {
			return err
		}
	}
	return nil
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
