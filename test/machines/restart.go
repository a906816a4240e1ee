// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/client"
)

// usual starts two processes of each kind.
func (w *world) usual(ctx context.Context) ([]*process, error) {
	var all []*process
	for _, role := range []string{"scheduler", "api", "worker"} {
		for i := range 2 {
			all = append(all, &process{name: fmt.Sprintf("%s-%d", role, i+1), role: role})
		}
	}
	return all, w.start(ctx, all...)
}

func (w *world) start(ctx context.Context, all ...*process) error {
	for _, p := range all {
		if err := w.boot(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// rollingRestart restarts all processes, one after the other, while both servers are synced.
func rollingRestart(ctx context.Context, w *world) error {
	if err := w.furnish(ctx, 100, 0); err != nil {
		return err
	}
	all, err := w.usual(ctx)
	if err != nil {
		return err
	}
	if err := w.sync(ctx); err != nil {
		return err
	}
	probing, stop := context.WithCancel(ctx)
	var probe sync.WaitGroup
	var asked, failed int
	var why error
	probe.Go(func() {
		for pause(probing, 50*time.Millisecond) == nil {
			asked++
			err := w.api(probing, func(c *client.Client) error {
				_, err := c.Tasks(probing, nil)
				return err
			})
			if err != nil && probing.Err() == nil {
				failed++
				why = err
			}
		}
	})
	defer probe.Wait()
	defer stop()
	for _, p := range all {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		w.inject("SIGTERM to %s", p.name)
		took, err := p.stop()
		if err != nil {
			return err
		}
		if err := w.boot(ctx, p); err != nil {
			return err
		}
		w.say("%s ended in %.1f s and is back", p.name, took.Seconds())
	}
	if err := w.await(ctx, 3*time.Minute); err != nil {
		return err
	}
	stop()
	probe.Wait()
	w.say("the API was asked %d times by the way, %d in vain", asked, failed)
	if failed > 0 {
		return fmt.Errorf("no API process answered %d times: %w", failed, why)
	}
	return nil
}

// kills kills one process of each kind with SIGKILL.
func kills(ctx context.Context, w *world) error {
	if err := w.furnish(ctx, 40, 15); err != nil {
		return err
	}
	all, err := w.usual(ctx)
	if err != nil {
		return err
	}
	if err := sqlIn(ctx, w.plain(), "CREATE TABLE machines_due (schedule_id bigint, due timestamptz)"); err != nil {
		return err
	}
	if err := w.sync(ctx); err != nil {
		return err
	}
	victim, err := w.holder(ctx)
	if err != nil {
		return err
	}
	held, err := w.heldBy(ctx, victim.pid())
	if err != nil {
		return err
	}
	if err := w.underWay(ctx); err != nil {
		return err
	}
	w.inject("SIGKILL to %s, which works on %d tasks", victim.name, held)
	victim.kill()
	took, err := until(ctx, "the other worker to take up its tasks", 60*time.Second, func(ctx context.Context) (bool, error) {
		left, err := w.heldBy(ctx, victim.pid())
		return left == 0, err
	})
	if err != nil {
		return err
	}
	w.say("its work goes on elsewhere after %.1f s", took.Seconds())
	if took > 45*time.Second {
		return fmt.Errorf("the work of a killed worker went on after %s only", took)
	}
	if err := w.due(ctx, 12*time.Second); err != nil {
		return err
	}
	if err := pause(ctx, 4*time.Second); err != nil {
		return err
	}
	w.inject("SIGKILL to %s while %d schedules fall due", all[0].name, 2*w.groups)
	all[0].kill()
	w.inject("SIGKILL to %s", all[2].name)
	all[2].kill()
	if err := w.api(ctx, func(c *client.Client) error { _, err := c.Tasks(ctx, nil); return err }); err != nil {
		return fmt.Errorf("the other API process: %w", err)
	}
	_, err = until(ctx, "every schedule to fire", 30*time.Second, func(ctx context.Context) (bool, error) {
		_, err := w.lateness(ctx)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	if err := w.await(ctx, 2*time.Minute); err != nil {
		return err
	}
	late, err := w.lateness(ctx)
	w.say("%d schedules fired once each, %.1f s late at most", 2*w.groups, late.Seconds())
	return errors.Join(err, w.silent(ctx, 3))
}

// silent waits until the registry tells of so many processes that died, and of all others that they live.
func (w *world) silent(ctx context.Context, want int) error {
	_, err := until(ctx, "the list of processes to tell who died", 60*time.Second, func(ctx context.Context) (bool, error) {
		silent, alive := 0, 0
		err := w.api(ctx, func(c *client.Client) error {
			all, err := client.All(ctx, c.Processes, nil)
			silent, alive = 0, 0
			for _, p := range all {
				if p.Alive {
					alive++
				} else {
					silent++
				}
			}
			return err
		})
		if err == nil && (silent != want || alive != len(w.pids())) {
			err = fmt.Errorf("%d silent, %d alive; want %d and %d", silent, alive, want, len(w.pids()))
		}
		return err == nil, err
	})
	return err
}

// holder waits until a worker holds a task, and gives it.
func (w *world) holder(ctx context.Context) (*process, error) {
	var found *process
	_, err := until(ctx, "a worker to take a task", 20*time.Second, func(ctx context.Context) (bool, error) {
		for _, p := range w.all("worker") {
			n, err := w.heldBy(ctx, p.pid())
			if err != nil || n > 0 {
				found = p
				return n > 0, err
			}
		}
		return false, nil
	})
	return found, err
}

// underWay waits until both servers sync something.
func (w *world) underWay(ctx context.Context) error {
	_, err := until(ctx, "syncs to run on both servers", 30*time.Second, func(context.Context) (bool, error) {
		for _, s := range w.sites {
			running := 0
			for _, t := range s.TasksStarted("synchronize") {
				if !t.Started.IsZero() && t.Finished.IsZero() {
					running++
				}
			}
			if running < 2 {
				return false, nil
			}
		}
		return true, nil
	})
	return err
}

// heldBy counts the tasks that a process holds by the database.
func (w *world) heldBy(ctx context.Context, pid int) (n int, err error) {
	return n, w.query(ctx, fmt.Sprintf("SELECT count(*) FROM tasks WHERE lease_owner LIKE '%%:%d:%%'", pid), &n)
}

// ready gives the status of /readyz of an API process, and what it says.
func ready(ctx context.Context, p *process) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", nil)
	if err != nil {
		return 0, err.Error()
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	text := make([]byte, 8<<10)
	n, _ := answer.Body.Read(text)
	return answer.StatusCode, string(text[:n])
}
