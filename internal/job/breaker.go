// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Bounds of the time between two probes of a server that is down.
const (
	firstProbe = 250 * time.Millisecond
	lastProbe  = 10 * time.Second
)

const (
	// persistent is how many requests fail in a row, none succeeding in between, until a server that answers
	// probes is not believed to be well.
	persistent = 5
	// trialTime is how long the one request that is let through to such a server may take to tell.
	trialTime = 30 * time.Second
)

// breaker holds everybody back from a server that does not answer, or fails whatever it is asked, while one of those who
// wait asks it now and then whether it is back. One failed request is a suspicion: a probe that succeeds ends it, so that a
// request which fails by itself holds nobody back. After many in a row a probe is not enough: one request goes out, and
// the others follow when it succeeds.
type breaker struct {
	probe func(context.Context) error
	told  func(fleet.ServerUse, time.Duration) // of each change, after the outage has lasted so long; may be nil

	mu       sync.Mutex
	since    time.Time     // down since; zero: up
	why      string        // what it said
	up       chan struct{} // closed when it is back; nil while up
	probing  chan struct{} // holds one token: the right to probe
	waiting  int
	failures int           // requests that failed in a row
	missed   int           // probes that failed in this outage
	trial    chan struct{} // closed when the request that was let through has told; nil: there is none
}

func newBreaker(probe func(context.Context) error) *breaker {
	return &breaker{probe: probe, probing: make(chan struct{}, 1)}
}

// trip notes that the server did not answer a request, or failed it.
func (b *breaker) trip(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	if b.up == nil {
		b.since, b.up = time.Now(), make(chan struct{})
	}
	b.why = why
	b.tried()
}

// tried ends a trial. The caller holds mu.
func (b *breaker) tried() {
	if b.trial != nil {
		close(b.trial)
		b.trial = nil
	}
}

// down tells since when the server does not answer, and why; zero: it does.
func (b *breaker) down() (time.Time, string, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since, b.why, b.up
}

// recovered notes that the server did what a request asked, or refused it with reason.
func (b *breaker) recovered() {
	b.mu.Lock()
	b.failures = 0
	b.tried()
	lasted, missed := time.Since(b.since), b.missed
	if b.up == nil {
		b.mu.Unlock()
		return
	}
	close(b.up)
	b.up, b.since, b.why, b.missed = nil, time.Time{}, "", 0
	now := b.use()
	b.mu.Unlock()
	if missed > 0 && b.told != nil {
		b.told(now, lasted)
	}
}

// answered notes that the server answered a probe. Whoever asked goes on: all with it, or it alone for a trial.
func (b *breaker) answered() {
	b.mu.Lock()
	if b.up == nil || b.failures < persistent {
		b.mu.Unlock()
		b.recovered()
		return
	}
	b.trial = make(chan struct{})
	b.mu.Unlock()
}

// heard notes that the server answered somebody who looks at it from time to time, and asks nothing else.
func (b *breaker) heard() {
	b.mu.Lock()
	believed := b.failures < persistent || b.waiting == 0
	b.mu.Unlock()
	if believed {
		b.recovered()
	}
}

// silent notes that the server did not answer a probe.
func (b *breaker) silent(why string) {
	b.mu.Lock()
	if b.up == nil {
		b.since, b.up = time.Now(), make(chan struct{})
	}
	b.missed++
	b.why = why
	first, lasted, now := b.missed == 1, time.Since(b.since), b.use()
	b.mu.Unlock()
	if first && b.told != nil {
		b.told(now, lasted)
	}
}

// use tells how it is. The caller holds mu.
func (b *breaker) use() fleet.ServerUse {
	u := fleet.ServerUse{Breaker: fleet.BreakerClosed, Waiting: b.waiting}
	switch {
	case b.up == nil:
		return u
	case b.trial != nil || b.missed == 0:
		u.Breaker = fleet.BreakerHalfOpen
	default:
		u.Breaker = fleet.BreakerOpen
	}
	u.Since, u.Why = b.since, b.why
	return u
}

// state tells how it is.
func (b *breaker) state() fleet.ServerUse {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.use()
}

func (b *breaker) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
}

// wait returns once the server answers, or with the cause of the context's end. It
// tells the caller, once, why it waits.
func (b *breaker) wait(ctx context.Context, tell func(since time.Time, why string)) error {
	since, why, up := b.down()
	if up == nil {
		return nil
	}
	b.count(1)
	defer b.count(-1)
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
		if over, err := b.tryOut(ctx); over || err != nil {
			return err
		}
		err := b.probe(ctx)
		if err == nil {
			b.answered()
			return nil
		}
		if ctx.Err() == nil {
			b.silent(fault.Message(err))
		}
		if err := sleep(ctx, jitter(pause)); err != nil {
			return err
		}
	}
}

// tryOut waits for the request that was let through, if there is one. It tells whether the server is back.
func (b *breaker) tryOut(ctx context.Context) (over bool, err error) {
	b.mu.Lock()
	up, trial := b.up, b.trial
	b.mu.Unlock()
	if up == nil || trial == nil {
		return up == nil, nil
	}
	timer := time.NewTimer(trialTime)
	defer timer.Stop()
	select {
	case <-up:
		return true, nil
	case <-trial:
		return false, sleep(ctx, jitter(lastProbe/2)) // it failed, or succeeded in this very moment
	case <-timer.C: // it does not tell: another one is to try
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.trial == trial {
			b.tried()
		}
		return b.up == nil, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
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
