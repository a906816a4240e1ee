// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// skewedClocks runs workers, schedulers and API processes whose clocks are a minute early and a minute late.
func skewedClocks(ctx context.Context, w *world) error {
	if err := <-w.skewing; err != nil {
		return err
	}
	if err := w.furnish(ctx, 40, 15); err != nil {
		return err
	}
	if err := sqlIn(ctx, w.plain(), "CREATE TABLE machines_due (schedule_id bigint, due timestamptz)"); err != nil {
		return err
	}
	off := func(role, name, seconds string) *process {
		w.faults++
		return &process{name: role + "-" + name, role: role, binary: w.skewed, environ: []string{"CLOCK_SKEW=" + seconds}}
	}
	early, late := off("worker", "early", "60"), off("worker", "late", "-60")
	if err := w.start(ctx, off("scheduler", "early", "60"), off("scheduler", "late", "-60"), off("api", "early", "60"), off("api", "late", "-60"), early); err != nil {
		return err
	}
	if when := clockOf(early.log); time.Until(when) < 50*time.Second {
		return fmt.Errorf("the early worker's clock says %s: the test proves nothing", when)
	}
	w.say("> clocks of one half of the processes are a minute early, of the other a minute late")
	// A run time that the difference between the clocks would use up at once.
	short, err := w.ask(ctx, w.sites[0], "sync_repos", map[string]any{"max_runtime": "55s", "max_concurrent_syncs": 8, "regex_include": "^ext-m-003[0-2]$", "force": true})
	if err != nil {
		return err
	}
	w.parts = map[int64]int{short: 3}
	if err := errors.Join(w.await(ctx, time.Minute), w.sync(ctx)); err != nil {
		return err
	}
	if err := w.due(ctx, 15*time.Second); err != nil {
		return err
	}
	if _, err := w.holder(ctx); err != nil {
		return err
	}
	if err := errors.Join(w.start(ctx, late), pause(ctx, 3*time.Second)); err != nil {
		return err
	}
	for _, step := range []struct{ from, to *process }{{early, late}, {late, early}} {
		before, err := w.heldBy(ctx, step.from.pid())
		if err != nil {
			return err
		}
		w.inject("SIGTERM to %s, which holds %d tasks", step.from.name, before)
		if _, err := step.from.stop(); err != nil {
			return err
		}
		took, err := until(ctx, step.to.name+" to go on", 20*time.Second, func(ctx context.Context) (bool, error) {
			var left int
			err := w.query(ctx, "SELECT count(*) FROM tasks WHERE parent_id IS NULL AND state IN ('queued', 'running') AND lease_owner IS NULL", &left)
			return left == 0, err
		})
		if err != nil {
			return err
		}
		w.say("%s goes on after %.1f s", step.to.name, took.Seconds())
		if took > 15*time.Second {
			return fmt.Errorf("a task that was handed back waited for %s", took)
		}
		if err := w.boot(ctx, step.from); err != nil {
			return err
		}
	}
	if err := w.await(ctx, 2*time.Minute); err != nil {
		return err
	}
	lateness, err := w.lateness(ctx)
	if err != nil {
		return err
	}
	var soon float64
	var most int
	if err := w.query(ctx, `SELECT min(extract(epoch FROM t.date_queued - d.due))::float8, max(t.lease_epoch) FROM tasks AS t JOIN machines_due AS d ON d.schedule_id = t.schedule_id`, &soon, &most); err != nil {
		return err
	}
	w.say("%d schedules fired once each, %.1f to %.1f s late; no task changed hands more than %d times", 2*w.groups, soon, lateness.Seconds(), most-1)
	if soon < 0 || lateness > 10*time.Second {
		return fmt.Errorf("schedules fired %.1f to %.1f s late", soon, lateness.Seconds())
	}
	if err := w.query(ctx, "SELECT max(lease_epoch) FROM tasks", &most); err != nil {
		return err
	}
	if most > 3 { // it began, and was handed back twice
		return fmt.Errorf("a task changed hands %d times: it was taken over from a worker that was well", most-1)
	}
	return nil
}
