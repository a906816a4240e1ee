// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/store"
)

// migrateCommand brings the database up to date, or back to what an older release knows, and ends.
func migrateCommand() *cobra.Command {
	o := &options{logFormat: "text", logLevel: "info"}
	var down int64
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date", Args: cobra.NoArgs,
		Long: "Brings the database up to date, as every start of the daemon does.\n\n" +
			"--down-to takes back what later migrations made, with all that is stored in it, for a release that does not start on newer tables. " +
			"Stop all processes and make a backup first.",
		RunE: func(c *cobra.Command, _ []string) error {
			database, err := config.FindDatabase(o.sources)
			if err != nil {
				return err
			}
			log, err := o.logger()
			if err != nil {
				return err
			}
			s, err := store.Open(c.Context(), store.Options{DatabaseURL: database.URL.Reveal(), DataDir: database.DataDir, Logger: log})
			if err != nil {
				return err
			}
			defer func() { _ = s.Close() }()
			if c.Flags().Changed("down-to") {
				if err := s.Downgrade(c.Context(), down); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "the database's tables have version %d\n", down)
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), "the database is up to date")
			return err
		},
	}
	o.configFlags(c)
	c.Flags().Int64Var(&down, "down-to", 0, "version of the tables to go back to")
	return c
}
