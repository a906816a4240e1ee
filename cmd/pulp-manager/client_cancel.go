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
	cmd := verb("cancel", "Cancel a task", []string{"ID"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := taskID(c, args[0])
		if err != nil {
			return err
		}
		if dryRun {
			return showCancel(ctx, c, id)
		}
		task, err := c.api.Cancel(ctx, id)
		switch {
		case err != nil:
			return err
		case c.machine():
			return c.show(task)
		case !c.quiet:
			c.printf("task %d %s: %s\n", task.ID, task.State, clean(task.Name))
		}
		return nil
	})
	cmd.Long = "Cancel a queued or running task, its unfinished parts and what Pulp does for them."
	cmd.Example = `  pulp-manager cancel 12 --dry-run    # what would be cancelled
  pulp-manager cancel 12`
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
