// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"sync"
)

// Limits bounds how many syncs go on at a time in this process: over all group syncs, by
// server and by upstream host.
type Limits struct {
	PerServer   int // 0: no bound
	PerUpstream int

	mu    sync.Mutex
	slots map[string]chan struct{}
}

// Acquire waits for a slot at a server and at an upstream host, if there is one, and gives the way
// to give them back. Tell is called before a wait with what is waited for; it may be nil.
func (l *Limits) Acquire(ctx context.Context, server, upstream string, tell func(what string)) (release func(), err error) {
	at, err := l.take(ctx, "server "+server, l.PerServer, tell)
	if err != nil {
		return nil, err
	}
	if upstream == "" {
		return at, nil
	}
	from, err := l.take(ctx, "upstream "+upstream, l.PerUpstream, tell)
	if err != nil {
		at()
		return nil, err
	}
	return func() { from(); at() }, nil
}

func (l *Limits) take(ctx context.Context, name string, most int, tell func(what string)) (func(), error) {
	if most <= 0 {
		return func() {}, nil
	}
	l.mu.Lock()
	slot, ok := l.slots[name]
	if !ok {
		slot = make(chan struct{}, most)
		if l.slots == nil {
			l.slots = map[string]chan struct{}{}
		}
		l.slots[name] = slot
	}
	l.mu.Unlock()
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	default:
		if tell != nil {
			tell(fmt.Sprintf("waiting for a slot: %d syncs at a time for %s", most, name))
		}
	}
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
