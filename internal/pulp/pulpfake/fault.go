// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault is what happens to one request besides or instead of being served.
type Fault struct {
	kind  faultKind
	delay time.Duration
}

type faultKind int

const (
	faultNone faultKind = iota
	faultRefuse
	faultLoseReply
	faultDelay
	faultBadGateway
	faultBadGatewayDone
	faultUnavailable
)

// The faults a request can be given.
var (
	None           = Fault{}
	Refuse         = Fault{kind: faultRefuse}         // the connection is closed, nothing was done
	LoseReply      = Fault{kind: faultLoseReply}      // done, but the connection is closed without an answer
	BadGateway     = Fault{kind: faultBadGateway}     // 502 and a proxy's html page, nothing was done
	BadGatewayDone = Fault{kind: faultBadGatewayDone} // 502 and a proxy's html page, although it was done
	Unavailable503 = Fault{kind: faultUnavailable}    // 503 and a proxy's html page with Retry-After: 1, nothing was done
)

// Delay serves the request after d.
func Delay(d time.Duration) Fault { return Fault{kind: faultDelay, delay: d} }

func (f Fault) String() string {
	switch f.kind {
	case faultRefuse:
		return "refuse"
	case faultLoseReply:
		return "lose reply"
	case faultDelay:
		return "delay " + f.delay.String()
	case faultBadGateway:
		return "502"
	case faultBadGatewayDone:
		return "502 although done"
	case faultUnavailable:
		return "503"
	default:
		return ""
	}
}

// Moment is when [Options.Hook] is called for a request.
type Moment int

// The moments of a request.
const (
	Before Moment = iota // it has arrived, nothing is done
	Done                 // it is done, the answer is not sent
	After                // the answer is sent
)

func (m Moment) String() string { return [...]string{"before", "done", "after"}[m] }

type faults struct {
	inject func(r *http.Request, n int) Fault
	hook   func(n int, at Moment, r *http.Request)
}

// Inject asks f for the fault of every API request from now on; n counts them from 1 since the server was made.
// Requests of the content app are asked for too, with n = 0. nil ends it.
func (s *Server) Inject(f func(r *http.Request, n int) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.inject = f
}

// Hook replaces [Options.Hook]. A test that kills the client's process at request n does it here.
func (s *Server) Hook(f func(n int, at Moment, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.hook = f
}

// On picks Pulp tasks by a part of their name ("synchronize", "publish", "general_create", "add_and_remove", …; ""
// is any) and by the name of the repository or object they are about ("" is any).
type On struct{ Task, Repository string }

func (m On) matches(t *task) bool {
	return strings.Contains(t.name, m.Task) && (m.Repository == "" || m.Repository == t.subject)
}

type hold struct {
	on       On
	released chan struct{}
}

type failure struct {
	on     On
	reason string
	left   int
}

// Hold keeps matching Pulp tasks that start from now on running until release is called. A task run within its request
// (a PATCH) is not held.
func (s *Server) Hold(on On) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &hold{on: on, released: make(chan struct{})}
	s.pool.held = append(s.pool.held, h)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, x := range s.pool.held {
			if x == h {
				s.pool.held = append(s.pool.held[:i:i], s.pool.held[i+1:]...)
				close(h.released)
				return
			}
		}
	}
}

func (p *pool) holds(t *task) []chan struct{} {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var res []chan struct{}
	for _, h := range p.held {
		if h.on.matches(t) {
			res = append(res, h.released)
		}
	}
	return res
}

// FailNext makes the next matching Pulp task fail with reason as its error's description.
func (s *Server) FailNext(on On, reason string) { s.FailTimes(on, reason, 1) }

// FailTimes makes the next n matching Pulp tasks fail with reason; n < 0 is all of them.
func (s *Server) FailTimes(on On, reason string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pool.failures = append(s.pool.failures, &failure{on: on, reason: reason, left: n})
}

// failing returns the failure that a task was told to have. The caller holds mu.
func (p *pool) failing(t *task) error {
	for _, f := range p.failures {
		if f.left != 0 && f.on.matches(t) {
			f.left--
			return errors.New(f.reason)
		}
	}
	return nil
}

// Kill ends a worker like kill -9: it is offline, its task stays `running` and keeps what it locked. name is a worker's
// name, or "worker" for a busy one (an idle one if none is busy). Nothing happens if there is none.
func (s *Server) Kill(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var victim *worker
	for _, w := range s.pool.workers {
		switch {
		case !w.online:
		case w.name == name, name == "worker" && w.task != nil:
			victim = w
		case name == "worker" && victim == nil:
			victim = w
		}
		if victim != nil && (victim.name == name || victim.task != nil) {
			break
		}
	}
	if victim == nil {
		return
	}
	victim.online, victim.killed = false, s.now()
	if victim.task != nil {
		victim.task.cancel()
	}
	s.pool.signal()
}

// KillAll ends every worker like kill -9.
func (s *Server) KillAll() {
	s.mu.Lock()
	names := []string{}
	for _, w := range s.pool.workers {
		if w.online {
			names = append(names, w.name)
		}
	}
	s.mu.Unlock()
	for _, n := range names {
		s.Kill(n)
	}
}

// Revive starts a new worker for every killed one. As in Pulp, tasks that were dispatched while no worker was online
// are not looked at before a new task is dispatched, and the killed workers' tasks stay `running` until [Server.Reap].
func (s *Server) Revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := 0
	for _, w := range s.pool.workers {
		if w.online {
			missing--
		}
	}
	missing += s.opt.Workers
	for range missing {
		s.pool.addWorker()
	}
	s.pool.schedule()
	s.pool.signal()
}

// Reap is what Pulp does 100 to 1000 s after a worker died: its task fails with "Worker has gone missing." (or becomes
// canceled, if someone asked for it) and gives its locks back.
func (s *Server) Reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.pool.workers[:0:0]
	for _, w := range s.pool.workers {
		if w.online {
			kept = append(kept, w)
			continue
		}
		if t := w.task; t != nil {
			if t.state == stateCanceling {
				s.pool.finish(t, stateCanceled)
			} else {
				t.err = obj{"reason": "Worker has gone missing."}
				s.pool.finish(t, stateFailed)
			}
		}
	}
	s.pool.workers = kept
	s.pool.schedule()
}

// Heal ends all faults: nothing is injected, held or made to fail any more, workers are there again and those that died
// are reaped. A stopped server is for [Server.Restart].
func (s *Server) Heal() {
	s.Inject(nil)
	s.Hook(nil)
	s.mu.Lock()
	s.pool.failures = nil
	for _, h := range s.pool.held {
		close(h.released)
	}
	s.pool.held = nil
	s.mu.Unlock()
	s.Reap()
	s.Revive()
}

// Damage replaces a file of what a distribution serves now, or takes it away where body is nil, as a broken disk does. It
// tells whether the file was there.
func (s *Server) Damage(basePath, path string, body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.basePaths[basePath]
	if o == nil {
		return false
	}
	p := s.resolve(o)
	if p == nil || p.pub.files[path] == nil {
		return false
	}
	if body == nil {
		delete(p.pub.files, path)
		return true
	}
	damaged := *p.pub.files[path]
	damaged.data = body
	p.pub.files[path] = &damaged
	return true
}

// taskError is a failure with one of Pulp's error codes.
type taskError struct{ code, text string }

func (e taskError) Error() string {
	if e.code == "" {
		return e.text
	}
	return fmt.Sprintf("[%s] %s", e.code, e.text)
}

func errorOf(err error) obj {
	res := obj{"description": err.Error(), "traceback": "  File \"/usr/lib/python3/pulpcore/tasking/tasks.py\", line 68, in _execute_task\n"}
	var te taskError
	if errors.As(err, &te) && te.code != "" {
		res["error_code"] = te.code
	}
	return res
}
