// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"strconv"
	"strings"

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
		if err != nil || c.json {
			return printed(c, found, err)
		}
		var rows [][]string
		for _, u := range found {
			rows = append(rows, []string{u.FullName, u.SHA256, u.Href})
		}
		return table(c.OutOrStdout(), []string{"UNIT", "SHA256", "HREF"}, rows)
	})
	cmd.Long = "Ask the server now which packages, files and the like the newest version of a repository has."
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

// removalHeading is that of a removal's list.
var removalHeading = []string{"REPOSITORY", "TYPE", "PACKAGES", "PUBLICATIONS", "DISTRIBUTION", "REMOTE", "NOTE"}

// printRemoval prints what a removal would remove, or was to remove, as its first stage tells; nothing of other tasks.
func printRemoval(c *clientCommand, task client.TaskDetail) error {
	for _, stage := range task.Stages {
		list, ok := stage.Detail["repositories"].([]any)
		if !ok {
			continue
		}
		rows := make([][]string, 0, len(list))
		for _, one := range list {
			if item, ok := one.(map[string]any); ok {
				rows = append(rows, removalRow(item))
			}
		}
		c.printf("\n")
		if err := table(c.OutOrStdout(), removalHeading, rows); err != nil {
			return err
		}
	}
	return nil
}

func removalRow(item map[string]any) []string {
	text := func(key string) string { s, _ := item[key].(string); return s }
	number := func(key string) string { n, _ := item[key].(float64); return strconv.Itoa(int(n)) }
	names := func(key string) []string {
		var all []string
		list, _ := item[key].([]any)
		for _, one := range list {
			switch v := one.(type) {
			case string:
				all = append(all, v)
			case map[string]any:
				name, _ := v["name"].(string)
				all = append(all, name)
			}
		}
		return all
	}
	distribution, remotes := "-", strings.Join(names("remotes"), ", ")
	if d, ok := item["distribution"].(map[string]any); ok {
		distribution, _ = d["name"].(string)
	}
	var notes []string
	note := func(before string, of ...string) {
		if all := strings.Join(of, ", "); all != "" {
			notes = append(notes, before+all)
		}
	}
	note("mirrored by ", names("mirrored_by")...)
	note("also served by ", names("also_served_by")...)
	note("stays: ", names("stays")...)
	note("comes back from ", text("mirror_of"))
	if text("repository_href") == "" {
		notes = append(notes, "already gone but for these")
	}
	return []string{
		text("repository"), text("type"), number("packages"), number("publications"), distribution, dash(&remotes), strings.Join(notes, "; "),
	}
}
