// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/job"
)

// askCommand asks for a job on a server, or on a repository. Its flags are the fields of the request.
func askCommand(definition job.Definition) *cobra.Command {
	ask := *definition.Ask
	var fields *bodyFlags
	var w waiting
	words := strings.Fields(ask.Verb)
	cmd := verb(words[len(words)-1], ask.Summary, askArguments(ask), func(ctx context.Context, c *clientCommand, args []string) error {
		body, err := fields.body()
		if err != nil {
			return err
		}
		if ask.Argument != "" {
			body[ask.Argument] = args[len(args)-1]
		}
		task, err := sendAsk(ctx, c, ask, args, body)
		if err != nil {
			return err
		}
		return w.queued(ctx, c, task)
	})
	cmd.Long = strings.TrimSpace(ask.Summary + ".\n\n" + definition.Summary)
	if len(definition.Stages) > 0 {
		cmd.Long += "\n\nStages: " + strings.Join(definition.Stages, ", ") + "."
	}
	fields = addBodyFlags(cmd.Flags(), ask.Body, ask.Argument)
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until the task is over, showing progress (default: on a terminal)")
	w.addTimeout(cmd)
	cmd.Example = askExamples[ask.Verb]
	completeFlag(cmd, "source-pulp-server-name", serverNames)
	return cmd
}

// askArguments are the names of the verb's arguments.
func askArguments(ask job.Ask) []string {
	names := []string{"SERVER"}
	if ask.OnRepository {
		names = append(names, "REPO")
	}
	if ask.Argument != "" {
		names = append(names, strings.ToUpper(ask.Argument))
	}
	return names
}

// sendAsk asks for the job on what the arguments name.
func sendAsk(ctx context.Context, c *clientCommand, ask job.Ask, args []string, body map[string]any) (client.Task, error) {
	if ask.OnRepository {
		server, repository, err := findRepository(ctx, c, args[0], args[1])
		if err != nil {
			return client.Task{}, err
		}
		return c.api.AskRepository(ctx, server, repository, ask.Path, body)
	}
	server, err := findServer(ctx, c, args[0])
	if err != nil {
		return client.Task{}, err
	}
	return c.api.Ask(ctx, server.ID, ask.Path, body)
}

// askExamples are examples of the verbs, by the verb.
var askExamples = map[string]string{
	"register": `  pulp-manager register pulp1.example.com --dry-run --wait    # what would change, field by field
  pulp-manager register pulp1.example.com --include ^ext- --wait`,
	"adopt": `  pulp-manager adopt pulp1.example.com --dry-run --wait
  pulp-manager adopt pulp1.example.com --include '^ext-nginx$'`,
	"sync": `  pulp-manager sync pulp1.example.com --wait
  pulp-manager sync pulp2.example.com --source pulp1.example.com --concurrency 4 --timeout 2h
  pulp-manager sync pulp2.example.com --source pulp1.example.com --dry-run -o json --wait`,
	"snapshot": `  pulp-manager snapshot pulp1.example.com --snapshot-prefix 2026-11 --wait
  pulp-manager snapshot pulp1.example.com --snapshot-prefix 2026-11 --allow-snapshot-reuse --dry-run`,
	"remove": `  pulp-manager remove pulp1.example.com --include ^snap-2025- --wait    # shows what would go
  pulp-manager remove pulp1.example.com --include ^snap-2025- --dry-run=false --confirm 12`,
	"content remove": `  pulp-manager content remove pulp1.example.com ext-nginx /pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/ --dry-run`,
}
