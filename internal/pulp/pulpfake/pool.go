// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"context"
	"fmt"
	"time"
)

// pool runs Pulp tasks: one at a time on each worker, first come first served on every resource. All fields are
// guarded by Server.mu.
type pool struct {
	s       *Server
	workers []*worker
	made    int

	all        []*task // oldest first
	byID       map[string]*task
	byCID      map[string][]*task
	queues     map[string][]*task // per resource, in order of dispatch; the front ones hold it
	ready      []*task            // unblocked, waiting for a worker
	canceling  []*task            // cancelled while waiting: a free worker ends them
	unseen     []*task            // dispatched while no worker was online
	unfinished int
	changed    chan struct{} // closed and replaced whenever a task changes state
	held       []*hold
	failures   []*failure
}

type worker struct {
	id     string
	name   string
	since  time.Time
	online bool
	killed time.Time
	task   *task
}

func (p *pool) init(s *Server, n int) {
	p.s, p.byID, p.byCID, p.queues, p.changed = s, map[string]*task{}, map[string][]*task{}, map[string][]*task{}, make(chan struct{})
	for range n {
		p.addWorker()
	}
}

func (p *pool) addWorker() *worker {
	p.made++
	w := &worker{
		id: p.s.newID(), name: fmt.Sprintf("%d@%s", 1000+p.made, p.s.opt.Name), since: p.s.now(), online: true,
	}
	p.workers = append(p.workers, w)
	return w
}

func (p *pool) signal() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// dispatch queues a task. The caller holds mu.
func (p *pool) dispatch(t *task) {
	p.add(t, stateWaiting)
	if p.online() == 0 {
		t.unseen = true
		p.unseen = append(p.unseen, t)
		return
	}
	p.notice()
	p.schedule()
}

// add makes a task known, and puts it in the queues of what it needs.
func (p *pool) add(t *task, state string) {
	t.created = p.s.now()
	t.updated = t.created
	t.id, t.state = p.s.newID(), state
	p.all = append(p.all, t)
	p.byID[t.id] = t
	p.byCID[t.cid] = append(p.byCID[t.cid], t)
	p.unfinished++
	p.reserve(t)
}

// notice makes every task that was dispatched while no worker was online known to the workers, which only happens
// when something new is dispatched.
func (p *pool) notice() {
	for _, t := range p.unseen {
		t.unseen = false
		p.unblock(t)
	}
	p.unseen = nil
}

// now runs a task within the request when nothing it needs is locked, as Pulp runs "immediate" tasks; else it queues.
func (p *pool) now(t *task) {
	if !p.free(t) {
		p.dispatch(t)
		return
	}
	p.add(t, stateRunning)
	t.unblocked, t.started = p.s.now(), p.s.now()
	p.end(t, p.failing(t))
}

func (p *pool) free(t *task) bool {
	for _, r := range t.exclusive {
		if len(p.queues[r]) > 0 {
			return false
		}
	}
	for _, r := range t.shared {
		for _, other := range p.queues[r] {
			if contains(other.exclusive, r) {
				return false
			}
		}
	}
	return true
}

func (p *pool) reserve(t *task) {
	t.blockedOn = map[string]bool{}
	for _, r := range t.exclusive {
		if len(p.queues[r]) > 0 {
			t.blockedOn[r] = true
		}
		p.queues[r] = append(p.queues[r], t)
	}
	for _, r := range t.shared {
		for _, other := range p.queues[r] {
			if contains(other.exclusive, r) {
				t.blockedOn[r] = true
				break
			}
		}
		p.queues[r] = append(p.queues[r], t)
	}
	p.unblock(t)
}

func (p *pool) unblock(t *task) {
	if len(t.blockedOn) == 0 && !t.unseen && t.state == stateWaiting && t.unblocked.IsZero() && p.online() > 0 {
		t.unblocked = p.s.now()
		p.ready = append(p.ready, t)
	}
}

// release gives back what a finished task held and unblocks whoever waited for it.
func (p *pool) release(t *task) {
	for _, r := range append(append([]string{}, t.exclusive...), t.shared...) {
		q := make([]*task, 0, len(p.queues[r]))
		for _, x := range p.queues[r] {
			if x != t {
				q = append(q, x)
			}
		}
		if len(q) == 0 {
			delete(p.queues, r)
			continue
		}
		p.queues[r] = q
		for _, x := range p.holders(q, r) {
			if x.blockedOn[r] {
				delete(x.blockedOn, r)
				p.unblock(x)
			}
		}
	}
}

// holders are the tasks at the front of a queue that may run together: one exclusive, or the leading shared ones.
func (p *pool) holders(q []*task, r string) []*task {
	for i, x := range q {
		if contains(x.exclusive, r) {
			if i == 0 {
				return q[:1]
			}
			return q[:i]
		}
	}
	return q
}

func (p *pool) online() int {
	n := 0
	for _, w := range p.workers {
		if w.online {
			n++
		}
	}
	return n
}

func (p *pool) idle() *worker {
	for _, w := range p.workers {
		if w.online && w.task == nil {
			return w
		}
	}
	return nil
}

// schedule gives ready tasks to idle workers. The caller holds mu.
func (p *pool) schedule() {
	if p.s.baseCtx.Err() != nil {
		return
	}
	for {
		w := p.idle()
		if w == nil {
			return
		}
		for _, t := range p.canceling {
			p.finish(t, stateCanceled)
		}
		p.canceling = nil
		if len(p.ready) == 0 {
			return
		}
		t := p.ready[0]
		p.ready = p.ready[1:]
		if t.state != stateWaiting {
			continue
		}
		t.state, t.started, t.worker, w.task = stateRunning, p.s.now(), w, t
		t.updated = t.started
		ctx, cancel := context.WithCancel(p.s.baseCtx)
		t.cancel = cancel
		p.signal()
		p.s.running.Add(1)
		go p.run(ctx, t, w)
	}
}

// run is one task on one worker.
func (p *pool) run(ctx context.Context, t *task, w *worker) {
	defer p.s.running.Done()
	defer t.cancel()
	s := p.s
	err := p.wait(ctx, t)
	if err == nil && t.fetch != nil {
		err = t.fetch(ctx, t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !w.online { // killed: nobody finishes this task
		return
	}
	w.task = nil
	switch {
	case t.state == stateCanceling || ctx.Err() != nil:
		p.finish(t, stateCanceled)
	case err != nil:
		p.fail(t, err)
	default:
		p.end(t, p.failing(t))
	}
	p.schedule()
}

// wait is the task's artificial duration and whatever holds it.
func (p *pool) wait(ctx context.Context, t *task) error {
	if f := p.s.opt.TaskDuration; f != nil {
		if d := f(t.name, t.subject); d > 0 {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	for _, released := range p.holds(t) {
		select {
		case <-released:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// end does a task's work, or fails it with err.
func (p *pool) end(t *task, err error) {
	if err == nil && t.body != nil {
		t.result, err = t.body(t)
	}
	if err != nil {
		p.fail(t, err)
		return
	}
	p.finish(t, stateCompleted)
}

func (p *pool) fail(t *task, err error) {
	t.err = errorOf(err)
	p.finish(t, stateFailed)
}

func (p *pool) finish(t *task, state string) {
	t.state, t.finished = state, p.s.now()
	t.updated = t.finished
	p.unfinished--
	p.release(t)
	p.signal()
}

func contains(list []string, x string) bool {
	for _, y := range list {
		if y == x {
			return true
		}
	}
	return false
}
