// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// pruneLook is how often a pruner looks whether it is time.
const pruneLook = time.Minute

// Pruner removes old tasks and audit entries now and then. Any number may run: one of them does it.
type Pruner struct {
	Prunings fleet.Prunings
	// Retention gives the settings in force, and how often to prune.
	Retention func() (keep fleet.Retention, every time.Duration)
	Log       *slog.Logger
}

// Run prunes whenever it is time, until the context ends.
func (p Pruner) Run(ctx context.Context) {
	ticker := time.NewTicker(pruneLook)
	defer ticker.Stop()
	for {
		if err := p.Tick(ctx); err != nil && ctx.Err() == nil {
			p.Log.Error("old rows not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tick prunes if it is time and no other process does. One that the context ends is gone on with by the next.
func (p Pruner) Tick(ctx context.Context) error {
	keep, every := p.Retention()
	mine, err := p.Prunings.ClaimPruning(ctx, every)
	if err != nil || !mine {
		return err
	}
	began := time.Now()
	removed, err := p.Prunings.Prune(ctx, keep)
	if ctx.Err() != nil {
		return err
	}
	problem := ""
	if err != nil {
		problem = fault.Message(err)
	}
	if noted := p.Prunings.EndPruning(ctx, removed, problem); err == nil {
		err = noted
	}
	if removed != (fleet.Pruned{}) {
		p.Log.InfoContext(ctx, "old rows removed", "tasks", removed.Tasks, "audit", removed.Audit, "logins", removed.Logins, "milliseconds", time.Since(began).Milliseconds())
	}
	return err
}
