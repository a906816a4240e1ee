// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// findContentCommand looks for packages in a repository.
func findContentCommand() *cobra.Command {
	var search client.ContentSearch
	cmd := verb("find", "Find packages in a repository", []string{"SERVER", "REPO"}, func(ctx context.Context, c *clientCommand, args []string) error {
		if search == (client.ContentSearch{}) {
			return usageFault(c.Command, "--name, --version or --sha256 must be given")
		}
		server, repository, err := findRepository(ctx, c, args[0], args[1])
		if err != nil {
			return err
		}
		found, err := c.api.FindContent(ctx, server, repository, search)
		if err != nil || c.machine() {
			return printed(c, found, err)
		}
		var rows [][]string
		for _, u := range found {
			rows = append(rows, []string{u.FullName, u.SHA256, u.Href})
		}
		return table(c.OutOrStdout(), []string{"UNIT", "SHA256", "HREF"}, rows)
	})
	cmd.Long = "Ask the server now which packages, files and the like the newest version of a repository has."
	cmd.Example = `  pulp-manager content find pulp1.example.com ext-nginx --name nginx
  pulp-manager content find pulp1.example.com ext-nginx --sha256 9f86d081884c7d65… -o json`
	cmd.Flags().StringVar(&search.Name, "name", "", "name of a package or a tag, path of a file")
	cmd.Flags().StringVar(&search.Version, "version", "", "its version")
	cmd.Flags().StringVar(&search.SHA256, "sha256", "", "hash of its file, digest of the image that a tag names")
	return cmd
}

// findRepository gives the ids of the server and of the repository that arguments name, each by id or by name.
func findRepository(ctx context.Context, c *clientCommand, onServer, arg string) (server, repository int64, err error) {
	found, err := findServer(ctx, c, onServer)
	if err != nil {
		return 0, 0, err
	}
	if id, err := strconv.ParseInt(arg, 10, 64); err == nil {
		return found.ID, id, nil
	}
	page, err := c.api.Repositories(ctx, found.ID, url.Values{"name": {arg}})
	if err != nil {
		return 0, 0, err
	}
	if len(page.Items) == 0 {
		return 0, 0, fault.New(fault.NotFound, "server %s has no repository %q", clean(found.Name), arg).
			WithHint("see `%s repos %s`", c.Root().Name(), clean(found.Name))
	}
	return found.ID, page.Items[0].NameID, nil
}
