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

// Keys of a stage's detail that tell of a step that is tried again. The first two stay when it runs, the next one is there
// only while it waits.
const (
	keyAttempt     = "attempt"  // which one it is in, from 1
	keyAttempts    = "attempts" // how many there are at most
	keyNextAttempt = "next_attempt"
	keyReason      = "reason"     // why the one before failed
	keyRetryStep   = "retry_step" // of which step
)

// again decides whether a step whose Pulp task failed is tried again. It waits until then, and gives the row that the next
// attempt follows. The decision follows from what is stored, so that a process that goes on later decides alike.
func (p *Progress) again(ctx context.Context, s *Server, row *fleet.PulpRequest, task *pulp.Task, failed error) (*fleet.PulpRequest, error) {
	if task.State != pulp.Failed || !reasonOf(task).again {
		return row, failed
	}
	all, err := p.run.Env.Requests.Requests(ctx, p.id)
	if err != nil {
		return row, err
	}
	failures, most := failuresOf(all, row.Step), p.run.Env.policy().StageRetries
	if failures > most {
		if failures == 1 {
			return row, failed
		}
		return row, fault.Wrap(fault.KindOf(failed), failed, "%s (attempt %d of %d)", fault.Message(failed), failures, most+1).WithHint("%s", fault.Hint(failed))
	}
	after := s.timing.retryAfter(failures)
	next := p.nextAttempt(row.Step, failures+1, after)
	p.run.Log.Warn("step is tried again", "stage", p.row.Name, "server", s.Name, "pulp_task", row.Href, "attempt", failures+1, "seconds", after.Seconds(), "err", failed)
	p.setAll(ctx, map[string]any{
		keyAttempt: failures + 1, keyAttempts: most + 1, keyNextAttempt: next.UTC().Format(time.RFC3339), keyReason: fault.Message(failed), keyRetryStep: row.Step,
		"msg": fmt.Sprintf("attempt %d of %d at %s: %s", failures+1, most+1, next.UTC().Format(time.RFC3339), fault.Message(failed)),
	})
	p.run.slot().lendAll(ctx)
	if err := p.run.aside(func() error { return sleep(ctx, time.Until(next)) }); err != nil {
		return row, err
	}
	if err := p.run.slot().regain(ctx, func(what string) { p.waits(ctx, "%s", what) }); err != nil {
		return row, err
	}
	p.setAll(ctx, map[string]any{keyNextAttempt: nil, "msg": fmt.Sprintf("attempt %d of %d of %s", failures+1, most+1, row.Step)})
	p.noteRetried(row.Step)
	return &fleet.PulpRequest{Step: row.Step, Attempt: row.Attempt}, nil
}

// nextAttempt gives when an attempt begins: when it was said to, if a process before has said so, and at the latest after
// that time.
func (p *Progress) nextAttempt(step string, attempt int, after time.Duration) time.Time {
	latest := time.Now().Add(after)
	p.mu.Lock()
	defer p.mu.Unlock()
	said, _ := p.row.Detail[keyNextAttempt].(string)
	of, _ := p.row.Detail[keyAttempt].(float64) // as read back
	at, err := time.Parse(time.RFC3339, said)
	if err != nil || p.row.Detail[keyRetryStep] != step || int(of) != attempt || at.After(time.Now().Add(2*after)) { // it was drawn anew, and may be half of what it was
		return latest
	}
	return at
}

// failuresOf counts the newest requests of a step whose Pulp tasks failed one after the other.
func failuresOf(all []fleet.PulpRequest, step string) int {
	n := 0
	for _, row := range all {
		switch {
		case row.Step != step || row.State == fleet.RequestNotSent:
		case row.State == fleet.RequestDone && endedAs(&row) == pulp.Failed:
			n++
		default:
			n = 0
		}
	}
	return n
}

// Retried tells whether a step was tried again in this stage: then what an earlier attempt at it has done in Pulp may
// not be told by the Pulp task that ended well.
func (p *Progress) Retried(step string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.retried[step] || p.row.Detail[keyRetryStep] == step
}

func (p *Progress) noteRetried(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retried == nil {
		p.retried = map[string]bool{}
	}
	p.retried[step] = true
}
