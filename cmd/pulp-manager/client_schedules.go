// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// schedulesCommand lists the schedules of a server, or of all.
func schedulesCommand() *cobra.Command {
	cmd := verb("schedules", "List what is run again and again, and when next", []string{"[SERVER]"}, func(ctx context.Context, c *clientCommand, args []string) error {
		query := filters()
		if len(args) > 0 {
			server, err := findServer(ctx, c, args[0])
			if err != nil {
				return err
			}
			query.Set("pulp_server_id", strconv.FormatInt(server.ID, 10))
		}
		schedules, err := client.All(ctx, c.api.Schedules, query)
		if err != nil || c.machine() {
			return printed(c, schedules, notServed(err, "schedules"))
		}
		var rows [][]string
		for _, s := range schedules {
			rows = append(rows, []string{
				strconv.FormatInt(s.ID, 10), s.ServerName, dash(s.GroupName), s.TaskType, s.Cron, nextOf(s), instant(s.LastRun), dash(s.LastOutcome), id(s.LastTaskID), dash(s.MaxRuntime),
			})
		}
		return table(c.OutOrStdout(), []string{"ID", "SERVER", "GROUP", "TYPE", "CRON", "NEXT", "LAST", "OUTCOME", "TASK", "MAX RUNTIME"}, rows)
	})
	cmd.Example = `  pulp-manager schedules
  pulp-manager schedules pulp1.example.com`
	cmd.AddCommand(showScheduleCommand(), runScheduleCommand(), pauseScheduleCommand(), resumeScheduleCommand())
	return cmd
}

// nextOf shows when a schedule runs next, or that it is paused.
func nextOf(s client.Schedule) string {
	switch {
	case s.Paused && s.PausedUntil == nil:
		return "paused"
	case s.Paused:
		return instant(s.NextRun) + " (paused)"
	}
	return instant(s.NextRun)
}

// notServed says of an error that the daemon does not have a list at all, where that is so.
func notServed(err error, what string) error {
	var e *client.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return fault.Wrap(fault.NotFound, err, "this daemon has no list of %s", what).WithHint("it is older than this command, or something in front of it does not let /v1/%s/ through", what)
	}
	return err
}

// instant shows a moment, or that there is none.
func instant(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return when(client.Time{Time: *t})
}

// id shows an id, or that there is none.
func id(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
