// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "modernc.org/sqlite" // the driver sqlite
)

const (
	soakServers      = 6
	soakRepositories = 8
	soakHours        = 14 * 24 // simulated, of schedules that run each hour
	soakChanges      = 12      // hours between two changes upstream
	soakRest         = 3 * time.Second
)

// storedTime is how the store writes a moment: it fires a schedule only whose moment it finds again, letter by letter.
const storedTime = "2006-01-02 15:04:05.999999+00:00"

// soak runs the daemon for two simulated weeks and then for SOAK_SECONDS of real time, and looks at what grows. In the simulated weeks
// every schedule, meant to run once an hour, is made due again as soon as its last run is over: the next run in the database is set to
// now. So two weeks take as long as 336 runs of each of 9 schedules do. Clocks are real: what goes by time (leases, the age of sessions,
// pruning) sees minutes, not weeks.
func soak(ctx context.Context, o options, r *result) (err error) {
	seconds := 3600
	if text := os.Getenv("SOAK_SECONDS"); text != "" {
		if seconds, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("SOAK_SECONDS: %w", err)
		}
	}
	f, err := startFakes(ctx, fakesShape{Servers: soakServers, Workers: 8, Seed: o.seed, Quick: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	dir, binary, remove, err := workspace(ctx, o, "soak")
	if err != nil {
		return err
	}
	defer remove()
	if err := configureMany(dir, f, soakRepositories, "0 * * * *"); err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	d, err := serveWith(ctx, binary, dir, "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	if err := d.weeks(ctx, f, r); err != nil {
		return err
	}
	if err := configureMany(dir, f, soakRepositories, "* * * * *"); err != nil {
		return err
	}
	if err := d.hour(ctx, f, time.Duration(seconds)*time.Second, r); err != nil {
		return err
	}
	told, err := f.report(ctx)
	if err == nil && told.Broken != "" {
		err = errors.New(told.Broken)
	}
	return err
}

// weeks makes every schedule due once for each simulated hour.
func (d *daemon) weeks(ctx context.Context, f *fakes, r *result) error {
	file := url.URL{Scheme: "file", Path: filepath.Join(d.dir, "data", "pulp-manager.db")}
	db, err := sql.Open("sqlite", file.String()+"?_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	s := sampler{daemon: d}
	began := time.Now()
	for hour := range soakHours {
		if hour%soakChanges == 0 {
			if err := f.change(ctx); err != nil {
				return err
			}
		}
		if _, err := db.ExecContext(ctx, "UPDATE schedules SET next_run = ?", time.Now().UTC().Add(-time.Second).Format(storedTime)); err != nil {
			return err
		}
		if err := d.idle(ctx, db); err != nil {
			return fmt.Errorf("simulated hour %d: %w", hour, err)
		}
		if err := s.take(ctx, float64(hour)); err != nil {
			return err
		}
		if hour%48 == 0 {
			say("simulated hour %d of %d after %s: %s", hour, soakHours, time.Since(began).Round(time.Second), s.last())
			_, _ = f.report(ctx) // or its log fills its memory
		}
	}
	var runs int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM tasks WHERE schedule_id IS NOT NULL AND state = 'completed'").Scan(&runs); err != nil {
		return err
	}
	r.add(figure{Name: "simulated weeks: runs of schedules that completed", Measured: float64(runs), Goal: soakHours * 1.5 * soakServers, AtLeast: true})
	r.add(figure{Name: "simulated weeks: real time", Measured: time.Since(began).Seconds(), Unit: "s", Free: true})
	s.judge("simulated weeks", "week", 7*24, r)
	return nil
}

// idle waits until every schedule has fired and its task is over.
func (d *daemon) idle(ctx context.Context, db *sql.DB) error {
	limit, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for {
		if err := pause(limit, 100*time.Millisecond); err != nil {
			return err
		}
		var due, busy int
		err := db.QueryRowContext(limit, "SELECT (SELECT count(*) FROM schedules WHERE next_run <= ?), (SELECT count(*) FROM tasks WHERE state IN ('queued', 'running'))",
			time.Now().UTC().Format(storedTime)).Scan(&due, &busy)
		if err != nil {
			return err
		}
		if due+busy == 0 {
			return nil
		}
	}
}

// hour lets schedules run at their times, once a minute.
func (d *daemon) hour(ctx context.Context, f *fakes, lasts time.Duration, r *result) error {
	s := sampler{daemon: d}
	began := time.Now()
	for n := 0; time.Since(began) < lasts; n++ {
		if err := pause(ctx, soakRest); err != nil {
			return err
		}
		if n%int(5*time.Minute/soakRest) == 0 {
			if err := f.change(ctx); err != nil {
				return err
			}
			_, _ = f.report(ctx)
		}
		if err := s.take(ctx, time.Since(began).Hours()); err != nil {
			return err
		}
		if n%int(5*time.Minute/soakRest) == 0 {
			say("real time %s of %s: %s", time.Since(began).Round(time.Second), lasts, s.last())
		}
	}
	r.add(figure{Name: "real time: length", Measured: time.Since(began).Seconds(), Unit: "s", Free: true})
	s.judge("real time", "hour", 1, r)
	return nil
}
