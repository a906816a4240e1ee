// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"log/slog"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// lookForStuck is how often stuck tasks are looked for.
const lookForStuck = time.Minute

// Watchdog tells in the log which tasks are stuck, and why, once for each. It does nothing to them.
type Watchdog struct {
	Attention fleet.Attention
	Explainer Explainer
	After     func() time.Duration // for how long nothing changes until a task is stuck
	Log       *slog.Logger

	stuck map[fleet.TaskID]bool
}

// Run looks for stuck tasks until the context ends.
func (w *Watchdog) Run(ctx context.Context) {
	ticker := time.NewTicker(lookForStuck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := w.Look(ctx); err != nil && ctx.Err() == nil {
			w.Log.Error("stuck tasks not looked for", "err", err)
		}
	}
}

// Look looks for stuck tasks now.
func (w *Watchdog) Look(ctx context.Context) error {
	found, err := w.Attention.StuckTasks(ctx, w.After())
	if err != nil {
		return err
	}
	now := map[fleet.TaskID]bool{}
	for _, t := range found {
		now[t.ID] = true
		if w.stuck[t.ID] {
			continue
		}
		stages, err := w.Explainer.Tasks.Stages(ctx, t.ID)
		if err != nil {
			return err
		}
		w.Log.Warn("task is stuck", "task", t.ID, "kind", t.Kind, "name", t.Name, "worker", t.WorkerName, "waiting_for", w.Explainer.WaitingFor(ctx, t, stages))
	}
	for id := range w.stuck {
		if !now[id] {
			w.Log.Info("task is stuck no more", "task", id)
		}
	}
	w.stuck = now
	return nil
}
