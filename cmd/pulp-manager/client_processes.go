// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// processesCommand lists the daemon's processes.
func processesCommand() *cobra.Command {
	cmd := verb("processes", "List the daemon's processes on all machines (for administrators)", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		processes, err := client.All(ctx, c.api.Processes, nil)
		if err != nil || c.machine() {
			return printed(c, processes, notServed(err, "processes"))
		}
		var rows [][]string
		for _, p := range processes {
			state := "alive"
			if !p.Alive {
				state = "silent"
			}
			rows = append(rows, []string{
				strconv.FormatInt(p.ID, 10), p.Host, strconv.Itoa(p.PID), p.Roles, p.Version, when(client.Time{Time: p.Started}), when(client.Time{Time: p.LastSeen}), state,
			})
		}
		return table(c.OutOrStdout(), []string{"ID", "HOST", "PID", "ROLES", "VERSION", "STARTED", "LAST SEEN", "STATE"}, rows)
	})
	cmd.Example = `  pulp-manager processes
  pulp-manager processes -o json`
	return cmd
}
