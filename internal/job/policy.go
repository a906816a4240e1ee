// SPDX-License-Identifier: Apache-2.0

package job

import "time"

// Policy is what the configuration says about Pulp tasks that fail or fall silent.
type Policy struct {
	// StageRetries is how often a request whose Pulp task failed for a reason that may pass is made again.
	StageRetries int
	// SilentWarning is after how long without any change of a Pulp task that is told; 0: never.
	SilentWarning time.Duration
	// SilentLimit is after how long without any change a running Pulp task is cancelled; 0: never.
	SilentLimit time.Duration
}

// DefaultPolicy is in force where the configuration says nothing.
var DefaultPolicy = Policy{StageRetries: 2, SilentWarning: 30 * time.Minute}

// policy gives what is in force now.
func (e *Env) policy() Policy {
	if e.Policy == nil {
		return DefaultPolicy
	}
	return e.Policy()
}
