// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// taskLogCommand shows what happened to a task.
func taskLogCommand() *cobra.Command {
	cmd := verb("log", "Show what happened to a task", []string{"ID"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := taskID(c, args[0])
		if err != nil {
			return err
		}
		log, err := c.api.TaskLog(ctx, id)
		if err != nil || c.machine() {
			return printed(c, log.Lines, err)
		}
		for _, line := range log.Lines {
			c.printf("%s\n", taskLogLine(line))
		}
		return nil
	})
	cmd.Long = "Show when a task and its parts began and ended, its stages, and what it asked Pulp, with the correlation ids that Pulp's own logs have."
	cmd.Example = `  pulp-manager tasks log 12
  pulp-manager tasks log 12 -o json`
	return cmd
}

// taskLogLine is one thing that happened, on one line.
func taskLogLine(l client.TaskLogLine) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-5s %s task=%d", l.Time.UTC().Format(time.RFC3339), strings.ToUpper(l.Level), l.Msg, l.Task)
	for _, pair := range [][2]string{
		{"name", l.Name},
		{"worker", l.Worker},
		{"server", l.Server},
		{"stage", l.Stage},
		{"step", l.Step},
		{"correlation_id", l.Correlation},
		{"pulp_task", l.PulpTask},
		{"why", l.Why},
	} {
		switch {
		case pair[1] == "":
		case strings.ContainsAny(pair[1], " =\"\t"):
			fmt.Fprintf(&b, " %s=%q", pair[0], clean(pair[1]))
		default:
			fmt.Fprintf(&b, " %s=%s", pair[0], clean(pair[1]))
		}
	}
	if l.Attempt > 1 {
		fmt.Fprintf(&b, " attempt=%d", l.Attempt)
	}
	return b.String()
}
