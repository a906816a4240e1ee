// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// cancelCommand cancels a task, or shows what that would be.
func cancelCommand() *cobra.Command {
	var dryRun bool
	var w waiting
	cmd := verb("cancel", "Cancel a task", []string{"ID"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := taskID(c, args[0])
		if err != nil {
			return err
		}
		if dryRun {
			return showCancel(ctx, c, id)
		}
		wait := w.wait || w.timeout > 0
		task, err := c.api.Cancel(ctx, id)
		if err != nil && wait { // it may be canceled already, and only not confirmed
			if now, again := c.api.Task(ctx, id); again == nil && now.State == client.StateCanceled {
				task, err = now.Task, nil
			}
		}
		switch {
		case err != nil:
			return err
		case c.machine() && !wait:
			return c.show(task)
		case !c.quiet && !c.machine():
			c.printf("task %d %s: %s\n", task.ID, task.State, clean(task.Name))
		}
		if wait {
			return awaitStopped(ctx, c, id, w.timeout)
		}
		return nil
	})
	cmd.Long = "Cancel a queued or running task, its unfinished parts and what Pulp does for them. The task is canceled at once; with --wait the " +
		"command tells of each Pulp task when it has stopped, or what it waits for: another Pulp task, a worker that died, a server that is down."
	cmd.Example = `  pulp-manager cancel 12 --dry-run    # what would be cancelled
  pulp-manager cancel 12
  pulp-manager cancel 12 --wait --timeout 1m    # until Pulp has really stopped`
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until nothing of it goes on in Pulp, and show each Pulp task")
	w.addTimeout(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be cancelled")
	return cmd
}

// canceling is what a cancellation would cancel.
type canceling struct {
	Task     client.Task   `json:"task"`
	Children []client.Task `json:"children"` // those that are not over
}

// showCancel shows what would be cancelled. A task that is over is refused, as it would be.
func showCancel(ctx context.Context, c *clientCommand, id int64) error {
	task, err := c.api.Task(ctx, id)
	if err != nil {
		return err
	}
	if task.Final() {
		return fault.New(fault.Invalid, "task cannot be moved to canceled when it is in %s", clean(task.State))
	}
	children, err := c.api.Children(ctx, id)
	if err != nil {
		return err
	}
	would := canceling{Task: task.Task, Children: []client.Task{}}
	for _, child := range children {
		if !child.Final() {
			would.Children = append(would.Children, child)
		}
	}
	if c.machine() {
		return c.show(would)
	}
	if err := table(c.OutOrStdout(), taskHeading, taskRows(append([]client.Task{would.Task}, would.Children...))); err != nil {
		return err
	}
	c.printf("\ndry run: nothing was cancelled; it would be task %d, %d of its %d parts, and what Pulp does for them\n", id, len(would.Children), len(children))
	return nil
}
