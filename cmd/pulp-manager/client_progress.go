// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/pulp/pulp-manager/client"
)

// progress shows how far a task is: on a terminal as a block of lines that is drawn again,
// elsewhere as a line for each change.
type progress struct {
	out   io.Writer
	live  bool
	quiet bool // says nothing at all
	color bool
	size  func() (columns, rows int)

	stages map[int64]string // what was last told of each stage
	states map[int64]string // and of the task and its children

	mu    sync.Mutex
	drawn []int // how wide the lines of the block on the terminal are
	seen  view
}

// view is a task as it was last seen.
type view struct {
	task     client.TaskDetail
	children []client.Task
	running  map[int64]client.TaskStage // newest stages of running children, of those that are known
}

func newProgress(out io.Writer, live bool) *progress {
	return &progress{
		out: out, live: live, color: live && os.Getenv("NO_COLOR") == "", size: func() (int, int) { return terminalSize(out) },
		stages: map[int64]string{}, states: map[int64]string{},
	}
}

// rows gives how many running children can be shown.
func (p *progress) rows() int {
	if !p.live || p.quiet {
		return 0
	}
	_, rows := p.size()
	return max(rows-headRows, 0)
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

// animate draws again what is drawn, so that times go on and a terminal of another size is filled, until stop is called.
func (p *progress) animate(ctx context.Context) (stop func()) {
	if !p.live || p.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second / 2)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				p.again(now)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// again draws the block of what was last seen.
func (p *progress) again(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.drawn) > 0 {
		p.redraw(nil, p.block(p.seen, now))
	}
}

// update shows a new state of the task.
func (p *progress) update(task client.TaskDetail, children []client.Task, running map[int64]client.TaskStage, now time.Time) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = view{task, children, running}
	news := p.news(task, children, now)
	if !p.live {
		p.write(strings.Join(append(news, ""), "\n"))
		return
	}
	var lines []string
	if !task.Final() {
		lines = p.block(p.seen, now)
	}
	p.redraw(news, lines)
}

// redraw puts lines that stay, and a block, in place of the block that is drawn.
func (p *progress) redraw(news, block []string) {
	columns, _ := p.size()
	up := 0
	for _, width := range p.drawn { // in a terminal that is narrower by now they have been wrapped
		up += max((width+columns-1)/max(columns, 1), 1)
	}
	var text strings.Builder
	if up > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\x1b[J", up)
	}
	p.drawn = nil
	for _, line := range news {
		text.WriteString(line + "\n")
	}
	for _, line := range block {
		p.drawn = append(p.drawn, utf8.RuneCountInString(line))
		text.WriteString(p.paint(line) + "\n")
	}
	p.write(text.String())
}

func (p *progress) write(text string) { _, _ = io.WriteString(p.out, text) }

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
