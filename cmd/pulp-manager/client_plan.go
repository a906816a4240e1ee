// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/pulp/pulp-manager/client"
)

// printPlan prints what a task plans, a row for each repository with what changes below it; nothing of a task that
// plans nothing.
func printPlan(c *clientCommand, task client.TaskDetail) error {
	steps, ok := task.Plan()
	if !ok {
		return nil
	}
	rows := make([][]string, 0, len(steps))
	for _, s := range steps {
		rows = append(rows, []string{strings.ReplaceAll(s.Action, "_", " "), orDash(s.Repository), orDash(s.Type), orDash(s.From), s.Why})
	}
	var text bytes.Buffer
	if err := table(&text, []string{"ACTION", "REPOSITORY", "TYPE", "FROM", "WHY"}, rows); err != nil {
		return err
	}
	c.printf("\n")
	for i, line := range strings.Split(strings.TrimRight(text.String(), "\n"), "\n") {
		c.printf("%s\n", strings.TrimRight(line, " "))
		if i == 0 {
			continue
		}
		for _, detail := range planDetails(steps[i-1]) {
			c.printf("    %s\n", clean(detail))
		}
	}
	if task.DryRun() && !c.quiet {
		c.printf("\ndry run: nothing was changed\n")
	}
	return nil
}

// planDetails are the lines below a step.
func planDetails(s client.PlanStep) []string {
	var lines []string
	for _, change := range s.Changes {
		lines = append(lines, changeLine(change))
	}
	if len(s.Options) > 0 {
		if text, err := json.Marshal(s.Options); err == nil {
			lines = append(lines, "options: "+string(text))
		}
	}
	return append(lines, s.Notes...)
}

// changeLine tells one field of one part.
func changeLine(change client.PlanChange) string {
	by := ""
	if change.ByHand {
		by = " (changed by somebody else)"
	}
	what := strings.TrimSpace(change.Part + " " + change.Field)
	switch {
	case change.Field == "":
		return what + " " + change.Before + ": " + change.After
	case change.Before == "" || change.Before == "none":
		return what + ": " + change.After + by
	}
	return what + ": " + change.Before + " → " + change.After + by
}

func orDash(text string) string { return dash(&text) }
