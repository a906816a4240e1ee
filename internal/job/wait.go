// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Wait waits for a Pulp task of the server until it is final, however long that takes, and tells
// in the stage what it waits for. It does not start anything in its place: a task of a Pulp worker
// that was killed stays running for up to 17 minutes, and its repository locked (seen with
// pulpcore 3.123).
func (s *Server) Wait(ctx context.Context, p *Progress, href pulp.Href) (pulp.Task, error) {
	began := time.Now()
	looked, down, state := time.Time{}, false, pulp.Waiting
	return s.watcher.watch(ctx, href, func(u update) {
		if p == nil {
			return
		}
		if u.downSince.IsZero() == down {
			if down = !down; down {
				p.run.slot().lend(ctx)
				p.waits(ctx, "%s", s.waiting(u.downSince, u.why))
			} else {
				p.run.slot().regainNow(ctx)
				p.Say(ctx, "server %s answers again", s.Name)
			}
		}
		if down {
			return
		}
		t := u.task
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
		if text, waits := s.explainWait(ctx, t, began); waits {
			p.setAll(ctx, map[string]any{"msg": text, fleet.WaitingKey: text})
		} else {
			p.Say(ctx, "%s", text)
		}
	})
}

// explainWait says why a Pulp task takes long, as far as Pulp tells, and whether that is because it waits. Where workers are
// online but none has looked at the task, it nudges them: tasks queued while no worker was online are not
// picked up until another is (seen with pulpcore 3.123). What it says stays the same while nothing changes.
func (s *Server) explainWait(ctx context.Context, t pulp.Task, began time.Time) (text string, waits bool) {
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
		return fmt.Sprintf("Pulp task %s waits since %s for a free worker on server %s (%d online)", t.Href, since, s.Name, status.OnlineWorkers), true
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
func (p *Progress) report(ctx context.Context, t pulp.Task) {
	if r, ok := runningReport(t); ok {
		p.setAll(ctx, map[string]any{"progress": progressText(t), "progress_done": r.Done, "progress_total": r.Total})
	}
}

// runningReport gives the progress report of a Pulp task that is still counting: the first whose total is known, else
// the first.
func runningReport(t pulp.Task) (pulp.Progress, bool) {
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
func progressText(t pulp.Task) string {
	r, ok := runningReport(t)
	switch {
	case !ok:
		return ""
	case r.Total > 0:
		return fmt.Sprintf("%s %d/%d", r.Message, r.Done, r.Total)
	}
	return fmt.Sprintf("%s %d", r.Message, r.Done)
}

// advice says what to do about a failed Pulp task: the first entry whose text occurs in Pulp's reason.
// Its words are the same with the code that newer servers put before them and without it (seen with
// pulpcore 3.85 and 3.123).
var advice = []struct{ text, todo string }{
	{"Could not find a Release file", "check the url and the suites (releases) of the definition"},
	{"Unable to verify any Release files", "the upstream's signature does not fit the remote's gpgkey: check both"},
	{"is missing the required field", "the url does not lead to a deb repository: check it"},
	{"Repository doesn't contain required metadata file", "the url does not lead to an rpm repository: check it"},
	{"failed validation due to checksum", "upstream serves a file that differs from what its metadata says: try later, or tell whoever runs it"},
	{"Request timed out", "upstream is too slow: raise sock_read_timeout, or try later"},
	{"is not https scheme", "pulp_python before 3.26.1 syncs by https only: give the definition a url with https, or the primary that it is mirrored from a mirror_url with https, or update Pulp"},
	{"CERTIFICATE_VERIFY_FAILED", "Pulp does not trust the upstream's certificate: give the definition its CA as ca_cert, or look at tls_validation"},
	{"SSL", "TLS to upstream fails: check the certificates, or tls_validation"},
	{"404", "upstream does not have it: check the url of the definition"},
	{"401", "upstream wants a login: check the remote's credentials"},
	{"403", "upstream refuses: check the remote's credentials or certificates"},
	{"Cannot connect to host", "the Pulp server cannot reach upstream: check address, proxy and firewall"},
	{"Worker has gone missing", "a Pulp worker died: see the server's log; the next run repeats it"},
	{"Killed by signal", "a Pulp worker's process was killed, perhaps for memory: see the server's log"},
	{"No space left", "the Pulp server's disk is full"},
}

func adviceFor(t pulp.Task) string {
	for _, a := range advice {
		if strings.Contains(t.Reason, a.text) {
			return a.todo
		}
	}
	return fmt.Sprintf("see Pulp task %s and the server's log (correlation id %s)", t.Href, t.Correlation)
}
