// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Wait waits for a Pulp task of the server until it is final, however long that takes, and tells
// in the stage what it waits for. It does not start anything in its place: a task of a Pulp worker
// that was killed stays running for up to 17 minutes, and its repository locked (seen with
// pulpcore 3.123). One that does not change for long is told as that, and where the policy says so the error is a
// silentError.
func (s *Server) Wait(ctx context.Context, p *Progress, href pulp.Href) (*pulp.Task, error) {
	began := time.Now()
	looked, down, state := time.Time{}, false, pulp.Waiting
	var quiet silence
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	task, err := s.watcher.watch(ctx, href, func(u update) {
		if p == nil {
			return
		}
		if u.downSince.IsZero() == down {
			if down = !down; down {
				quiet.end(ctx, p)
				p.run.slot().lend(ctx)
				p.waits(ctx, "%s", s.waiting(u.downSince, u.why))
			} else {
				p.run.slot().regainNow(ctx)
				p.Say(ctx, "server %s answers again", s.Name)
				quiet.at = "" // how long it was silent is not known
			}
		}
		if down {
			return
		}
		t := u.task
		if err := quiet.look(ctx, p, t); err != nil {
			end(err)
			return
		}
		if t.State != state {
			state = t.State
			p.goesOn(ctx)
		}
		if time.Since(began) < s.timing.Odd || time.Since(looked) < s.timing.LookEach {
			p.report(ctx, t)
			return
		}
		looked = time.Now()
		p.report(ctx, t)
		why, waits := s.explainWait(ctx, t, began)
		if quiet.told {
			why += "; " + quiet.text(p.run.Env.policy())
		}
		if waits {
			p.setAll(ctx, map[string]any{"msg": why, fleet.WaitingKey: why})
		} else {
			p.Say(ctx, "%s", why)
		}
	})
	if p != nil && err == nil {
		quiet.end(ctx, p)
	}
	return task, err
}

// explainWait says why a Pulp task takes long, as far as Pulp tells, and whether that is because it waits. Where workers are
// online but none has looked at the task, it nudges them: tasks queued while no worker was online are not
// picked up until another is (seen with pulpcore 3.123). One that a worker took which was killed before it began waits, unblocked, beside
// idle workers until Pulp notices (seen with the same). What it says stays the same while nothing changes.
func (s *Server) explainWait(ctx context.Context, t *pulp.Task, began time.Time) (text string, waits bool) {
	since := began.UTC().Format(time.RFC3339)
	status, err := s.status(ctx)
	switch {
	case err != nil:
		return fmt.Sprintf("Pulp task %s is %s since %s; server %s does not tell its status", t.Href, t.State, since, s.Name), true
	case status.OnlineWorkers == 0 && t.State == pulp.Running:
		return fmt.Sprintf("server %s has no worker online: Pulp task %s shows as running since %s, but its worker is gone; "+
			"Pulp notices within about 17 minutes, the repository stays locked until then", s.Name, t.Href, since), true
	case status.OnlineWorkers == 0:
		return fmt.Sprintf("server %s has no worker online: Pulp task %s waits for one since %s", s.Name, t.Href, since), true
	case t.State == pulp.Waiting && t.Unblocked.IsZero():
		if err := s.nudge(ctx); err != nil {
			return fmt.Sprintf("Pulp task %s waits since %s, and the workers of server %s cannot be nudged: %v", t.Href, since, s.Name, err), true
		}
		return fmt.Sprintf("Pulp task %s waits since %s: another Pulp task on server %s holds its repository, or no worker has looked at it yet", t.Href, since, s.Name), true
	case t.State == pulp.Waiting:
		return fmt.Sprintf("Pulp task %s waits since %s for a free worker on server %s (%d online; that one died which had taken it Pulp notices within about 17 minutes)",
			t.Href, since, s.Name, status.OnlineWorkers), true
	}
	return fmt.Sprintf("Pulp task %s is %s since %s%s", t.Href, t.State, since, prefixed(": ", progressText(t))), false
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// report stores how far a Pulp task is: in words, and as the numbers that they are made of (total 0: not known).
func (p *Progress) report(ctx context.Context, t *pulp.Task) {
	if r, ok := runningReport(t); ok {
		p.setAll(ctx, map[string]any{"progress": progressText(t), "progress_done": r.Done, "progress_total": r.Total})
	}
}

// runningReport gives the progress report of a Pulp task that is still counting: the first whose total is known, else
// the first.
func runningReport(t *pulp.Task) (pulp.Progress, bool) {
	var first *pulp.Progress
	for i, r := range t.Progress {
		switch {
		case r.State != "running":
		case r.Total > 0:
			return r, true
		case first == nil:
			first = &t.Progress[i]
		}
	}
	if first == nil {
		return pulp.Progress{}, false
	}
	return *first, true
}

// progressText gives how far a Pulp task is in a few words.
func progressText(t *pulp.Task) string {
	r, ok := runningReport(t)
	switch {
	case !ok:
		return ""
	case r.Total > 0:
		return fmt.Sprintf("%s %d/%d", r.Message, r.Done, r.Total)
	}
	return fmt.Sprintf("%s %d", r.Message, r.Done)
}
