// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// How often a Pulp task is asked for: at first often, later by its age.
const (
	quickest = 100 * time.Millisecond
	slowest  = 32 * quickest
	// slack is how much early a task may be asked for together with others.
	slack = 50 * time.Millisecond
	// absent is how often in a row a task may be missing from Pulp's answer before it
	// counts as gone.
	absent = 3
)

// watcher waits for all Pulp tasks of one server that anybody waits for, with one bulk
// request a round.
type watcher struct {
	server *Server
	began  time.Time

	mu      sync.Mutex
	waits   map[*wait]struct{}
	kick    chan struct{}
	running bool
	crowd   *atomic.Int64 // watchers of this process that are at it; nil: this one alone
	cancel  context.CancelFunc
	ctx     context.Context
	done    sync.WaitGroup
}

// wait is one caller's interest in one Pulp task.
type wait struct {
	href    pulp.Href
	since   time.Time
	next    time.Time
	missing int
	updates chan update // latest state, one slot

	running bool      // a worker works on it
	queued  time.Time // since when it is seen to wait for a worker; zero: it does not
}

// update is what was seen: a state of the task, an error, or a server that does not answer.
type update struct {
	task      *pulp.Task // nil: there is no answer
	err       error
	downSince time.Time // zero: the server answers
	why       string    // what it said
}

func newWatcher(s *Server) *watcher {
	w := &watcher{server: s, began: time.Now(), waits: map[*wait]struct{}{}, kick: make(chan struct{}, 1)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// watch returns the Pulp task once it is final. Seen is called, in the caller's goroutine, each
// time its state was looked at or the server did not answer. NotFound: Pulp has no record of
// it (any more).
func (w *watcher) watch(ctx context.Context, href pulp.Href, seen func(update)) (*pulp.Task, error) {
	own := &wait{href: href, since: time.Now(), updates: make(chan update, 1)}
	w.add(own)
	defer w.remove(own)
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case u := <-own.updates:
			if u.err != nil {
				return nil, u.err
			}
			if u.task != nil && u.task.State.Final() {
				return u.task, nil
			}
			seen(u)
		}
	}
}

func (w *watcher) add(own *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	own.next = time.Now().Add(quickest / 2)
	w.waits[own] = struct{}{}
	if !w.running {
		w.running = true
		w.done.Go(w.loop)
	}
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

func (w *watcher) remove(own *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waits, own)
}

// stop ends the watching; waits that are left end with the callers' contexts.
func (w *watcher) stop() {
	w.cancel()
	w.done.Wait()
}

func (w *watcher) loop() {
	if w.crowd != nil {
		w.crowd.Add(1)
		defer w.crowd.Add(-1)
	}
	for {
		due, pause, any := w.due(time.Now())
		if !any {
			return
		}
		if len(due) > 0 {
			w.round(due)
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-w.kick:
		case <-w.ctx.Done():
			timer.Stop()
			w.mu.Lock()
			w.running = false
			w.mu.Unlock()
			return
		}
		timer.Stop()
	}
}

// due gives the waits to look at now, or how long until the first is. It notes, in the same
// moment, that the loop ends where there are none.
func (w *watcher) due(now time.Time) (due []*wait, pause time.Duration, any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waits) == 0 || w.ctx.Err() != nil {
		w.running = false
		return nil, 0, false
	}
	first := now.Add(slowest)
	for own := range w.waits {
		if own.next.Before(first) {
			first = own.next
		}
	}
	if first.After(now) {
		return nil, first.Sub(now), true
	}
	for own := range w.waits {
		if own.next.Before(now.Add(slack)) {
			due = append(due, own)
		}
	}
	return due, 0, true
}

// interval is how often the task is asked for, by how long it has been waited for: an eighth of that, in
// steps that double, so that what is asked for seldom is asked for together with what is asked for often.
func (own *wait) interval(now time.Time) time.Duration {
	every := quickest
	for 2*every <= min(now.Sub(own.since)/8, slowest) {
		every *= 2
	}
	return every
}

// after gives when a task that is asked for now is asked for again. All have the same beats, so those who began
// to wait at different times are asked for together.
func (w *watcher) after(own *wait, now time.Time) time.Time {
	if own.next.After(now) {
		now = own.next
	}
	every := own.interval(now) * w.calmer()
	return w.began.Add((now.Sub(w.began)/every + 1) * every)
}

// together is how many servers are asked as often as one alone.
const together = 100

// calmer gives how many times less often a server is asked than it would be alone: with many, it is the asking that takes the time.
func (w *watcher) calmer() time.Duration {
	if w.crowd == nil {
		return 1
	}
	return time.Duration(1 + max(w.crowd.Load()-1, 0)/together)
}

// round asks for the tasks of due and tells those who wait.
func (w *watcher) round(due []*wait) {
	hrefs := make([]pulp.Href, 0, len(due))
	asked := map[pulp.Href]bool{}
	for _, own := range due {
		if !asked[own.href] {
			asked[own.href] = true
			hrefs = append(hrefs, own.href)
		}
	}
	tasks, err := w.server.Client.Tasks(w.ctx, hrefs)
	if !fault.Is(err, fault.Unavailable) {
		w.server.answered(w.ctx, err)
	} else {
		w.server.breaker.trip(fault.Message(err))
		err = w.server.breaker.wait(w.ctx, w.tellDown)
		if err == nil {
			return // asked again at once: they are still due
		}
	}
	now := time.Now()
	defer w.tellPace(now)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, own := range due {
		own.next = w.after(own, now)
		if err != nil {
			own.tell(update{err: err})
			continue
		}
		task, ok := tasks[own.href]
		if !ok {
			own.missing++
			if own.missing >= absent {
				own.tell(update{err: fault.New(fault.NotFound, "Pulp server %s has no record of Pulp task %s any more", w.server.Name, own.href).
					WithHint("somebody purged Pulp's tasks; run it again to see where the repository stands")})
			}
			continue
		}
		own.missing = 0
		own.see(task, now)
		own.tell(update{task: &task})
	}
}

// see notes whether a worker works on the task, or it waits for one.
func (own *wait) see(t pulp.Task, now time.Time) {
	own.running = t.State == pulp.Running
	switch {
	case t.State != pulp.Waiting || t.Unblocked.IsZero():
		own.queued = time.Time{}
	case own.queued.IsZero():
		own.queued = now
	}
}

// tellPace tells how many of the tasks run, and how many wait for a worker.
func (w *watcher) tellPace(now time.Time) {
	if w.server.pace == nil {
		return
	}
	running, queued, stuck := 0, 0, 0
	w.mu.Lock()
	for own := range w.waits {
		switch {
		case own.running:
			running++
		case !own.queued.IsZero():
			queued++
			if now.Sub(own.queued) >= settled {
				stuck++
			}
		}
	}
	w.mu.Unlock()
	w.server.pace.looked(now, running, queued, stuck)
}

// tellDown tells all who wait that the server does not answer.
func (w *watcher) tellDown(since time.Time, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for own := range w.waits {
		own.tell(update{downSince: since, why: why})
	}
}

// tell leaves the newest state for the waiting caller, replacing one not yet taken.
func (own *wait) tell(u update) {
	select {
	case <-own.updates:
	default:
	}
	own.updates <- u
}
