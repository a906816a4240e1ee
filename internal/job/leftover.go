// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// leftover tells whether a child was canceled alone and what Pulp did for it is not known to be over: it was canceled while
// nobody worked on it, its process having died. Its repository is still locked for its root, and would stay so until that ends,
// in everybody's way; two such roots would wait for each other.
func leftover(c fleet.Task) bool {
	return c.State.Final() && !c.CancelRequested.IsZero() && c.CancelConfirmed.IsZero()
}

// clear deals with what such a child left behind, without a place of its own. What does not work out is left to the root's end.
func (r *Run) clear(ctx context.Context, child fleet.Task, none *place) {
	run := &Run{Task: child, Lease: r.Lease, Env: r.Env, Log: r.Env.Logger.With("task", child.ID, "kind", child.Kind), gate: r.gate, parent: r, place: none}
	if _, err := run.stopped(ctx); err != nil && ctx.Err() == nil {
		run.Log.Warn("what a canceled task left is not cleared up yet", "err", err)
	}
}
