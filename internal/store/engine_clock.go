// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"sync/atomic"
	"time"
)

// engineClock is the database's clock for the engine, which reckons by that of its machine when a job that it hands
// back is to go on. A minute's difference between the two must neither keep a task waiting nor hurry it.
type engineClock struct{ ahead *atomic.Int64 } // by how much the database's clock is ahead of ours, nanoseconds

// Now implements rivertype.TimeGenerator.
func (c engineClock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// NowOrNil implements rivertype.TimeGenerator: where it can, the engine asks the database itself.
func (engineClock) NowOrNil() *time.Time { return nil }

const (
	// closeEnough is a difference between two clocks that is left alone: most of it is the way to the database and back.
	closeEnough = 250 * time.Millisecond
	// tooLate is an answer that took too long to tell anything.
	tooLate = 2 * time.Second
)

// compare sets the clock by the database's, which ask reads.
func (c engineClock) compare(ctx context.Context, ask func(context.Context) (time.Time, error)) {
	began := time.Now()
	there, err := ask(ctx)
	took := time.Since(began)
	if err != nil || took > tooLate {
		return
	}
	ahead := there.Sub(began.Add(took / 2))
	if old := time.Duration(c.ahead.Load()); (ahead - old).Abs() > closeEnough {
		c.ahead.Store(int64(ahead))
	}
}
