// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/pulp/pulp-manager/client"
)

// progress shows how far a task is: on a terminal as a block of lines that is drawn again,
// elsewhere as a line for each change.
type progress struct {
	out    io.Writer
	live   bool
	size   func() (columns, rows int)
	drawn  int              // lines of the block on the terminal
	stages map[int64]string // what was last told of each stage
	states map[int64]string // and of the task and its children
}

func newProgress(out io.Writer, live bool) *progress {
	return &progress{out: out, live: live, size: func() (int, int) { return terminalSize(out) }, stages: map[int64]string{}, states: map[int64]string{}}
}

// terminalSize gives the size of the terminal, or a usual one.
func terminalSize(out io.Writer) (int, int) {
	if file, ok := out.(*os.File); ok {
		if columns, rows, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 && rows > 0 {
			return columns, rows
		}
	}
	return 80, 24
}

// update shows a new state of the task.
func (p *progress) update(task client.TaskDetail, children []client.Task, now time.Time) {
	var text strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\x1b[J", p.drawn)
		p.drawn = 0
	}
	for _, line := range p.news(task, children, now) {
		text.WriteString(line + "\n")
	}
	if p.live && !task.Final() {
		lines := p.block(task, children, now)
		p.drawn = len(lines)
		text.WriteString(strings.Join(lines, "\n") + "\n")
	}
	_, _ = io.WriteString(p.out, text.String())
}

// news are the lines that stay: all changes, or on a terminal only what went wrong and the end.
func (p *progress) news(task client.TaskDetail, children []client.Task, now time.Time) []string {
	var lines []string
	for _, s := range task.Stages {
		text := fmt.Sprintf("task %d: %s", task.ID, stageText(s))
		if p.stages[s.ID] != text && !p.live {
			lines = append(lines, clean(text))
		}
		p.stages[s.ID] = text
	}
	for _, child := range children {
		if changed := p.states[child.ID] != child.State; changed && (!p.live || (child.Final() && !child.Good())) && child.State != client.StateQueued {
			lines = append(lines, stateLine(child, now))
		}
		p.states[child.ID] = child.State
	}
	if p.states[task.ID] != task.State && (!p.live || task.Final()) {
		line := stateLine(task.Task, now)
		if len(children) > 0 && task.Final() {
			line += "; " + tally(children)
		}
		if task.Final() {
			lines = append(lines, line)
		} else {
			lines = append([]string{line}, lines...)
		}
	}
	p.states[task.ID] = task.State
	return lines
}

// stateLine tells a task's state.
func stateLine(t client.Task, now time.Time) string {
	line := fmt.Sprintf("task %d: %s: %s", t.ID, t.State, t.Name)
	if t.Final() && !t.DateStarted.IsZero() {
		line += " (" + took(t, now) + ")"
	}
	if t.Error.Msg != "" {
		line += ": " + reason(t.Error)
	}
	return clean(line)
}

// block are the lines that are drawn again: the task, its children by state, and those
// that run.
func (p *progress) block(task client.TaskDetail, children []client.Task, now time.Time) []string {
	columns, rows := p.size()
	head := fmt.Sprintf("task %d %s %s", task.ID, task.State, took(task.Task, now))
	if n := len(task.Stages); n > 0 {
		head += "  " + stageText(task.Stages[n-1])
	}
	lines := []string{head}
	if len(children) > 0 {
		lines = append(lines, "  "+tally(children))
	}
	left := max(rows-len(lines)-2, 0)
	for _, child := range children {
		if child.State == client.StateRunning && left > 0 {
			lines = append(lines, fmt.Sprintf("  %8s  %s", took(child, now), child.Name))
			left--
		}
	}
	for i, line := range lines {
		lines[i] = cut(clean(line), columns-1)
	}
	return lines
}

// stageText tells how far a stage is.
func stageText(s client.TaskStage) string {
	switch {
	case s.Error.Msg != "":
		return s.Name + ": " + reason(s.Error)
	case s.Msg() != "":
		return s.Name + ": " + s.Msg()
	}
	return s.Name
}

// tally counts children by state, in the order of a life.
func tally(children []client.Task) string {
	counts := map[string]int{}
	for _, child := range children {
		counts[child.State]++
	}
	var parts []string
	for _, state := range []string{
		client.StateCompleted, client.StateFailed, client.StateFailedToStart, client.StateCanceled, client.StateSkipped, client.StateRunning, client.StateQueued,
	} {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], state))
		}
	}
	return strings.Join(parts, ", ")
}

// cut shortens a line so that the terminal does not wrap it.
func cut(line string, columns int) string {
	if utf8.RuneCountInString(line) <= columns || columns < 1 {
		return line
	}
	return string([]rune(line)[:columns-1]) + "…"
}
