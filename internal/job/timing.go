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
}

// defaultTiming is right for real servers.
var defaultTiming = Timing{InFlight: 5 * time.Second, Confirm: 30 * time.Second, Odd: 20 * time.Second, LookEach: 30 * time.Second}
