// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pulp/pulp-manager/client"
)

// scheduleID reads an argument that is the id of a schedule.
func scheduleID(c *clientCommand, arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return 0, usageFault(c.Command, "%q is not the id of a schedule; `pulp-manager schedules` lists them", arg)
	}
	return id, nil
}

// scheduleIDs gives the ids of all schedules with what they are, for the shell.
func scheduleIDs(ctx context.Context, api *client.Client, _ []string) ([]cobra.Completion, error) {
	schedules, err := client.All(ctx, api.Schedules, nil)
	var ids []cobra.Completion
	for _, s := range schedules {
		ids = append(ids, cobra.CompletionWithDesc(strconv.FormatInt(s.ID, 10), clean(strings.TrimSpace(s.ServerName+" "+optionalText(s.GroupName)))))
	}
	return ids, err
}

func optionalText(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// showScheduleCommand shows one schedule with its next runs.
func showScheduleCommand() *cobra.Command {
	cmd := verb("show", "Show a schedule and its next runs", []string{"SCHEDULE"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := scheduleID(c, args[0])
		if err != nil {
			return err
		}
		s, err := c.api.Schedule(ctx, id)
		if err != nil {
			return err
		}
		if c.machine() {
			return c.show(s)
		}
		for _, line := range [][2]string{
			{"server", s.ServerName},
			{"group", dash(s.GroupName)},
			{"type", s.TaskType},
			{"cron", s.Cron},
			{"jitter", (time.Duration(s.Jitter) * time.Second).String()},
			{"overlap", s.Overlap},
			{"missed", s.Missed},
			{"blackouts", dashed(strings.Join(s.Blackouts, ", "))},
			{"last", instant(s.LastRun)},
			{"last due", instant(s.LastDue)},
			{"outcome", dash(s.LastOutcome)},
			{"task", idOf(s.LastTaskID)},
			{"waiting", idOf(s.WaitingTask)},
			{"paused", pauseOf(s.Schedule)},
		} {
			c.printf("%-10s %s\n", line[0], clean(line[1]))
		}
		if len(s.Planned) == 0 {
			return nil
		}
		rows := make([][]string, 0, len(s.Planned))
		for _, p := range s.Planned {
			run := "left out"
			if p.Run != nil {
				run = instant(p.Run)
			}
			rows = append(rows, []string{instant(&p.Due), run, dash(p.Blackout)})
		}
		c.printf("\n")
		return table(c.OutOrStdout(), []string{"DUE", "RUNS", "BLACKOUT"}, rows)
	})
	cmd.Example = "  pulp-manager schedules show 3"
	return cmd
}

// idOf shows an id, or that there is none.
func idOf(n *int64) string { return id(n) }

func dashed(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// pauseOf tells of a pause in one line.
func pauseOf(s client.Schedule) string {
	if !s.Paused {
		return "-"
	}
	until := "until it is resumed"
	if s.PausedUntil != nil {
		until = "until " + instant(s.PausedUntil)
	}
	by := ""
	if s.PausedBy != nil {
		by = " by " + *s.PausedBy
	}
	return fmt.Sprintf("since %s%s, %s: %s", instant(s.PausedAt), by, until, optionalText(s.PauseReason))
}

// runScheduleCommand queues a schedule's task now.
func runScheduleCommand() *cobra.Command {
	var w waiting
	cmd := verb("run", "Run a schedule now", []string{"SCHEDULE"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := scheduleID(c, args[0])
		if err != nil {
			return err
		}
		task, err := c.api.RunSchedule(ctx, id)
		if err != nil {
			return err
		}
		return w.queued(ctx, c, task)
	})
	cmd.Long = "Queue a schedule's task now, also where it is paused or in a blackout. Its next run stays."
	cmd.Flags().BoolVar(&w.wait, "wait", false, "wait until the task is over, showing progress (default: on a terminal)")
	w.addTimeout(cmd)
	cmd.Example = "  pulp-manager schedules run 3 --wait"
	return cmd
}

// pauseScheduleCommand keeps a schedule from running.
func pauseScheduleCommand() *cobra.Command {
	var reason, until string
	cmd := verb("pause", "Keep a schedule from running", []string{"SCHEDULE"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := scheduleID(c, args[0])
		if err != nil {
			return err
		}
		if strings.TrimSpace(reason) == "" {
			return usageFault(c.Command, "--reason is missing")
		}
		s, err := c.api.PauseSchedule(ctx, id, reason, until)
		return paused(c, s, err)
	})
	cmd.Long = "Keep a schedule from running, also over a new configuration. Runs that are due meanwhile are not made up for."
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever finds it paused (needed)")
	cmd.Flags().StringVar(&until, "until", "", "date when it goes on by itself, in UTC unless a zone is given (default: when it is resumed)")
	cmd.Example = `  pulp-manager schedules pause 3 --reason moving-pulp1
  pulp-manager schedules pause 3 --reason release-freeze --until 2027-01-03`
	return cmd
}

// resumeScheduleCommand ends a pause.
func resumeScheduleCommand() *cobra.Command {
	cmd := verb("resume", "Let a paused schedule run again", []string{"SCHEDULE"}, func(ctx context.Context, c *clientCommand, args []string) error {
		id, err := scheduleID(c, args[0])
		if err != nil {
			return err
		}
		s, err := c.api.ResumeSchedule(ctx, id)
		return paused(c, s, err)
	})
	cmd.Example = "  pulp-manager schedules resume 3"
	return cmd
}

// paused tells what became of a schedule.
func paused(c *clientCommand, s client.Schedule, err error) error {
	switch {
	case err != nil:
		return err
	case c.machine():
		return c.show(s)
	case c.quiet:
	case s.Paused:
		c.printf("schedule %d is paused %s\n", s.ID, clean(pauseOf(s)))
	default:
		c.printf("schedule %d runs next at %s\n", s.ID, instant(s.NextRun))
	}
	return nil
}
