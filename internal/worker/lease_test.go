// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
)

// swallowed are leases in a store behind a network that swallows everything from some moment on.
type swallowed struct {
	fleet.Leases
	cut   time.Time
	heal  time.Time
	asked []time.Duration // when leases were to be renewed, after the cut
}

func (s *swallowed) wait(ctx context.Context) error {
	if time.Now().Before(s.cut) || !time.Now().Before(s.heal) {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *swallowed) Renew(ctx context.Context, _ string) ([]fleet.TaskID, error) {
	if since := time.Since(s.cut); since >= 0 {
		s.asked = append(s.asked, since)
	}
	return []fleet.TaskID{1}, s.wait(ctx)
}

func (s *swallowed) Interrupted(ctx context.Context, _ string) ([]fleet.TaskID, error) {
	return nil, s.wait(ctx)
}
func (s *swallowed) Sweep(ctx context.Context) (int, error) { return 0, s.wait(ctx) }

// cutOff runs a worker with one task whose store is cut off after 15 s for some time, and tells when the task was taken
// from it, and when the gate to Pulp closed; zero: never within 2 minutes.
func cutOff(t *testing.T, lasts time.Duration) (ended, closed time.Duration, asked []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cut := time.Now().Add(15 * time.Second)
		leases := &swallowed{cut: cut, heal: cut.Add(lasts)}
		w := New(leases, &job.Env{Logger: slog.New(slog.DiscardHandler)}, "me", "host")
		run, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		h := &held{cancel: cancel, renewed: time.Now(), run: &job.Run{}}
		w.hold(1, h)
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
		defer stop()
		context.AfterFunc(run, func() {
			if ctx.Err() != nil {
				return
			}
			ended = time.Since(cut)
			if cause := context.Cause(run); !errors.Is(cause, fleet.ErrLeaseLost) {
				t.Errorf("ended by %v", cause)
			}
			w.drop(1)
		})
		var asking sync.WaitGroup
		asking.Go(func() {
			for ctx.Err() == nil && closed == 0 {
				if h.gate(ctx) != nil {
					closed = time.Since(cut)
				}
				<-time.After(100 * time.Millisecond) // in the bubble's time
			}
		})
		w.Run(ctx)
		asking.Wait()
		asked = leases.asked
	})
	return ended, closed, asked
}

// A worker that cannot reach the database stops well before its lease is anybody else's, whether or not the database's
// silence ever ends; meanwhile it tries more than once.
func TestCutOff(t *testing.T) {
	t.Parallel()
	const renewed = -5 * time.Second // the last time before the cut
	ended, closed, asked := cutOff(t, time.Hour)
	limit := renewed + fleet.LeaseTime - safety
	if ended < limit || ended > limit+2*lookAtLeases {
		t.Errorf("the run ended %s after the cut, want about %s", ended, limit)
	}
	if closed < limit || closed > limit+time.Second {
		t.Errorf("the gate closed %s after the cut, want about %s", closed, limit)
	}
	if len(asked) < 2 || asked[0] != 5*time.Second || asked[1] != 15*time.Second {
		t.Errorf("leases were to be renewed at %v", asked)
	}
}

// A short cut costs nothing.
func TestCutOffForAMoment(t *testing.T) {
	t.Parallel()
	if ended, closed, asked := cutOff(t, 12*time.Second); ended != 0 || closed != 0 || len(asked) < 5 {
		t.Errorf("ended %s, closed %s, asked %v", ended, closed, asked)
	}
}
