// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Bounds of the time between two probes of a server that is down.
const (
	firstProbe = 250 * time.Millisecond
	lastProbe  = 10 * time.Second
)

// breaker holds everybody back from a server that does not answer, while one of
// those who wait asks it now and then whether it is back.
type breaker struct {
	probe func(context.Context) error

	mu      sync.Mutex
	since   time.Time     // down since; zero: up
	why     string        // what it said
	up      chan struct{} // closed when it is back; nil while up
	probing chan struct{} // holds one token: the right to probe
}

func newBreaker(probe func(context.Context) error) *breaker {
	return &breaker{probe: probe, probing: make(chan struct{}, 1)}
}

// trip notes that the server did not answer.
func (b *breaker) trip(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.up == nil {
		b.since, b.up = time.Now(), make(chan struct{})
	}
	b.why = why
}

// down tells since when the server does not answer, and why; zero: it does.
func (b *breaker) down() (time.Time, string, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since, b.why, b.up
}

func (b *breaker) recovered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.up != nil {
		close(b.up)
		b.up, b.since, b.why = nil, time.Time{}, ""
	}
}

// wait returns once the server answers, or with the cause of the context's end. It
// tells the caller, once, why it waits.
func (b *breaker) wait(ctx context.Context, tell func(since time.Time, why string)) error {
	since, why, up := b.down()
	if up == nil {
		return nil
	}
	tell(since, why)
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case b.probing <- struct{}{}:
	}
	defer func() { <-b.probing }()
	for pause := firstProbe; ; pause = min(2*pause, lastProbe) {
		if _, _, still := b.down(); still == nil {
			return nil
		}
		err := b.probe(ctx)
		if err == nil {
			b.recovered()
			return nil
		}
		if err := sleep(ctx, jitter(pause)); err != nil {
			return err
		}
	}
}

// jitter gives a time between half of d and d.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// sleep waits, or ends early with the cause of the context's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
