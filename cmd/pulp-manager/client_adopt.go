// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulp/pulp-manager/client"
)

// count shows a number that may not be known.
func count(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

// differs shows whether a repository is as we set it and as it is wanted.
func differs(r client.Repository) string {
	if len(r.Drift) == 0 {
		return "-"
	}
	return strconv.Itoa(len(r.Drift))
}

// printDrift tells what is not as we set it, or as it is wanted, below a list of repositories.
func printDrift(c *clientCommand, repositories []client.Repository) {
	for _, r := range repositories {
		for i, text := range r.Drift {
			if i == 0 {
				c.printf("\n%s, since %s:\n", clean(r.Name), when(r.DriftDate))
			}
			c.printf("  %s\n", clean(text))
		}
	}
}

// shownLists are the parts of a stage's detail that are lists for people to read, and what they are about.
var shownLists = []struct{ key, heading string }{
	{"overwritten", "changed by somebody else, and set again"},
	{"changes", "changed"},
	{"waiting", "waits to be adopted"},
	{"accepted", "accepted: what registration or mirroring will change"},
	{"without_definition", "in no definition any more"},
	{"gone_from_source", "gone from the source"},
	{"removed", "removed"},
}

// listed tells an element of a list in one line: of a unit its name, version, architecture and hash, as far as it
// has them.
func listed(element any) string {
	unit, _ := element.(map[string]any)
	var words []string
	for _, field := range []string{"name", "version", "architecture", "sha256"} {
		if text, _ := unit[field].(string); text != "" {
			words = append(words, text)
		}
	}
	if len(words) == 0 {
		return fmt.Sprint(element)
	}
	return strings.Join(words, " ")
}

// printLists tells the lists in the details of a task's stages.
func printLists(c *clientCommand, stages []client.TaskStage) {
	for _, stage := range stages {
		for _, list := range shownLists {
			lines, _ := stage.Detail[list.key].([]any)
			if len(lines) == 0 {
				continue
			}
			c.printf("\n%s: %s\n", clean(stage.Name), list.heading)
			for _, line := range lines {
				c.printf("  %s\n", clean(listed(line)))
			}
		}
	}
}
