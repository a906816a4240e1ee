// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Keys of a stage's detail that tell of a silent Pulp task.
const (
	keySilentSince = "silent_since" // there while nothing changes
	keySilentAt    = "silent_at"    // how far it is
	keySilentEnded = "silent_ended" // the Pulp task that was cancelled for it
)

// silence is since when a Pulp task that is waited for has not changed.
type silence struct {
	at    string // how far it is; empty: not seen yet
	since time.Time
	told  bool
}

// silentError ends the wait for a Pulp task that has been silent for too long.
type silentError struct{ after time.Duration }

func (e *silentError) Error() string { return "silent for " + e.after.String() }

// look notes what was seen of a Pulp task, tells where nothing of it has changed for long, and gives the reason to end it where
// that is to be done. It is told at one look and done at a later one.
func (q *silence) look(ctx context.Context, p *Progress, t *pulp.Task) error {
	at := howFar(t)
	if q.at == "" {
		q.resume(p, t.Href, at)
	}
	if at != q.at {
		q.end(ctx, p)
		q.at, q.since = at, time.Now()
		return nil
	}
	policy, silent := p.run.Env.policy(), time.Since(q.since)
	limited := policy.SilentLimit > 0 && silent >= policy.SilentLimit && t.State == pulp.Running
	switch {
	case q.told && limited:
		return &silentError{silent.Round(time.Second)}
	case !q.told && (limited || policy.SilentWarning > 0 && silent >= policy.SilentWarning):
		q.told = true
		text := fmt.Sprintf("Pulp task %s: %s", t.Href, q.text(policy))
		p.run.Log.Warn("silent Pulp task", "pulp_task", t.Href, "since", q.since)
		p.setAll(ctx, map[string]any{"msg": text, keySilentSince: q.since.UTC().Format(time.RFC3339), keySilentAt: q.at})
		p.note(ctx, text)
	}
	return nil
}

// text says in words that nothing changes, and what comes of it.
func (q *silence) text(policy Policy) string {
	text := fmt.Sprintf("nothing has changed since %s (%s)", q.since.UTC().Format(time.RFC3339), q.at)
	if policy.SilentLimit > 0 {
		text += fmt.Sprintf(", and while it runs it is cancelled at %s", q.since.Add(policy.SilentLimit).UTC().Format(time.RFC3339))
	}
	return text
}

// resume takes over what a process before has told of the same Pulp task, if that is still so.
func (q *silence) resume(p *Progress, href pulp.Href, at string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.row.Detail
	said, _ := d[keySilentSince].(string)
	since, err := time.Parse(time.RFC3339, said)
	if err == nil && d[keySilentAt] == at && d["task_href"] == string(href) {
		q.at, q.since, q.told = at, since, true
	}
}

// end takes back what was told.
func (q *silence) end(ctx context.Context, p *Progress) {
	if !q.told {
		return
	}
	q.told = false
	p.setAll(ctx, map[string]any{keySilentSince: nil, keySilentAt: nil})
	p.note(ctx, "")
}

// howFar tells of a Pulp task what changes as long as something is done for it.
func howFar(t *pulp.Task) string {
	var done int64
	ended := 0
	for _, r := range t.Progress {
		done += r.Done
		if r.State != "running" {
			ended++
		}
	}
	if len(t.Progress) == 0 {
		return string(t.State)
	}
	return fmt.Sprintf("%s, %d done in %d parts, %d of them over", t.State, done, len(t.Progress), ended)
}

// note tells in the task what it waits for. Trouble in storing it does not disturb the work.
func (p *Progress) note(ctx context.Context, waitingFor string) {
	if err := p.run.Env.Work.Note(ctx, p.run.Lease, p.run.Task.ID, waitingFor); err != nil && ctx.Err() == nil {
		p.run.Log.Warn("what the task waits for not stored", "err", err)
	}
}

// endSilent cancels a Pulp task that has been silent for too long. Where Pulp does not confirm that in time its locks
// stay with it, and the task's end sees to it.
func (p *Progress) endSilent(ctx context.Context, s *Server, row *fleet.PulpRequest, after time.Duration) error {
	p.set(ctx, keySilentEnded, row.Href)
	told, err := p.run.stops(ctx, row.Task, []fleet.PulpRequest{*row})
	if err != nil {
		return err
	}
	err = p.run.cancelOne(p.run.Context(ctx), *row, told)
	told.done(ctx, err)
	var goesOn *notStoppedError
	if err != nil && !errors.As(err, &goesOn) {
		return err
	}
	return tooSilent(s, row.Step, row.Href, after)
}

// endedSilent tells whether a Pulp task was cancelled because it was silent for too long.
func (p *Progress) endedSilent(href string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.row.Detail[keySilentEnded] == href
}

func tooSilent(s *Server, step, href string, after time.Duration) error {
	text := "for too long"
	if after > 0 {
		text = "for " + after.String()
	}
	return fault.New(fault.Invalid, "server %s: %s was ended: nothing of Pulp task %s had changed %s (silent_task_limit)", s.Name, step, href, text).
		WithHint("find out in the server's log what it hangs in, and run it again; [pulp] silent_task_limit says how long is too long")
}
