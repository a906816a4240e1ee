// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// reposCommand lists the repositories of a server, or of all.
func reposCommand() *cobra.Command {
	var name, kind, health string
	cmd := verb("repos", "List the repositories of a server, or of all", []string{"[SERVER]"}, func(ctx context.Context, c *clientCommand, args []string) error {
		found, err := findRepositories(ctx, c, args, filters("name__match", name, "repo_type", kind, "repo_sync_health", health, "sort_by", "name"))
		if err != nil {
			return err
		}
		repositories := make([]client.Repository, 0, len(found))
		for _, r := range found {
			repositories = append(repositories, r.Repository)
		}
		switch {
		case c.machine() && len(args) > 0:
			return printed(c, repositories, nil)
		case c.machine():
			return printed(c, found, nil)
		}
		var rows [][]string
		for _, r := range found {
			rows = append(rows, withServer(args, r.ServerName, []string{
				strconv.FormatInt(r.NameID, 10), r.Name, r.Type, dash(r.Health), when(r.HealthDate), count(r.Packages), dash(r.BasePath), dash(r.RemoteFeed), differs(r.Repository),
			}))
		}
		heading := []string{"ID", "NAME", "TYPE", "HEALTH", "RATED", "PACKAGES", "BASE PATH", "FEED", "DRIFT"}
		if err := table(c.OutOrStdout(), withServer(args, "SERVER", heading), rows); err != nil {
			return err
		}
		printDrift(c, repositories)
		return nil
	})
	cmd.Example = `  pulp-manager repos pulp1.example.com
  pulp-manager repos --health red                        # over all servers
  pulp-manager repos pulp1.example.com --type deb --name ^ext- -o json`
	cmd.Flags().StringVar(&name, "name", "", "only repositories whose name this pattern finds")
	cmd.Flags().StringVar(&kind, "type", "", "only repositories of this type")
	cmd.Flags().StringVar(&health, "health", "", "only repositories of this health: green, amber or red")
	completeFlag(cmd, "type", repositoryTypes)
	completeFlag(cmd, "health", healths)
	return cmd
}

// findRepositories gives those of the server that is named, or of all.
func findRepositories(ctx context.Context, c *clientCommand, args []string, query url.Values) ([]client.ServerRepository, error) {
	if len(args) == 0 {
		return c.api.AllRepositories(ctx, query)
	}
	server, err := findServer(ctx, c, args[0])
	if err != nil {
		return nil, err
	}
	find := func(ctx context.Context, q url.Values) (client.Page[client.Repository], error) {
		return c.api.Repositories(ctx, server.ID, q)
	}
	repositories, err := client.All(ctx, find, query)
	all := make([]client.ServerRepository, 0, len(repositories))
	for _, r := range repositories {
		all = append(all, client.ServerRepository{Repository: r, ServerName: server.Name})
	}
	return all, err
}
