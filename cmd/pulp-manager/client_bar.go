// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pulp/pulp-manager/client"
)

// headRows are the rows of a terminal that running children do not get: the task, the bar over all, how many more run,
// and the cursor's.
const headRows = 4

// Widths, in columns.
const (
	barless   = 40 // of terminals in which there is no room for bars
	widestBar = 30
)

// block are the lines that are drawn again: the task, its children by state, and those that run.
func (p *progress) block(v view, now time.Time) []string {
	columns, rows := p.size()
	head := fmt.Sprintf("task %d %s %s", v.task.ID, v.task.State, took(v.task.Task, now))
	var newest client.TaskStage
	if n := len(v.task.Stages); n > 0 {
		newest = v.task.Stages[n-1]
		head += "  " + stageText(newest)
	}
	lines := []string{head}
	if len(v.children) > 0 {
		over := 0
		for _, child := range v.children {
			if child.Final() {
				over++
			}
		}
		lines = append(lines, strings.TrimSpace(bar(over, len(v.children), columns)+fmt.Sprintf(" %d/%d  %s", over, len(v.children), tally(v.children))))
	} else if done, total, text := stageProgress(newest); text != "" {
		lines = append(lines, strings.TrimSpace(bar(done, total, columns)+" "+text))
	}
	lines = append(lines, childLines(v, now, columns, max(rows-headRows, 0))...)
	for i, line := range lines {
		lines[i] = cut(clean(line), columns-1)
	}
	return lines
}

// childLines tells how far running children are, of as many as there are rows for.
func childLines(v view, now time.Time, columns, rows int) []string {
	var running []client.Task
	widest := 0
	for _, child := range v.children {
		if child.State != client.StateRunning {
			continue
		}
		if running = append(running, child); len(running) <= rows {
			widest = max(widest, utf8.RuneCountInString(subject(child)))
		}
	}
	widest = min(widest, max(columns/3, 8))
	var lines []string
	for _, child := range running[:min(len(running), rows)] {
		stage := v.running[child.ID]
		done, total, text := stageProgress(stage)
		if text == "" {
			text = stageText(stage)
		}
		name := cut(subject(child), widest)
		lines = append(lines, fmt.Sprintf("  %7s  %s%s  %s", took(child, now), name, strings.Repeat(" ", max(widest-utf8.RuneCountInString(name), 0)),
			strings.TrimSpace(bar(done, total, columns)+" "+text)))
		lines[len(lines)-1] = strings.TrimRight(lines[len(lines)-1], " ")
	}
	if more := len(running) - rows; more > 0 && rows > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more running", more))
	}
	return lines
}

// subject gives what a child is about: the last word of its name, which is the repository's.
func subject(child client.Task) string {
	name := strings.TrimSpace(clean(child.Name))
	return name[strings.LastIndex(name, " ")+1:]
}

// stageProgress gives how far the Pulp task of a stage is; no text: that is not known. Total 0 is not known, too.
func stageProgress(s client.TaskStage) (done, total int, text string) {
	text, _ = s.Detail["progress"].(string)
	n, _ := s.Detail["progress_done"].(float64)
	of, _ := s.Detail["progress_total"].(float64)
	return int(n), int(of), text
}

// bar draws how much of something is done; as a number where there is no room; empty where it is not known how much
// there is.
func bar(done, total, columns int) string {
	if total <= 0 {
		return ""
	}
	done = min(max(done, 0), total)
	if columns < barless {
		return fmt.Sprintf("%d%%", done*100/total)
	}
	width := min(columns/4, widestBar)
	full := done * width / total
	return "[" + strings.Repeat("█", full) + strings.Repeat("░", width-full) + "]"
}

var (
	failures = regexp.MustCompile(`\d+ (failed_to_start|failed|canceled)`)
	filled   = regexp.MustCompile(`█+`)
)

// paint colours a line, on a terminal that may be coloured.
func (p *progress) paint(line string) string {
	if !p.color {
		return line
	}
	line = filled.ReplaceAllString(line, "\x1b[32m$0\x1b[0m")
	return failures.ReplaceAllString(line, "\x1b[31m$0\x1b[0m")
}
