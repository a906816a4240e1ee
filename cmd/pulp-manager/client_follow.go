// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// waiting are the flags of verbs that can wait for a task.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) addTimeout(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&w.timeout, "timeout", 0, "how long to wait at most, such as 30m; the task goes on then (exit code 6)")
}

// wanted tells whether to wait: as told, with a time limit, or on a terminal.
func (w *waiting) wanted(c *clientCommand) bool {
	if c.Flags().Changed("wait") {
		return w.wait
	}
	return w.timeout > 0 || isTerminal(c.OutOrStdout())
}

// queued tells of a task that was queued, and waits for it if that is wanted.
func (w *waiting) queued(ctx context.Context, c *clientCommand, task client.Task) error {
	switch {
	case w.wanted(c):
		return follow(ctx, c, task.ID, w.timeout)
	case c.machine():
		return c.show(task)
	case c.quiet:
		c.printf("%d\n", task.ID)
	default:
		c.printf("task %d queued: %s\nfollow it with: %s tasks %d --watch\n", task.ID, clean(task.Name), c.Root().Name(), task.ID)
	}
	return nil
}

// errTimeout is why a wait ended that took too long.
var errTimeout = errors.New("waited long enough")

// follow shows a task's progress until it is over: with the result, or on standard error where that is for a program. The
// error says that it did not end well. With a timeout it ends then.
func follow(ctx context.Context, c *clientCommand, id int64, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	out := c.OutOrStdout()
	if c.machine() {
		out = c.ErrOrStderr()
	}
	shown := newProgress(out, isTerminal(out) && os.Getenv("TERM") != "dumb")
	shown.quiet = c.quiet
	stop := shown.animate(ctx)
	var last []client.Task
	task, err := c.api.WaitTask(ctx, id, func(task client.TaskDetail, children []client.Task) {
		last = children
		shown.update(task, children, runningStages(ctx, c.api, children, shown.rows()), time.Now())
	})
	stop()
	if err != nil {
		return c.gaveUp(err, id, timeout)
	}
	if c.machine() {
		err = c.show(task)
	} else {
		err = printPlan(c, task)
	}
	if err != nil {
		return err
	}
	return verdict(task, last)
}

// gaveUp tells how to go on where the waiting ended before the task did.
func (c *clientCommand) gaveUp(err error, id int64, timeout time.Duration) error {
	root := c.Root().Name()
	switch {
	case errors.Is(err, errTimeout):
		err = fault.Wrap(fault.Unavailable, err, "no longer waiting after %s; task %d goes on", timeout, id)
	case errors.Is(err, context.Canceled):
		err = fault.Wrap(fault.Internal, err, "no longer waiting; task %d goes on", id)
	default:
		return err
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f.WithHint("follow it with `%s tasks %d --watch`, stop it with `%s cancel %d`", root, id, root, id)
	}
	return err
}

// runningStages gives the newest stage of running children, of so many as can be shown. What cannot be read is left out:
// it is only for the eye.
func runningStages(ctx context.Context, api *client.Client, children []client.Task, most int) map[int64]client.TaskStage {
	stages := map[int64]client.TaskStage{}
	for _, child := range children {
		if child.State != client.StateRunning || len(stages) >= most {
			continue
		}
		task, err := api.Task(ctx, child.ID)
		if err != nil {
			return stages
		}
		if n := len(task.Stages); n > 0 {
			stages[child.ID] = task.Stages[n-1]
		}
	}
	return stages
}

// verdict is nil for a task that ended well, and otherwise says why it did not.
func verdict(task client.TaskDetail, children []client.Task) error {
	if task.Good() {
		return nil
	}
	text := task.Error.Msg
	for _, stage := range task.Stages {
		if text == "" {
			text = stage.Error.Msg
		}
	}
	message := clean(strings.TrimSuffix("task "+task.Name+" is "+task.State+": "+text, ": "))
	for _, child := range children {
		if child.Final() && !child.Good() {
			message += "\n  " + clean(child.State+": "+child.Name+": "+reason(child.Error))
		}
	}
	return fault.New(fault.Internal, "%s", message).WithHint("%s", clean(task.Error.Detail))
}

// isTerminal tells whether a person looks at the output.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
