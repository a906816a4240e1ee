// SPDX-License-Identifier: Apache-2.0

package job

import "sync"

// place is a child's place among those that run at a time. A child that waits for a while without doing anything gives it
// to the next one. One that has begun never waits for a place: it may hold what those wait for who have one.
type place struct {
	slots chan struct{}
	count func(began, over int)

	mu   sync.Mutex
	runs bool // it is counted as running
	held bool // it has a place; one that goes on beyond those there are runs without
}

// leave gives the place away, and tells whether the child was in one, or beyond those there are.
func (p *place) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs {
		return false
	}
	p.count(-1, 0)
	p.give()
	return true
}

// give ends the running. The caller holds mu.
func (p *place) give() {
	if p.held {
		<-p.slots
	}
	p.runs, p.held = false, false
}

// enter goes on: in a place, if one is free, else beyond them.
func (p *place) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.slots <- struct{}{}:
		p.held = true
	default:
	}
	p.runs = true
	p.count(1, 0)
}

// last tells whether no child is in a place; those beyond them do not count.
func (p *place) last() bool { return len(p.slots) == 0 }

// end gives the place away for good.
func (p *place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.runs {
		p.count(0, 1)
		return
	}
	p.count(-1, 1)
	p.give()
}

// aside waits without a place among the children.
func (r *Run) aside(wait func() error) error {
	if r.place == nil || !r.place.leave() {
		return wait()
	}
	err := wait()
	if err == nil {
		r.place.enter()
	}
	return err
}
