// SPDX-License-Identifier: Apache-2.0

package fleet

import "time"

// Health tells whether a repository, or all of a server's, are kept in sync.
type Health string

// The values of the original. An empty Health is none: not meant to sync, or not yet known.
const (
	Green Health = "green"
	Amber Health = "amber"
	Red   Health = "red"
)

// Healths are all values, best first.
var Healths = []Health{Green, Amber, Red}

// Expectation says how often a repository should sync successfully.
type Expectation struct {
	Period     time.Duration // of its schedule; 0: no schedule
	MaxRuntime time.Duration
}

// RepositoryHealth rates a repository at a moment: green where its newest sync
// succeeded and the last success is within two periods and a run; red where it never
// succeeded, or not for four periods and a run; amber between. Without a schedule, the
// newest sync alone decides. It is empty for a repository without a remote, or that was
// never synced.
func RepositoryHealth(r Repository, want Expectation, now time.Time) Health {
	switch {
	case !r.HasRemote() || r.LastAttempt.IsZero():
		return ""
	case r.LastSuccess.IsZero():
		return Red
	}
	age, newest := now.Sub(r.LastSuccess), r.LastAttemptState.Good()
	if want.Period <= 0 {
		if newest {
			return Green
		}
		return Amber
	}
	switch late := age - max(want.MaxRuntime, 0); {
	case late > 4*want.Period:
		return Red
	case newest && late <= 2*want.Period:
		return Green
	}
	return Amber
}

// RollUp gives the worst of the healths that there are; empty where there is none.
// What has no health does not colour its server (D89).
func RollUp(healths []Health) Health {
	worst := -1
	for _, h := range healths {
		for i, known := range Healths {
			if h == known && i > worst {
				worst = i
			}
		}
	}
	if worst < 0 {
		return ""
	}
	return Healths[worst]
}
