// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// tasksCommand lists tasks, or shows or follows one.
func tasksCommand() *cobra.Command {
	var state, kind, name, parent, server string
	var watch, all bool
	var limit int
	var w waiting
	cmd := verb("tasks", "List tasks, or show one", []string{"[ID]"}, func(ctx context.Context, c *clientCommand, args []string) error {
		if len(args) == 0 {
			if parent == "" && !all {
				parent = "0"
			}
			query := filters("state", state, "task_type", kind, "name__match", name, "parent_task_id", parent)
			if err := narrow(ctx, c, limit, server, query); err != nil {
				return err
			}
			if watch {
				return watchTasks(ctx, c, query, w.timeout)
			}
			return listTasks(ctx, c, query)
		}
		id, err := taskID(c, args[0])
		if err != nil {
			return err
		}
		if watch || w.timeout > 0 {
			return follow(ctx, c, id, w.timeout)
		}
		return showTask(ctx, c, id)
	})
	cmd.Flags().BoolVar(&watch, "watch", false, "follow the task until it is over; without an id, the list until Ctrl-C")
	w.addTimeout(cmd)
	cmd.Flags().StringVar(&state, "state", "", "only tasks in this state")
	cmd.Flags().StringVar(&kind, "type", "", "only tasks of this type")
	cmd.Flags().StringVar(&name, "name", "", "only tasks whose name this pattern finds")
	cmd.Flags().StringVar(&server, "server", "", "only tasks about this server")
	cmd.Flags().StringVar(&parent, "parent", "", "only parts of the task with this id")
	cmd.Flags().BoolVar(&all, "all", false, "also tasks that are part of another one")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many to list, newest first")
	cmd.Example = `  pulp-manager tasks --state failed --limit 5
  pulp-manager tasks --watch --state running
  pulp-manager tasks 12 --watch --timeout 30m
  pulp-manager tasks 12 -o json`
	cmd.AddCommand(retryCommand(), taskLogCommand())
	completeFlag(cmd, "state", taskStates)
	completeFlag(cmd, "type", taskTypes)
	completeFlag(cmd, "server", serverNames)
	completeFlag(cmd, "parent", taskIDs)
	return cmd
}

// narrow makes a query give the newest tasks, of a server if one is given.
func narrow(ctx context.Context, c *clientCommand, limit int, server string, query url.Values) error {
	if limit < 1 {
		return usageFault(c.Command, "--limit must be 1 or more, not %d", limit)
	}
	if server != "" {
		found, err := findServer(ctx, c, server)
		if err != nil {
			return err
		}
		query.Set("pulp_server_id", strconv.FormatInt(found.ID, 10))
	}
	query.Set("page_size", strconv.Itoa(limit))
	query.Set("sort_by", "id")
	query.Set("order_by", "desc")
	return nil
}

// listTasks lists the tasks that the query keeps.
func listTasks(ctx context.Context, c *clientCommand, query url.Values) error {
	page, err := c.api.Tasks(ctx, query)
	if err != nil || c.machine() {
		return printed(c, page.Items, err)
	}
	if err := table(c.OutOrStdout(), taskHeading, taskRows(page.Items)); err != nil {
		return err
	}
	printMore(c, page.Total, len(page.Items))
	return nil
}

// showTask shows one task with its stages and its children.
func showTask(ctx context.Context, c *clientCommand, id int64) error {
	task, err := c.api.Task(ctx, id)
	if err != nil {
		return err
	}
	if c.machine() {
		return c.show(task)
	}
	children, err := c.api.Children(ctx, id)
	if err != nil {
		return err
	}
	if err := table(c.OutOrStdout(), taskHeading, taskRows([]client.Task{task.Task})); err != nil {
		return err
	}
	if task.Error.Msg != "" {
		c.printf("\n%s\n", reason(task.Error))
	}
	printNotes(c, task.Task)
	if len(task.Stages) > 0 {
		c.printf("\n")
		rows := make([][]string, 0, len(task.Stages))
		for _, s := range task.Stages {
			text := s.Msg()
			if s.Error.Msg != "" {
				text = reason(s.Error)
			}
			rows = append(rows, []string{s.Name, text})
		}
		if err := table(c.OutOrStdout(), []string{"STAGE", "PROGRESS"}, rows); err != nil {
			return err
		}
	}
	if err := printPlan(c, task); err != nil {
		return err
	}
	printLists(c, task.Stages)
	if len(children) == 0 {
		return nil
	}
	c.printf("\n")
	return table(c.OutOrStdout(), append(taskHeading[:len(taskHeading):len(taskHeading)], "WHY"), childRows(children))
}

var taskHeading = []string{"ID", "PARENT", "STATE", "TYPE", "NAME", "QUEUED", "TOOK"}

// taskRows are tasks as rows under taskHeading.
func taskRows(tasks []client.Task) [][]string {
	rows, now := make([][]string, 0, len(tasks)), time.Now()
	for _, t := range tasks {
		rows = append(rows, []string{strconv.FormatInt(t.ID, 10), dash(t.ParentID), t.State, t.Type, t.Name, when(t.DateQueued), took(t, now)})
	}
	return rows
}

// childRows are taskRows with the reason of each that failed, and what is noted of others.
func childRows(tasks []client.Task) [][]string {
	rows := taskRows(tasks)
	for i, t := range tasks {
		why := reason(t.Error)
		if notes := taskNotes(t); why == "" {
			why = strings.Join(notes, "; ")
		}
		rows[i] = append(rows[i], why)
	}
	return rows
}

// printNotes tells what is noted of a task beside its state.
func printNotes(c *clientCommand, t client.Task) {
	if notes := taskNotes(t); len(notes) > 0 {
		c.printf("\n%s\n", strings.Join(notes, "\n"))
	}
}

// taskNotes are what is noted of a task beside its state, as people read it.
func taskNotes(t client.Task) []string {
	var notes []string
	if t.RetryOf != nil && t.DoneIn == nil {
		notes = append(notes, fmt.Sprintf("tries task %d again", *t.RetryOf))
	}
	if t.DoneIn != nil {
		notes = append(notes, fmt.Sprintf("done in task %d", *t.DoneIn))
	}
	if !t.NextAttempt.IsZero() {
		notes = append(notes, clean(fmt.Sprintf("attempt %d at %s: %s", t.Attempt, t.NextAttempt.UTC().Format(time.RFC3339), dash(t.RetryReason))))
	} else if t.Attempt > 1 && t.RetryReason != nil {
		notes = append(notes, clean(fmt.Sprintf("attempt %d; the one before ended: %s", t.Attempt, *t.RetryReason)))
	}
	if t.WaitingFor != nil {
		notes = append(notes, clean("waiting: "+*t.WaitingFor))
	}
	if !t.CancelRequested.IsZero() && t.CancelConfirmed.IsZero() {
		notes = append(notes, "canceled; what Pulp does for it is not known to be over yet")
	}
	return notes
}

// reason is an error in one line.
func reason(e client.TaskError) string {
	if e.Detail == "" {
		return clean(e.Msg)
	}
	return clean(e.Msg + " (" + e.Detail + ")")
}
