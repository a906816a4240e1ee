// SPDX-License-Identifier: Apache-2.0

package job

import "time"

// Timing is how long runs wait before they believe something, or say so.
type Timing struct {
	// InFlight is how much longer than its time limit a request may still be under way: in a
	// proxy before Pulp, say.
	InFlight time.Duration
	// Confirm is how long a cancellation that Pulp has taken waits to be confirmed before the locks
	// are left to the Pulp tasks that go on. A running task on a live worker ends in a second;
	// one that waits, or whose worker died, in minutes.
	Confirm time.Duration
	// Odd is when waiting for a Pulp task begins to look odd, and LookEach how often it is looked
	// into then.
	Odd, LookEach time.Duration
	// Stopping is when a cancelled Pulp task that has not ended begins to look odd.
	Stopping time.Duration
	// Retry are the times before further attempts at a step, half of each by chance; the last one counts for all that follow.
	Retry []time.Duration
}

// retryAfter gives the time before another attempt at a step that failed so often.
func (t Timing) retryAfter(failures int) time.Duration {
	if len(t.Retry) == 0 {
		return 0
	}
	return jitter(t.Retry[min(max(failures, 1), len(t.Retry))-1])
}

// defaultTiming is right for real servers.
var defaultTiming = Timing{
	InFlight: 5 * time.Second, Confirm: 30 * time.Second, Odd: 20 * time.Second, LookEach: 30 * time.Second,
	Stopping: 3 * time.Second, Retry: []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute},
}
