// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// PulpTask makes one request that starts a Pulp task, and waits for that task. Step names it
// within the stage. The request is written down before it is sent: entered again after a
// crash, the Pulp task is found by its correlation id and waited for, so there is at most
// one for each recorded request, and a step that ended before is not done again.
//
// Start sends the request once and gives the Pulp task's href, or "" where Pulp had nothing
// to do. A Pulp task that failed for a reason that may pass is followed by another attempt, which is a request of its
// own, after a while and not for ever; one that did not complete is an Invalid error in Pulp's own words.
func PulpTask(ctx context.Context, p *Progress, s *Server, step string, start func(ctx context.Context) (pulp.Href, error)) (*pulp.Task, error) {
	row, err := p.lastRequest(ctx, step)
	if err != nil {
		return nil, err
	}
	if row.State == fleet.RequestOpen && row.Href == "" && row.ID != 0 {
		if err := p.run.find(ctx, p, s, row, s.limit-row.Age); err != nil {
			return nil, err
		}
	}
	for {
		for row.State == "" || row.State == fleet.RequestNotSent {
			if row, err = p.send(ctx, s, row, step, start); err != nil {
				return nil, err
			}
		}
		task, err := p.finish(ctx, s, row)
		if err == nil {
			return task, nil
		}
		if row, err = p.again(ctx, s, row, task, err); err != nil {
			return task, err
		}
	}
}

// lastRequest gives the newest recorded request of a step; one without id where there is none.
func (p *Progress) lastRequest(ctx context.Context, step string) (*fleet.PulpRequest, error) {
	last := new(fleet.PulpRequest)
	if !p.resumed {
		return last, nil
	}
	all, err := p.run.Env.Requests.Requests(ctx, p.id)
	for _, r := range all {
		if r.Step == step {
			*last = r
		}
	}
	if p.settled {
		*last = fleet.PulpRequest{Attempt: last.Attempt}
	}
	return last, err
}

// send writes down a new attempt and sends it.
func (p *Progress) send(ctx context.Context, s *Server, last *fleet.PulpRequest, step string, start func(ctx context.Context) (pulp.Href, error)) (*fleet.PulpRequest, error) {
	if err := s.await(ctx, p); err != nil {
		return last, err
	}
	recorded, err := p.run.Env.Requests.RecordRequest(ctx, p.run.Lease, fleet.PulpRequest{
		Task: p.run.Task.ID, Stage: p.id, Server: s.ID, Step: step, Attempt: last.Attempt + 1,
		Correlation: pulp.NewCorrelation(), State: fleet.RequestOpen,
	})
	row := &recorded
	if err != nil {
		return row, err
	}
	href, err := start(pulp.WithCorrelation(ctx, row.Correlation))
	if !fault.Is(err, fault.Unavailable) {
		s.answered(ctx, err)
	}
	switch {
	case err == nil:
		row.Href = string(href)
		if href == "" {
			row.State = fleet.RequestDone
		}
		return row, p.run.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), *row)
	case !pulp.NotSent(err):
		if ctx.Err() != nil {
			return row, context.Cause(ctx) // stays open: whoever goes on finds out
		}
		s.breaker.trip(fault.Message(err))
		return row, p.run.find(ctx, p, s, row, s.underWay(err))
	}
	row.State = fleet.RequestNotSent
	if err := p.run.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), *row); err != nil {
		return row, err
	}
	if ctx.Err() != nil {
		return row, context.Cause(ctx)
	}
	if fault.Is(err, fault.Unavailable) && row.Attempt < maxTries*100 {
		s.breaker.trip(fault.Message(err))
		return row, nil // nothing was done: once more, when the server answers
	}
	return row, fault.Wrap(fault.KindOf(err), err, "%s: %s", step, fault.Message(err)).WithHint("%s", fault.Hint(err))
}

// finish waits for the Pulp task of a sent request and stores how it ended. There is always a task, an empty one where nothing is known
// of it.
func (p *Progress) finish(ctx context.Context, s *Server, row *fleet.PulpRequest) (*pulp.Task, error) {
	task := new(pulp.Task)
	switch {
	case row.State == fleet.RequestDone && row.Outcome == nil:
		return task, nil
	case row.State == fleet.RequestDone:
		if err := json.Unmarshal(row.Outcome, task); err != nil {
			return task, fault.Wrap(fault.Internal, err, "outcome of Pulp task %s cannot be read", row.Href)
		}
	default:
		p.set(ctx, "task_href", row.Href)
		ended, err := s.Wait(ctx, p, pulp.Href(row.Href))
		if ended != nil {
			task = ended
		}
		var silent *silentError
		switch {
		case errors.As(err, &silent):
			return task, p.endSilent(ctx, s, row, silent.after)
		case fault.Is(err, fault.NotFound):
			task = &pulp.Task{Href: pulp.Href(row.Href), State: pulp.Failed, Reason: fault.Message(err)}
		case err != nil:
			return task, err
		}
		if row.Outcome, err = json.Marshal(task); err != nil {
			return task, fault.Wrap(fault.Internal, err, "outcome of Pulp task %s cannot be stored", row.Href)
		}
		row.State = fleet.RequestDone
		if err := p.run.Env.Requests.UpdateRequest(context.WithoutCancel(ctx), *row); err != nil {
			return task, err
		}
	}
	if p.endedSilent(row.Href) && task.State == pulp.Canceled { // by a process before
		return task, tooSilent(s, row.Step, row.Href, 0)
	}
	if task.State != pulp.Completed && task.State != pulp.Skipped {
		return task, pulpTaskError(s, row.Step, task)
	}
	return task, nil
}

func pulpTaskError(s *Server, step string, task *pulp.Task) error {
	if task.State == pulp.Canceled {
		return fault.New(fault.Invalid, "server %s: Pulp task %s (%s) was canceled in Pulp", s.Name, task.Href, step).
			WithHint("somebody or something else cancelled it; run it again")
	}
	reason := task.Reason
	if reason == "" {
		reason = "Pulp gives no reason"
	}
	return fault.New(fault.Invalid, "server %s: %s failed: %s", s.Name, step, reason).WithHint("%s", reasonOf(task).todo)
}

// endedAs gives the state that the Pulp task of a request ended in; empty: it had none, or it is not known.
func endedAs(row *fleet.PulpRequest) pulp.TaskState {
	var task pulp.Task
	if row.Outcome == nil || json.Unmarshal(row.Outcome, &task) != nil {
		return ""
	}
	return task.State
}
