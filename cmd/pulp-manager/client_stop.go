// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// stopEach is how often a canceled task is asked for.
const stopEach = 500 * time.Millisecond

// stopping is a Pulp task that is to stop, as the stage of a canceled task tells it.
type stopping struct {
	Server  string `json:"server"`
	Step    string `json:"step"`
	Href    string `json:"pulp_task"`
	Stopped bool   `json:"stopped"`
	Msg     string `json:"msg"`
}

// line tells it to people.
func (s stopping) line() string {
	text := "stopping"
	if s.Stopped {
		text = "stopped"
	}
	if s.Href != "" {
		text += " Pulp task " + s.Href
	}
	why := strings.TrimPrefix(s.Msg, "Pulp task "+s.Href+": ")
	return clean(strings.TrimSuffix(fmt.Sprintf("%s (%s on %s): %s", text, s.Step, s.Server, why), ": "))
}

// stoppings gives the Pulp tasks that a task tells are to stop.
func stoppings(task client.TaskDetail) []stopping {
	var all []stopping
	for _, stage := range task.Stages {
		if told, err := json.Marshal(stage.Detail["pulp_tasks"]); err == nil && stage.Name == "cancel" {
			_ = json.Unmarshal(told, &all) // what it does not tell is not shown
		}
	}
	return all
}

// awaitStopped waits until all that Pulp did for a canceled task is known to be over, and shows each Pulp task.
func awaitStopped(ctx context.Context, c *clientCommand, id int64, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	out := c.OutOrStdout()
	if c.machine() {
		out = c.ErrOrStderr()
	}
	told := map[string]string{}
	for {
		task, err := c.api.Task(ctx, id)
		if err != nil {
			return c.gaveUp(stopCause(ctx, err), id, timeout)
		}
		for _, s := range stoppings(task) {
			if line := s.line(); told[s.Step+s.Href] != line && !c.quiet {
				told[s.Step+s.Href] = line
				_, _ = fmt.Fprintln(out, line)
			}
		}
		if !task.CancelConfirmed.IsZero() {
			if c.machine() {
				return c.show(task)
			}
			if !c.quiet {
				c.printf("task %d: nothing of it goes on in Pulp (%s after the cancellation)\n", id,
					task.CancelConfirmed.Sub(task.CancelRequested.Time).Round(100*time.Millisecond))
			}
			return nil
		}
		if task.CancelRequested.IsZero() {
			return fault.New(fault.Conflict, "task %d is %s and was not canceled", id, clean(task.State))
		}
		timer := time.NewTimer(stopEach)
		select {
		case <-ctx.Done():
			timer.Stop()
			return c.gaveUp(context.Cause(ctx), id, timeout)
		case <-timer.C:
		}
	}
}

// stopCause gives why the waiting ended, where that is why an answer did not come.
func stopCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
