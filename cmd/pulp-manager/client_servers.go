// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// serversCommand lists the servers, or shows one.
func serversCommand() *cobra.Command {
	cmd := verb("servers", "List the Pulp servers, or show one", []string{"[NAME]"}, func(ctx context.Context, c *clientCommand, args []string) error {
		if len(args) > 0 {
			server, err := findServer(ctx, c, args[0])
			if err != nil {
				return err
			}
			return showServer(c, server)
		}
		servers, err := client.All(ctx, c.api.Servers, nil)
		if err != nil || c.machine() {
			return printed(c, servers, err)
		}
		var rows [][]string
		for _, s := range servers {
			rows = append(rows, []string{
				strconv.FormatInt(s.ID, 10), s.Name, dash(s.Health), when(s.HealthDate), dash(s.RegistrationSchedule), yesNo(s.SnapshotSupported),
				reachable(s.Reachable), count(s.Workers), count(s.TasksWaiting),
			})
		}
		return table(c.OutOrStdout(), []string{"ID", "NAME", "HEALTH", "RATED", "REGISTRATION", "SNAPSHOTS", "REACHABLE", "WORKERS", "QUEUE"}, rows)
	})
	cmd.Example = `  pulp-manager servers
  pulp-manager servers pulp1.example.com --output yaml`
	return cmd
}

// showServer shows one server, a line for each of its fields.
func showServer(c *clientCommand, s client.Server) error {
	if c.machine() {
		return c.show(s)
	}
	return table(c.OutOrStdout(), []string{"ID", strconv.FormatInt(s.ID, 10)}, [][]string{
		{"NAME", s.Name},
		{"HEALTH", dash(s.Health)},
		{"RATED", when(s.HealthDate)},
		{"USER", s.Username},
		{"CREDENTIALS", dash(s.CredentialMount)},
		{"SNAPSHOTS", yesNo(s.SnapshotSupported)},
		{"AT A TIME", count(s.MaxConcurrentSnapshots)},
		{"REGISTRATION", dash(s.RegistrationSchedule)},
		{"MAX RUNTIME", dash(s.RegistrationMaxRuntime)},
		{"INCLUDE", dash(s.RegistrationInclude)},
		{"EXCLUDE", dash(s.RegistrationExclude)},
		{"REACHABLE", reachable(s.Reachable)},
		{"WORKERS", count(s.Workers)},
		{"QUEUE", count(s.TasksWaiting)},
		{"CREATED", when(s.DateCreated)},
		{"CHANGED", when(s.DateLastUpdated)},
	})
}

// groupsCommand lists the groups of a server, or of all.
func groupsCommand() *cobra.Command {
	cmd := verb("groups", "List the repository groups of a server, or of all", []string{"[SERVER]"}, func(ctx context.Context, c *clientCommand, args []string) error {
		servers, err := chosenServers(ctx, c, args)
		if err != nil {
			return err
		}
		var groups []client.RepositoryGroup
		var rows [][]string
		for _, server := range servers {
			find := func(ctx context.Context, q url.Values) (client.Page[client.RepositoryGroup], error) {
				return c.api.RepositoryGroups(ctx, server.ID, q)
			}
			found, err := client.All(ctx, find, nil)
			if err != nil {
				return err
			}
			for _, g := range found {
				row := []string{strconv.FormatInt(g.GroupID, 10), g.Name, dash(g.Schedule), dash(g.MaxConcurrentSyncs), dash(g.MaxRuntime)}
				rows = append(rows, withServer(args, server.Name, row))
			}
			groups = append(groups, found...)
		}
		if c.machine() {
			return printed(c, groups, nil)
		}
		return table(c.OutOrStdout(), withServer(args, "SERVER", []string{"ID", "NAME", "SCHEDULE", "AT A TIME", "MAX RUNTIME"}), rows)
	})
	cmd.Example = `  pulp-manager groups
  pulp-manager groups pulp2.example.com`
	return cmd
}

// chosenServers gives the server that is named, or all.
func chosenServers(ctx context.Context, c *clientCommand, args []string) ([]client.Server, error) {
	if len(args) == 0 {
		return client.All(ctx, c.api.Servers, nil)
	}
	server, err := findServer(ctx, c, args[0])
	return []client.Server{server}, err
}

// withServer puts the server in front of a row where the list is over all servers.
func withServer(args []string, server string, row []string) []string {
	if len(args) > 0 {
		return row
	}
	return append([]string{server}, row...)
}

// printed prints a list as JSON, unless getting it failed.
func printed[T any](c *clientCommand, items []T, err error) error {
	if err != nil {
		return err
	}
	if items == nil {
		items = []T{}
	}
	return c.show(items)
}

// filters makes a query of names and values, without those that are empty.
func filters(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// reachable shows whether a server answered when it was looked at last.
func reachable(b *bool) string {
	if b == nil {
		return "-"
	}
	return yesNo(*b)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
