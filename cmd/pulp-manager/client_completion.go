// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// completionTime is how long a shell waits for the daemon's answer.
const completionTime = 2 * time.Second

// completionCommand writes the script by which a shell completes commands.
func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	cmd := &cobra.Command{
		Use: "completion bash|zsh|fish", Short: "Write the script by which a shell completes commands",
		Long: "Write the script by which a shell completes commands, flags, and the names of servers, repositories, tasks, types and states. These are asked " +
			"of the daemon; where it does not answer, nothing is completed. bash needs its package bash-completion.",
		Example: `  source <(pulp-manager completion bash)
  pulp-manager completion zsh >"${fpath[1]}/_pulp-manager"
  pulp-manager completion fish >~/.config/fish/completions/pulp-manager.fish`,
		ValidArgs: shells, DisableFlagsInUseLine: true,
	}
	cmd.Args = func(cmd *cobra.Command, given []string) error { return checkArgs(cmd, []string{"SHELL"}, given) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root, out := cmd.Root(), cmd.OutOrStdout()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(out, true)
		case "zsh":
			return root.GenZshCompletion(out)
		case "fish":
			return root.GenFishCompletion(out, true)
		}
		return usageFault(cmd, "%q is not bash, zsh or fish", args[0])
	}
	return cmd
}

// completer gives what a word may be, by the words before it. An error means that nothing is known.
type completer func(ctx context.Context, api *client.Client, args []string) ([]cobra.Completion, error)

// completeArguments completes the arguments of a verb by their names.
func completeArguments(names []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(names) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		switch strings.Trim(names[len(args)], "[]") {
		case "SERVER", "NAME":
			return complete(cmd, args, serverNames)
		case "REPO":
			return complete(cmd, args, repositoryNames)
		case "SCHEDULE":
			return complete(cmd, args, scheduleIDs)
		case "ID":
			if cmd.Name() == "cancel" {
				return complete(cmd, args, unfinishedIDs)
			}
			return complete(cmd, args, taskIDs)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag completes the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, values completer) {
	if cmd.Flags().Lookup(flag) == nil {
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(cmd, args, values)
	})
}

// complete asks the daemon, briefly. Where it does not answer, or wants a login, nothing is completed and nothing said.
func complete(cmd *cobra.Command, args []string, values completer) ([]cobra.Completion, cobra.ShellCompDirective) {
	const none = cobra.ShellCompDirectiveNoFileComp
	address, _ := cmd.Flags().GetString("url")
	api, err := newAPI(address, client.WithHTTPClient(&http.Client{Timeout: completionTime}))
	if err != nil {
		return nil, none
	}
	defer api.Close()
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	found, err := values(ctx, api, args)
	if err != nil {
		return nil, none
	}
	return found, none | cobra.ShellCompDirectiveKeepOrder
}

func serverNames(ctx context.Context, api *client.Client, _ []string) ([]cobra.Completion, error) {
	servers, err := client.All(ctx, api.Servers, url.Values{"sort_by": {"name"}})
	var names []cobra.Completion
	for _, s := range servers {
		names = append(names, clean(s.Name))
	}
	return names, err
}

// repositoryNames gives those of the server that is named before, as many as anybody reads.
func repositoryNames(ctx context.Context, api *client.Client, args []string) ([]cobra.Completion, error) {
	servers, err := api.Servers(ctx, url.Values{"name": {args[0]}})
	if err != nil || len(servers.Items) == 0 {
		return nil, err
	}
	page, err := api.Repositories(ctx, servers.Items[0].ID, url.Values{"sort_by": {"name"}})
	var names []cobra.Completion
	for _, r := range page.Items {
		names = append(names, clean(r.Name))
	}
	return names, err
}

func taskIDs(ctx context.Context, api *client.Client, _ []string) ([]cobra.Completion, error) {
	return newestIDs(ctx, api, url.Values{"parent_task_id": {"0"}})
}

// unfinishedIDs gives those of tasks that can be cancelled.
func unfinishedIDs(ctx context.Context, api *client.Client, _ []string) ([]cobra.Completion, error) {
	return newestIDs(ctx, api, url.Values{"parent_task_id": {"0"}, "state__in": {client.StateQueued + "," + client.StateRunning}})
}

func newestIDs(ctx context.Context, api *client.Client, query url.Values) ([]cobra.Completion, error) {
	for name, value := range map[string]string{"sort_by": "id", "order_by": "desc", "page_size": "20"} {
		query.Set(name, value)
	}
	page, err := api.Tasks(ctx, query)
	var ids []cobra.Completion
	for _, t := range page.Items {
		ids = append(ids, cobra.CompletionWithDesc(strconv.FormatInt(t.ID, 10), fmt.Sprintf("%s: %s", t.State, clean(t.Name))))
	}
	return ids, err
}

// healths, taskTypes, taskStates and repositoryTypes are the same on every daemon of this version: nobody is asked.
func healths(context.Context, *client.Client, []string) ([]cobra.Completion, error) {
	return texts(fleet.Healths), nil
}

func taskTypes(context.Context, *client.Client, []string) ([]cobra.Completion, error) {
	return texts(fleet.Kinds), nil
}

func taskStates(context.Context, *client.Client, []string) ([]cobra.Completion, error) {
	return texts(fleet.TaskStates), nil
}

func repositoryTypes(context.Context, *client.Client, []string) ([]cobra.Completion, error) {
	return texts(content.Catalog{}.Known()), nil
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
