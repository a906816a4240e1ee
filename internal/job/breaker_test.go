// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var errDown = errors.New("down")

// outage is a server that is down until a moment.
type outage struct {
	until   time.Time
	probes  atomic.Int64
	at      atomic.Int64 // probes at this moment
	doubled atomic.Bool
}

func (o *outage) probe(ctx context.Context) error {
	o.probes.Add(1)
	if o.at.Add(1) > 1 {
		o.doubled.Store(true)
	}
	defer o.at.Add(-1)
	if err := sleep(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	if time.Now().Before(o.until) {
		return errDown
	}
	return nil
}

// TestOneProber: however many wait for a server that is down, one of them asks it now and then; all go on
// soon after it is back.
func TestOneProber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const down = 10 * time.Minute
		o := &outage{until: time.Now().Add(down)}
		b := newBreaker(o.probe)
		b.trip("no answer")
		var wg sync.WaitGroup
		var told atomic.Int64
		for range 100 {
			wg.Go(func() {
				err := b.wait(t.Context(), func(since time.Time, why string) {
					told.Add(1)
					if why != "no answer" || since.IsZero() {
						t.Errorf("told %s since %s", why, since)
					}
				})
				if err != nil {
					t.Error(err)
				}
				if late := time.Since(o.until); late < 0 || late > lastProbe+time.Second {
					t.Errorf("went on %s after the server was back", late)
				}
			})
		}
		wg.Wait()
		if o.doubled.Load() {
			t.Error("two probes at a time")
		}
		if n := o.probes.Load(); n > int64(down/(lastProbe/2))+20 {
			t.Errorf("%d probes in %s", n, down)
		}
		if told.Load() != 100 {
			t.Errorf("%d of 100 were told", told.Load())
		}
		if err := b.wait(t.Context(), func(time.Time, string) { t.Error("told of a server that is up") }); err != nil {
			t.Error(err)
		}
	})
}

// TestProberGivesUp: when the one that asks is canceled, another one goes on asking.
func TestProberGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{until: time.Now().Add(time.Minute)}
		b := newBreaker(o.probe)
		b.trip("no answer")
		first, cancel := context.WithCancelCause(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := b.wait(first, func(time.Time, string) {}); !errors.Is(err, errDown) {
				t.Errorf("the canceled one: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if err := b.wait(t.Context(), func(time.Time, string) {}); err != nil {
				t.Errorf("the other one: %v", err)
			}
		})
		synctest.Wait()
		cancel(errDown)
		wg.Wait()
		if late := time.Since(o.until); late < 0 || late > lastProbe+time.Second {
			t.Errorf("went on %s after the server was back", late)
		}
	})
}

// TestTripKeepsSince: the time of an outage is that of its beginning; the words are the newest ones.
func TestTripKeepsSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(func(context.Context) error { return nil })
		b.trip("first")
		began := time.Now()
		if err := sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		b.trip("second")
		if since, why, up := b.down(); !since.Equal(began) || why != "second" || up == nil {
			t.Errorf("down since %s, why %q", since, why)
		}
		b.recovered()
		if since, why, up := b.down(); !since.IsZero() || why != "" || up != nil {
			t.Errorf("after the recovery: since %s, why %q", since, why)
		}
		b.recovered()
	})
}

// TestHalfOpen: a server that answers probes but fails all else lets one request out at a time; all go on once one succeeds.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bad = 5 * time.Minute
		well := time.Now().Add(bad)
		b := newBreaker(func(context.Context) error { return nil })
		for range persistent {
			b.trip("HTTP 500")
		}
		if u := b.state(); u.Breaker != fleet.BreakerHalfOpen || u.Why != "HTTP 500" {
			t.Errorf("state: %+v", u)
		}
		var out, tries atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for {
					if err := b.wait(t.Context(), func(time.Time, string) {}); err != nil {
						t.Error(err)
					}
					if time.Now().After(well) {
						b.recovered()
						return
					}
					tries.Add(1)
					if out.Add(1) > 1 {
						t.Error("two requests at a time to a server that fails them")
					}
					_ = sleep(t.Context(), time.Second)
					out.Add(-1)
					b.trip("HTTP 500")
				}
			})
		}
		synctest.Wait()
		if u := b.state(); u.Waiting != 49 {
			t.Errorf("%d wait, one is out", u.Waiting)
		}
		wg.Wait()
		if late := time.Since(well); late > 15*time.Second {
			t.Errorf("went on %s after the server was well", late)
		}
		if n := tries.Load(); n < 10 || n > int64(bad/(2*time.Second)) {
			t.Errorf("%d requests in %s", n, bad)
		}
		if u := b.state(); u.Breaker != fleet.BreakerClosed || u.Waiting != 0 || !u.Since.IsZero() {
			t.Errorf("at the end: %+v", u)
		}
	})
}

// TestSuspicion: a request that fails by itself holds nobody back for longer than a probe takes.
func TestSuspicion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(func(ctx context.Context) error { return sleep(ctx, 20*time.Millisecond) })
		for range 20 {
			b.trip("HTTP 500")
			began := time.Now()
			if err := b.wait(t.Context(), func(time.Time, string) {}); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("held back for %s", took)
			}
			b.recovered() // another request succeeds
		}
	})
}

// TestSilentTrial: where the one request that is let out tells nothing, another one is.
func TestSilentTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(func(context.Context) error { return nil })
		for range persistent {
			b.trip("HTTP 500")
		}
		began := time.Now()
		for range 3 {
			if err := b.wait(t.Context(), func(time.Time, string) {}); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took < 2*trialTime || took > 2*trialTime+2*lastProbe {
			t.Errorf("three were let out in %s", took)
		}
	})
}

// TestOutageIsTold: an outage is told once when a probe has not been answered, and once when it is over; one who looks
// at the server from time to time ends it too.
func TestOutageIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(func(context.Context) error { return errDown })
		var told []fleet.BreakerState
		b.told = func(u fleet.ServerUse, _ time.Duration) { told = append(told, u.Breaker) }
		b.trip("refused")
		b.recovered() // nobody asked in between: not worth a word
		for range 3 {
			b.silent("refused")
		}
		if since, why, _ := b.down(); since.IsZero() || why != "refused" {
			t.Errorf("down since %s: %s", since, why)
		}
		b.heard()
		if want := []fleet.BreakerState{fleet.BreakerOpen, fleet.BreakerClosed}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
