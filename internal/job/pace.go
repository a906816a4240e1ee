// SPDX-License-Identifier: Apache-2.0

package job

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// How a server's concurrency is adapted.
const (
	paceEach   = time.Second            // how often at most
	paceRest   = 5 * time.Second        // after it went down because of slow or failed requests
	settled    = 2 * time.Second        // how long a Pulp task waits for a worker until the queue counts as long
	unknownMin = 4                      // syncs at a time where nobody knows how many workers there are
	slowRatio  = 4                      // a request is slow that takes so often what those of its kind took
	slowLeast  = 250 * time.Millisecond // … and so much longer
	slowShare  = 0.5                    // of the requests since the last look that are slow, for the server to be
	slowCount  = 3                      // … of at least so many
)

// sight is what was seen of a server since its concurrency was adapted last.
type sight struct {
	workers  int  // online; 0: not known, or none
	running  int  // our Pulp tasks that a worker works on
	queued   int  // our Pulp tasks that could run and wait for a worker
	stuck    int  // those of them that have waited for long
	troubled bool // requests were slow, refused (429) or failed (5xx)
	wanted   bool // a sync waited for room
}

// allowance is how many Pulp tasks may wait for a worker: enough that none idles until we have seen that it is free.
func allowance(workers int) int { return 2 + workers/8 }

// firstWindow is how many syncs a server with so many workers is given at first.
func firstWindow(workers, most int) float64 {
	if workers <= 0 {
		return float64(min(unknownMin, most))
	}
	return float64(min(workers+allowance(workers), most))
}

// nextWindow gives how many syncs a server is given from now on: one more each time while its workers take whatever comes and
// somebody waits for room; a quarter less while Pulp's queue is long, but never less than its workers are at work on; a third
// less when its requests are slow or fail.
func nextWindow(window float64, most int, s sight) float64 {
	switch {
	case s.troubled:
		window = window * 2 / 3
	case s.stuck > allowance(s.workers):
		window = math.Min(window, math.Max(window*3/4, float64(s.running)))
	case s.queued == 0 && s.wanted:
		window++
	}
	return math.Max(1, math.Min(window, float64(most)))
}

// pace adapts how many syncs go on at a server at a time, by what is seen of it. It has no goroutine: whoever looks at the
// server's Pulp tasks tells it.
type pace struct {
	log *slog.Logger

	mu      sync.Mutex
	window  float64 // 0: not begun
	most    int
	limits  *Limits
	name    string
	workers int
	stepped time.Time
	rested  time.Time // until when it does not go down again because of requests
	normal  map[string]float64
	asked   int
	slow    int
	failed  int
}

func newPace(log *slog.Logger) *pace { return &pace{log: log, normal: map[string]float64{}} }

// bound says what the limits are. The caller holds the limits' mu.
func (p *pace) bound(l *Limits, name string, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most <= 0 {
		most = math.MaxInt32
	}
	p.limits, p.name, p.most = l, name, most
}

// room is how many syncs may go on now.
func (p *pace) room() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.window == 0 {
		p.window = firstWindow(p.workers, p.most)
	}
	return int(math.Min(p.window, float64(p.most)))
}

// now gives the room there is; 0: no sync has asked for any.
func (p *pace) now() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.window)
}

// saw notes how many workers are online.
func (p *pace) saw(workers int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.workers = workers
}

// exchanged notes a request: how long it took beside others of its kind, and whether it failed.
func (p *pace) exchanged(o pulp.Observation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Status == 0 {
		return // a server that does not answer is the breaker's
	}
	p.asked++
	if o.Status == 429 || o.Status >= 500 {
		p.failed++
		return
	}
	kind, took := requestKind(o), o.Duration.Seconds()
	normal, known := p.normal[kind]
	switch {
	case !known:
		p.normal[kind] = took
	case took < normal: // what is normal follows quickly downwards and slowly upwards
		p.normal[kind] = normal + (took-normal)/4
	default:
		p.normal[kind] = normal + (math.Min(took, 4*normal+0.1)-normal)/64
		if took > slowRatio*normal && took-normal > slowLeast.Seconds() {
			p.slow++
		}
	}
}

// looked notes how our Pulp tasks are, and adapts the window if it is time.
func (p *pace) looked(now time.Time, running, queued, stuck int) {
	p.mu.Lock()
	if p.window == 0 || now.Sub(p.stepped) < paceEach {
		p.mu.Unlock()
		return
	}
	p.stepped = now
	s := sight{workers: p.workers, running: running, queued: queued, stuck: stuck}
	if now.After(p.rested) {
		s.troubled = p.failed > 0 || p.asked >= slowCount && float64(p.slow) >= slowShare*float64(p.asked)
		p.asked, p.slow, p.failed = 0, 0, 0
	}
	if s.troubled {
		p.rested = now.Add(paceRest)
	}
	limits, name := p.limits, p.name
	p.mu.Unlock()
	_, s.wanted = limits.changed(name)
	p.mu.Lock()
	before := p.window
	p.window = nextWindow(before, p.most, s)
	after := p.window
	p.mu.Unlock()
	if int(after) == int(before) {
		return
	}
	p.log.Debug("concurrency adapted", "server", name, "from", int(before), "to", int(after), "workers", s.workers, "queued", queued, "troubled", s.troubled)
	if after > before {
		limits.changed(name)
	}
}
