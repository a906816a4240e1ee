// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// auditCommand lists who did what.
func auditCommand() *cobra.Command {
	var user, action, server string
	var limit int
	cmd := verb("audit", "List who did what, newest first (for administrators)", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		if limit < 1 {
			return usageFault(c.Command, "--limit must be 1 or more, not %d", limit)
		}
		query := filters("user", user, "action", action, "page_size", strconv.Itoa(limit), "sort_by", "id", "order_by", "desc")
		if server != "" {
			found, err := findServer(ctx, c, server)
			if err != nil {
				return err
			}
			query.Set("pulp_server_id", strconv.FormatInt(found.ID, 10))
		}
		page, err := c.api.Audit(ctx, query)
		if err != nil || c.machine() {
			return printed(c, page.Items, notServed(err, "audit"))
		}
		var rows [][]string
		for _, e := range page.Items {
			rows = append(rows, []string{
				strconv.FormatInt(e.ID, 10), when(client.Time{Time: e.Date}), e.User, e.Role, e.Address, e.Action, strconv.Itoa(e.Status), e.Method + " " + e.Path, id(e.TaskID), e.RequestID,
			})
		}
		if err := table(c.OutOrStdout(), []string{"ID", "DATE", "USER", "ROLE", "FROM", "ACTION", "STATUS", "REQUEST", "TASK", "REQUEST ID"}, rows); err != nil {
			return err
		}
		printMore(c, page.Total, len(page.Items))
		return nil
	})
	cmd.Example = `  pulp-manager audit --limit 50
  pulp-manager audit --user alice -o yaml`
	cmd.Flags().StringVar(&user, "user", "", "only what this user did")
	cmd.Flags().StringVar(&action, "action", "", "only this action")
	cmd.Flags().StringVar(&server, "server", "", "only what was about this server")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many to list, newest first")
	completeFlag(cmd, "server", serverNames)
	return cmd
}

// printMore tells that a list is longer than what is shown.
func printMore(c *clientCommand, total, shown int) {
	if more := total - shown; more > 0 && !c.quiet {
		c.printf("and %d more\n", more)
	}
}
