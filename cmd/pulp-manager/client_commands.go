// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job"
)

// clientCommands are the verbs that talk to a running daemon, only through its REST API.
// Each job that can be asked for has one.
func clientCommands(jobs []job.Definition) []*cobra.Command {
	commands := []*cobra.Command{
		serversCommand(), reposCommand(), groupsCommand(), tasksCommand(), cancelCommand(), schedulesCommand(), auditCommand(), databaseCommand(), processesCommand(), completionCommand(),
	}
	content := &cobra.Command{Use: "content", Short: "Find and remove packages", Args: noVerb, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	content.AddCommand(findContentCommand())
	groups := map[string]*cobra.Command{content.Name(): content}
	for _, definition := range jobs {
		if definition.Ask == nil {
			continue
		}
		if group, _, two := strings.Cut(definition.Ask.Verb, " "); two && groups[group] != nil {
			groups[group].AddCommand(askCommand(definition))
			continue
		}
		commands = append(commands, askCommand(definition))
	}
	return append(append(commands, content), loginCommands()...)
}

// clientCommand is a client verb while it runs.
type clientCommand struct {
	*cobra.Command
	outputFlags
	api *client.Client
	url string // of the daemon
}

// verb makes a client verb of what it does. The args are the names of its arguments, all
// needed unless in brackets.
func verb(use, short string, args []string, run func(ctx context.Context, c *clientCommand, args []string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: strings.TrimSpace(use + " " + strings.Join(args, " ")), Short: short,
		SilenceUsage: true, SilenceErrors: true,
	}
	var address string
	var output outputFlags
	cmd.Flags().StringVar(&address, "url", "", "address of the daemon (default: PULP_MANAGER_URL, or "+client.DefaultURL+")")
	output.add(cmd)
	cmd.ValidArgsFunction = completeArguments(args)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageFault(cmd, "%v", err) })
	cmd.Args = func(cmd *cobra.Command, given []string) error { return checkArgs(cmd, args, given) }
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		if err := output.check(cmd); err != nil {
			return err
		}
		api, err := newAPI(address)
		if err != nil {
			return clientFault(err)
		}
		defer api.Close()
		return clientFault(run(cmd.Context(), &clientCommand{Command: cmd, outputFlags: output, api: api, url: daemonURL(address)}, given))
	}
	return cmd
}

// noVerb refuses a word after a group of verbs that is none of them.
func noVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "there is no command %q", cmd.CommandPath()+" "+args[0]).WithHint("`%s --help` lists them", cmd.CommandPath())
}

// newAPI makes the client that all verbs use, with the token of the login there.
func newAPI(address string, options ...client.Option) (*client.Client, error) {
	url := daemonURL(address)
	token, err := tokenFor(url)
	if err != nil {
		return nil, err
	}
	return client.New(url, append(options, client.WithToken(token))...)
}

// daemonURL gives the daemon's address: as told, from the environment, or the default.
func daemonURL(flag string) string {
	for _, address := range []string{flag, os.Getenv("PULP_MANAGER_URL")} {
		if address != "" {
			return address
		}
	}
	return client.DefaultURL
}

// checkArgs checks how many arguments there are.
func checkArgs(cmd *cobra.Command, names, given []string) error {
	needed := 0
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			needed++
		}
	}
	switch {
	case len(given) < needed:
		return usageFault(cmd, "%s is missing", strings.Join(names[len(given):needed], ", "))
	case len(given) > len(names):
		return usageFault(cmd, "%q is one argument too many", given[len(names)])
	}
	return nil
}

// usageFault is about what was typed.
func usageFault(cmd *cobra.Command, format string, args ...any) error {
	return fault.New(fault.Invalid, format, args...).WithHint("usage: %s (more with --help)", cmd.UseLine())
}

// kindOfExit gives back the kind of error that has an exit code.
var kindOfExit = map[int]fault.Kind{
	client.ExitInvalid: fault.Invalid, client.ExitForbidden: fault.Forbidden, client.ExitNotFound: fault.NotFound,
	client.ExitConflict: fault.Conflict, client.ExitUnavailable: fault.Unavailable,
}

// clientFault gives errors of the API a kind, from which the exit code follows.
func clientFault(err error) error {
	var e *client.Error
	var classified *fault.Error
	if errors.As(err, &classified) || !errors.As(err, &e) {
		return err
	}
	f := fault.New(kindOfExit[client.ExitCode(err)], "%s", clean(e.Error()))
	f.Hint = clean(e.Hint)
	return f
}

// findServer gives the server that an argument names, by id or by name.
func findServer(ctx context.Context, c *clientCommand, arg string) (client.Server, error) {
	if id, err := strconv.ParseInt(arg, 10, 64); err == nil {
		return c.api.Server(ctx, id)
	}
	servers, err := client.All(ctx, c.api.Servers, nil)
	if err != nil {
		return client.Server{}, err
	}
	var names []string
	for _, server := range servers {
		if server.Name == arg {
			return server, nil
		}
		names = append(names, server.Name)
	}
	missing := fault.New(fault.NotFound, "there is no server %q", arg)
	if len(names) == 0 {
		return client.Server{}, missing.WithHint("the daemon's configuration has no servers yet")
	}
	return client.Server{}, missing.WithHint("the servers are: %s", clean(strings.Join(names, ", ")))
}

// taskID reads an argument that is the id of a task.
func taskID(c *clientCommand, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, usageFault(c.Command, "%q is not the id of a task", arg)
	}
	return id, nil
}

// printf writes to the command's output.
func (c *clientCommand) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.OutOrStdout(), format, args...)
}
