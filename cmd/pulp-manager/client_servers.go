// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// serversCommand lists the servers.
func serversCommand() *cobra.Command {
	return verb("servers", "List the Pulp servers", nil, func(ctx context.Context, c *clientCommand, _ []string) error {
		servers, err := client.All(ctx, c.api.Servers, nil)
		if err != nil || c.json {
			return printed(c, servers, err)
		}
		var rows [][]string
		for _, s := range servers {
			rows = append(rows, []string{
				strconv.FormatInt(s.ID, 10), s.Name, dash(s.Health), when(s.HealthDate), dash(s.RegistrationSchedule), yesNo(s.SnapshotSupported),
			})
		}
		return table(c.OutOrStdout(), []string{"ID", "NAME", "HEALTH", "RATED", "REGISTRATION", "SNAPSHOTS"}, rows)
	})
}

// reposCommand lists a server's repositories.
func reposCommand() *cobra.Command {
	var name, kind, health string
	cmd := verb("repos", "List the repositories of a server", []string{"SERVER"}, func(ctx context.Context, c *clientCommand, args []string) error {
		server, err := findServer(ctx, c, args[0])
		if err != nil {
			return err
		}
		find := func(ctx context.Context, q url.Values) (client.Page[client.Repository], error) {
			return c.api.Repositories(ctx, server.ID, q)
		}
		repositories, err := client.All(ctx, find, filters("name__match", name, "repo_type", kind, "repo_sync_health", health, "sort_by", "name"))
		if err != nil || c.json {
			return printed(c, repositories, err)
		}
		var rows [][]string
		for _, r := range repositories {
			rows = append(rows, []string{
				strconv.FormatInt(r.NameID, 10), r.Name, r.Type, dash(r.Health), when(r.HealthDate), count(r.Packages), dash(r.BasePath), dash(r.RemoteFeed), differs(r),
			})
		}
		if err := table(c.OutOrStdout(), []string{"ID", "NAME", "TYPE", "HEALTH", "RATED", "PACKAGES", "BASE PATH", "FEED", "DRIFT"}, rows); err != nil {
			return err
		}
		printDrift(c, repositories)
		return nil
	})
	cmd.Flags().StringVar(&name, "name", "", "only repositories whose name this pattern finds")
	cmd.Flags().StringVar(&kind, "type", "", "only repositories of this type")
	cmd.Flags().StringVar(&health, "health", "", "only repositories of this health: green, amber or red")
	return cmd
}

// groupsCommand lists a server's groups.
func groupsCommand() *cobra.Command {
	return verb("groups", "List the repository groups of a server", []string{"SERVER"}, func(ctx context.Context, c *clientCommand, args []string) error {
		server, err := findServer(ctx, c, args[0])
		if err != nil {
			return err
		}
		find := func(ctx context.Context, q url.Values) (client.Page[client.RepositoryGroup], error) {
			return c.api.RepositoryGroups(ctx, server.ID, q)
		}
		groups, err := client.All(ctx, find, nil)
		if err != nil || c.json {
			return printed(c, groups, err)
		}
		var rows [][]string
		for _, g := range groups {
			rows = append(rows, []string{
				strconv.FormatInt(g.GroupID, 10), g.Name, dash(g.Schedule), dash(g.MaxConcurrentSyncs), dash(g.MaxRuntime),
			})
		}
		return table(c.OutOrStdout(), []string{"ID", "NAME", "SCHEDULE", "AT A TIME", "MAX RUNTIME"}, rows)
	})
}

// printed prints a list as JSON, unless getting it failed.
func printed[T any](c *clientCommand, items []T, err error) error {
	if err != nil {
		return err
	}
	if items == nil {
		items = []T{}
	}
	return printJSON(c.OutOrStdout(), items)
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

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
