// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"sync"
)

// place is a child's place among those that run at a time. A child that waits for a while without doing anything gives it
// to the next one.
type place struct {
	slots chan struct{}
	count func(began, over int)

	mu   sync.Mutex
	held bool
}

// leave gives the place away, and tells whether there was one to give.
func (p *place) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held {
		return false
	}
	p.held = false
	p.count(-1, 0)
	<-p.slots
	return true
}

// enter waits for a place.
func (p *place) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = true
	p.count(1, 0)
	return nil
}

// last tells whether no other child is in a place.
func (p *place) last() bool { return len(p.slots) == 0 }

// end gives the place away for good.
func (p *place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held {
		p.count(0, 1)
		return
	}
	p.held = false
	p.count(-1, 1)
	<-p.slots
}

// aside waits without a place among the children, and then for one.
func (r *Run) aside(ctx context.Context, wait func() error) error {
	if r.place == nil || !r.place.leave() {
		return wait()
	}
	if err := wait(); err != nil {
		return err
	}
	return r.place.enter(ctx)
}
