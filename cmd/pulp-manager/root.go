// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job/catalog"
)

// rootCommand makes the command with all its verbs.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "pulp-manager",
		Short:         "Manage a fleet of Pulp 3 servers",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fault.New(fault.Invalid, "there is no command %q", args[0]).WithHint("`pulp-manager --help` lists them")
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.Wrap(fault.Invalid, err, "%v", err).WithHint("`%s --help` lists the flags", c.CommandPath())
	})
	root.AddCommand(serveCommands()...)
	root.AddCommand(migrateCommand(), backupCommand(), restoreCommand(), configCommand(), userCommand(), noticesCommand(), demoCommand())
	root.AddCommand(clientCommands(catalog.All(catalog.Settings{}))...)
	return root
}

// configCommand tells about the configuration without using it.
func configCommand() *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "Check or show the configuration"}
	o := &options{}
	check := &cobra.Command{Use: "check", Short: "Say everything that is wrong with the configuration", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		problems := config.Check(o.sources)
		for _, p := range problems {
			fmt.Fprintln(c.OutOrStdout(), p.String())
		}
		if problems.Fatal() {
			return fault.New(fault.Invalid, "the configuration has errors")
		}
		fmt.Fprintln(c.OutOrStdout(), "the configuration is fine")
		return nil
	}}
	show := &cobra.Command{Use: "show", Short: "Show the configuration as it is understood, without secrets", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		loaded, err := config.Load(o.sources)
		if err != nil {
			return err
		}
		return config.Show(c.OutOrStdout(), loaded)
	}}
	o.configFlags(check)
	o.configFlags(show)
	parent.AddCommand(check, show)
	return parent
}

// shown gives what a person may see of an error: of our errors their message, of others all.
func shown(err error) string {
	if e := (*fault.Error)(nil); errors.As(err, &e) {
		return fault.Message(err)
	}
	return err.Error()
}
