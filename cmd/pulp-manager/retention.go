// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pulp/pulp-manager/internal/api"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/scheduler"
)

// pruningLate is for how long old rows may not be removed before /readyz says so.
const pruningLate = 24 * time.Hour

// pruner removes old rows by the settings in force.
func (d *daemon) pruner() scheduler.Pruner {
	return scheduler.Pruner{Prunings: d.store, Log: d.log, Retention: func() (fleet.Retention, time.Duration) {
		r := d.settings().Retention
		return r.Keep(), r.Every
	}}
}

// pruningCheck tells that old rows have not been removed for a day; nothing while all is well. Nothing else stops working of it.
func (d *daemon) pruningCheck(ctx context.Context) []api.Check {
	p, err := d.store.Pruning(ctx)
	if err != nil { // the check of the database says it
		return nil
	}
	warning := pruningWarning(p, time.Now())
	if warning == "" {
		return nil
	}
	return []api.Check{{Name: "retention", OK: true, Warning: warning}}
}

func pruningWarning(p fleet.Pruning, now time.Time) string {
	const layout = "2006-01-02T15:04:05Z"
	switch {
	case !p.Failing.IsZero() && now.Sub(p.Failing) > pruningLate:
		return fmt.Sprintf("old tasks are not removed since %s, so the database grows: %s", p.Failing.Format(layout), p.Problem)
	case !p.Began.IsZero() && now.Sub(p.Due) > pruningLate:
		return fmt.Sprintf("old tasks should have been removed at %s, but no scheduler runs: start `pulp-manager scheduler`", p.Due.Format(layout))
	}
	return ""
}
