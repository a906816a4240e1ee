// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job"
)

// askCommand asks for a job on a server, or on a repository. Its flags are the fields of the request.
func askCommand(definition job.Definition) *cobra.Command {
	ask := *definition.Ask
	var fields *bodyFlags
	var wait bool
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
		if wait || (!c.Flags().Changed("wait") && isTerminal(c.OutOrStdout())) {
			return follow(ctx, c, task.ID)
		}
		if c.json {
			return printJSON(c.OutOrStdout(), task)
		}
		c.printf("task %d queued: %s\nfollow it with: %s tasks %d --watch\n", task.ID, clean(task.Name), c.Root().Name(), task.ID)
		return nil
	})
	cmd.Long = strings.TrimSpace(ask.Summary + ".\n\n" + definition.Summary)
	if len(definition.Stages) > 0 {
		cmd.Long += "\n\nStages: " + strings.Join(definition.Stages, ", ") + "."
	}
	fields = addBodyFlags(cmd.Flags(), ask.Body, ask.Argument)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the task is over, showing progress (default: on a terminal)")
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

// follow shows a task's progress until it is over. The error says that it did not end well.
func follow(ctx context.Context, c *clientCommand, id int64) error {
	var last []client.Task
	shown := newProgress(c.OutOrStdout(), isTerminal(c.OutOrStdout()))
	task, err := c.api.WaitTask(ctx, id, func(task client.TaskDetail, children []client.Task) {
		last = children
		if !c.json {
			shown.update(task, children, time.Now())
		}
	})
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return fault.Wrap(fault.Internal, err, "no longer waiting; task %d goes on", id).
				WithHint("follow it with `%s tasks %d --watch`, stop it with `%s cancel %d`", c.Root().Name(), id, c.Root().Name(), id)
		}
		return err
	}
	if c.json {
		err = printJSON(c.OutOrStdout(), task)
	} else {
		err = printRemoval(c, task)
	}
	if err != nil {
		return err
	}
	return verdict(task, last)
}

// verdict is nil for a task that ended well, and otherwise says why it did not.
func verdict(task client.TaskDetail, children []client.Task) error {
	if task.Good() {
		return nil
	}
	text := task.Error.Msg
	for _, stage := range task.Stages {
		if text == "" {
			text = stage.Error.Msg
		}
	}
	message := clean(strings.TrimSuffix("task "+task.Name+" is "+task.State+": "+text, ": "))
	for _, child := range children {
		if child.Final() && !child.Good() {
			message += "\n  " + clean(child.State+": "+child.Name+": "+reason(child.Error))
		}
	}
	return fault.New(fault.Internal, "%s", message).WithHint("%s", clean(task.Error.Detail))
}

// isTerminal tells whether a person looks at the output.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
