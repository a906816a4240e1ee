// SPDX-License-Identifier: Apache-2.0

package fleet

import "github.com/pulp/pulp-manager/internal/fault"

// Reasons for a run to stop, also found as the cause of its context.
var (
	// ErrLeaseLost: another process works on the task by now; write nothing more.
	ErrLeaseLost = fault.New(fault.Conflict, "another process took over this task")
	// ErrCanceled: somebody cancelled the task.
	ErrCanceled = fault.New(fault.Conflict, "the task was canceled")
	// ErrTimeout: the task ran longer than its max_runtime.
	ErrTimeout = fault.New(fault.Unavailable, "the task ran longer than its max_runtime")
	// ErrStopping: the process stops; the task goes on in another, or after the next start.
	ErrStopping = fault.New(fault.Unavailable, "the daemon is stopping")
	// ErrStoreGone: the database does not answer; the task goes on when it does again.
	ErrStoreGone = fault.New(fault.Unavailable, "the database does not answer")
)
