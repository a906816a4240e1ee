// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The engine goes by the database's clock, whatever that of its machine says.
func TestEngineClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := engineClock{new(atomic.Int64)}
		for _, step := range []struct {
			ahead, way time.Duration // of the database's clock, to the database and back
			err        error
			want       time.Duration
		}{
			{0, 0, nil, 0},
			{100 * time.Millisecond, 0, nil, 0},
			{time.Minute, time.Second, nil, time.Minute},
			{time.Minute + closeEnough/2, 0, nil, time.Minute},
			{-time.Minute, 0, errors.New("gone"), time.Minute},
			{-time.Minute, tooLate + time.Second, nil, time.Minute},
			{-time.Minute, 0, nil, -time.Minute},
		} {
			c.compare(t.Context(), func(context.Context) (time.Time, error) {
				<-time.After(step.way / 2) // in the bubble's time
				there := time.Now().Add(step.ahead).Round(0)
				<-time.After(step.way / 2)
				return there, step.err
			})
			if got := time.Until(c.Now()); got != step.want {
				t.Errorf("%+v: ahead by %s", step, got)
			}
		}
		if c.NowOrNil() != nil {
			t.Error("the engine would not ask the database")
		}
	})
}
