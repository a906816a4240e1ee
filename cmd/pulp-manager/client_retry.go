// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"
)

// retryCommand queues a task again.
func retryCommand() *cobra.Command {
	var w waiting
	cmd := verb("retry", "Do what is unfinished of a task", []string{"ID"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := taskID(c, args[0])
		if err != nil {
			return err
		}
		task, err := c.api.Retry(ctx, id)
		if err != nil {
			return err
		}
		return w.queued(ctx, c, task)
	})
	cmd.Long = "Queue a task that does what is unfinished of one that failed or was canceled: its parts that ended well are not run again. " +
		"Where it was retried before, the newest retry is what is tried again."
	cmd.Example = `  pulp-manager tasks retry 12 --wait`
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until the new task is over, showing progress (default: on a terminal)")
	w.addTimeout(cmd)
	return cmd
}
