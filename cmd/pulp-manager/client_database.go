// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// databaseCommand shows the database's size.
func databaseCommand() *cobra.Command {
	cmd := verb("database", "Show how large the daemon's database is (for administrators)", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		database, err := c.api.Database(ctx)
		if err != nil {
			return notServed(err, "database")
		}
		if c.machine() {
			return c.show(database)
		}
		return showDatabase(c, database)
	})
	cmd.Example = `  pulp-manager database
  pulp-manager database -o json`
	return cmd
}

// showDatabase shows the database, the largest tables first.
func showDatabase(c *clientCommand, d client.Database) error {
	rows := [][]string{
		{"VERSION", strconv.FormatInt(d.Version, 10)},
		{"SIZE", mebibytes(d.Bytes)},
		{"OF IT FREE", mebibytes(d.Free)},
		{"LOG", mebibytes(d.Log)},
		{"OLDEST TASK", when(d.Oldest)},
		{"PRUNED", when(d.Pruning.Ended)},
		{"REMOVED", fmt.Sprintf("%d tasks, %d audit entries", d.Pruning.Removed["tasks"], d.Pruning.Removed["audit"])},
		{"PRUNED NEXT", when(d.Pruning.Due)},
	}
	if d.Pruning.Problem != "" {
		rows = append(rows, []string{"PRUNING FAILS", "since " + when(d.Pruning.Failing) + ": " + d.Pruning.Problem})
	}
	if err := table(c.OutOrStdout(), []string{"DATABASE", d.Dialect}, rows); err != nil {
		return err
	}
	c.printf("\n")
	slices.SortStableFunc(d.Tables, func(a, b client.DatabaseTable) int { return cmp.Compare(b.Rows, a.Rows) })
	rows = nil
	for _, t := range d.Tables {
		rows = append(rows, []string{t.Name, strconv.FormatInt(t.Rows, 10)})
	}
	return table(c.OutOrStdout(), []string{"TABLE", "ROWS"}, rows)
}

// mebibytes shows a size.
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
