// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// TestVerdicts: what becomes of a task whose run ended so.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, finish},
		{errors.New("who knows"), finish},
		{fault.New(fault.Invalid, "no"), finish},
		{fault.New(fault.NotFound, "no"), finish},
		{fault.New(fault.Conflict, "no"), finish},
		{fault.New(fault.Unauthenticated, "no"), finish},
		{fault.New(fault.Internal, "no"), finish},
		{fault.New(fault.Forbidden, "no"), finish},
		{fault.New(fault.Unavailable, "the store does not answer"), retry},
		{fmt.Errorf("in between: %w", fault.New(fault.Unavailable, "the vault does not answer")), retry},
		{fault.New(fault.TooMany, "later"), retry},
		{context.DeadlineExceeded, retry},
		{fleet.ErrLeaseLost, abandon},
		{fmt.Errorf("in between: %w", fleet.ErrLeaseLost), abandon},
		{errors.Join(fleet.ErrCanceled, fleet.ErrLeaseLost), abandon},
		{fleet.ErrCanceled, confirm},
		{errors.Join(fault.New(fault.Invalid, "no"), fleet.ErrCanceled), confirm},
		{fleet.ErrTimeout, giveUp},
		{fleet.ErrStopping, handOn},
		{context.Canceled, handOn},
	} {
		if got := verdictOf(c.err); got != c.want {
			t.Errorf("%v: verdict %d, want %d", c.err, got, c.want)
		}
	}
}

// TestRetryAfter: the time before another try grows, and is bounded.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 7: time.Minute, 1000: time.Minute} {
		for range 50 {
			if d := retryAfter(attempt); d < most/2 || d > most {
				t.Errorf("attempt %d: %s, want %s to %s", attempt, d, most/2, most)
			}
		}
	}
}
