// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// withDatabase gives a world a PostgreSQL of its own.
func (w *world) withDatabase(ctx context.Context, settings ...string) (err error) {
	w.own, err = newCluster(ctx, filepath.Join(w.dir, "postgres"), settings...)
	if w.own != nil {
		c := w.own
		w.closers = append(w.closers, func() { c.stop(fast) })
	}
	return err
}

// alive fails where a process ended that nobody ended.
func (w *world) alive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, p := range w.processes {
		if !strings.HasPrefix(p.name, "first") && !p.runs() {
			errs = append(errs, fmt.Errorf("%s ended by itself: %w: see %s", p.name, p.err, p.log))
		}
	}
	return errors.Join(errs...)
}

// syncing starts all processes and the syncs of both servers.
func (w *world) syncing(ctx context.Context, repos int) ([]*process, error) {
	if err := w.furnish(ctx, repos, 0); err != nil {
		return nil, err
	}
	all, err := w.usual(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.sync(ctx); err != nil {
		return nil, err
	}
	if _, err := w.holder(ctx); err != nil {
		return nil, err
	}
	return all, w.underWay(ctx)
}

// over waits for the end of all tasks and looks whether all processes still run.
func (w *world) over(ctx context.Context, all []*process) error {
	if err := w.await(ctx, 3*time.Minute); err != nil {
		return err
	}
	for _, p := range all {
		if p.role != "api" {
			continue
		}
		_, err := until(ctx, "/readyz to be well", 30*time.Second, func(ctx context.Context) (bool, error) {
			status, text := ready(ctx, p)
			return told(status == http.StatusOK && !strings.Contains(text, "warning"), text)
		})
		if err != nil {
			return err
		}
	}
	return w.alive()
}

// told is for until: what was found, and what was told where that is not what is waited for.
func told(ok bool, text string) (bool, error) {
	if ok {
		return true, nil
	}
	return false, errors.New(text)
}

// databaseRestarted restarts PostgreSQL as an administrator does, and as a crash does.
func databaseRestarted(ctx context.Context, w *world) error {
	if err := w.withDatabase(ctx); err != nil {
		return err
	}
	all, err := w.syncing(ctx, 40)
	if err != nil {
		return err
	}
	for range 3 { // more often than a task is tried again for other reasons
		for how, what := range map[bool]string{true: "fast", false: "immediate, as by a crash"} {
			w.inject("PostgreSQL is restarted (%s)", what)
			if how {
				w.own.stop(fast)
			} else {
				w.own.stop(crash)
			}
			if err := w.own.start(ctx); err != nil {
				return err
			}
			if err := pause(ctx, 2*time.Second); err != nil {
				return err
			}
		}
	}
	return w.over(ctx, all)
}

// databaseGone stops PostgreSQL for a minute, or for ten.
func databaseGone(ctx context.Context, w *world) error {
	gone := time.Minute
	if os.Getenv("MACHINES_LONG") != "" {
		gone = 10 * time.Minute
	}
	if err := w.withDatabase(ctx); err != nil {
		return err
	}
	all, err := w.syncing(ctx, 40)
	if err != nil {
		return err
	}
	w.inject("PostgreSQL is gone for %s", gone)
	at := time.Now()
	w.own.stop(fast)
	var front *process
	for _, p := range all {
		if p.role == "api" {
			front = p
		}
	}
	took, err := until(ctx, "/readyz to say so", 20*time.Second, func(ctx context.Context) (bool, error) {
		status, text := ready(ctx, front)
		return told(status == http.StatusServiceUnavailable && strings.Contains(text, "does not answer"), text)
	})
	if err != nil {
		return err
	}
	w.say("/readyz says so after %.1f s", took.Seconds())
	if err := pause(ctx, gone-time.Since(at)); err != nil {
		return err
	}
	ended := 0
	for _, s := range w.sites {
		for _, t := range s.TasksStarted("synchronize") {
			if t.Finished.After(at) {
				ended++
			}
		}
	}
	if err := w.alive(); err != nil {
		return err
	}
	began := time.Now()
	if err := w.own.start(ctx); err != nil {
		return err
	}
	took, err = until(ctx, "/readyz to be well", 60*time.Second, func(ctx context.Context) (bool, error) {
		status, text := ready(ctx, front)
		return told(status == http.StatusOK, text)
	})
	if err != nil {
		return err
	}
	_, err = until(ctx, "a worker to go on", 90*time.Second, func(ctx context.Context) (n bool, err error) {
		return n, w.query(ctx, "SELECT count(*) > 0 FROM tasks WHERE lease_owner IS NOT NULL AND lease_until > now()", &n)
	})
	if err != nil {
		return err
	}
	w.say("%d syncs ended in Pulp meanwhile; well again %.1f s after the database was, tasks go on after %.1f s", ended, took.Seconds(), time.Since(began).Seconds())
	if ended == 0 {
		return errors.New("no sync ended in Pulp while the database was gone: the test proves nothing")
	}
	return w.over(ctx, all)
}

// databaseFailsOver kills the primary and makes its copy the primary. What was committed is on the copy, because a
// commit waits for it.
func databaseFailsOver(ctx context.Context, w *world) error {
	if err := w.withDatabase(ctx, "wal_level=replica", "max_wal_senders=5"); err != nil {
		return err
	}
	first := w.own
	second, err := copyOf(ctx, first, filepath.Join(w.dir, "copy"))
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { second.stop(fast) })
	// Of the primary alone: the copy, once promoted, has none to wait for.
	if err := first.sql(ctx, "ALTER SYSTEM SET synchronous_standby_names = 'copy'", "ALTER SYSTEM SET synchronous_commit = 'on'", "SELECT pg_reload_conf()", "CREATE DATABASE machines_failover"); err != nil {
		return err
	}
	w.database = at("127.0.0.1:"+first.port+",127.0.0.1:"+second.port, "machines_failover") + "&target_session_attrs=read-write"
	all, err := w.syncing(ctx, 40)
	if err != nil {
		return err
	}
	for range 2 {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	w.inject("the primary is killed, and its copy promoted 3 s later")
	first.stop(dead)
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	if err := second.sql(ctx, "SELECT pg_promote()"); err != nil {
		return err
	}
	began := time.Now()
	_, err = until(ctx, "a worker to go on", 90*time.Second, func(ctx context.Context) (n bool, err error) {
		return n, w.query(ctx, "SELECT count(*) > 0 FROM tasks WHERE lease_owner IS NOT NULL AND lease_until > now()", &n)
	})
	if err != nil {
		return err
	}
	w.say("tasks go on %.1f s after the copy was promoted", time.Since(began).Seconds())
	return w.over(ctx, all)
}
