// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// watchEach is how often a list is read again.
const watchEach = 2 * time.Second

// watchTasks shows a list of tasks again and again until ctx or the timeout ends: on a terminal in its place, elsewhere
// as a line for each new state.
func watchTasks(ctx context.Context, c *clientCommand, query url.Values, timeout time.Duration) error {
	if c.machine() {
		return usageFault(c.Command, "--watch without an id is for people: it does not go with --output %s", c.format)
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	out := c.OutOrStdout()
	shown := newProgress(out, isTerminal(out) && os.Getenv("TERM") != "dumb")
	for {
		page, err := c.api.Tasks(ctx, query)
		switch {
		case ctx.Err() != nil:
			return stopped(ctx)
		case err != nil:
			return err
		}
		if err := shown.list(page.Items, time.Now()); err != nil {
			return err
		}
		timer := time.NewTimer(watchEach)
		select {
		case <-ctx.Done():
			timer.Stop()
			return stopped(ctx)
		case <-timer.C:
		}
	}
}

// stopped is no error where a person ends the watching, or its time is over.
func stopped(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errTimeout) || errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return fault.Wrap(fault.Internal, ctx.Err(), "no longer watching")
}

// list shows tasks, newest first.
func (p *progress) list(tasks []client.Task, now time.Time) error {
	if !p.live {
		for i := len(tasks) - 1; i >= 0; i-- {
			if t := tasks[i]; p.states[t.ID] != t.State {
				p.states[t.ID] = t.State
				p.write(stateLine(t, now) + "\n")
			}
		}
		return nil
	}
	var text bytes.Buffer
	if err := table(&text, taskHeading, taskRows(tasks)); err != nil {
		return err
	}
	columns, rows := p.size()
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	lines = lines[:min(len(lines), max(rows-1, 1))]
	for i, line := range lines {
		lines[i] = cut(line, columns-1)
	}
	p.redraw(nil, lines)
	return nil
}
