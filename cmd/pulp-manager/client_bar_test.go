// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

// running is a task with children of which so many are over, and so many run, each so far.
func running(over, run, queued int) view {
	v := view{
		task:    client.TaskDetail{Task: client.Task{ID: 1, State: client.StateRunning, DateStarted: client.Time{Time: noon}}},
		running: map[int64]client.TaskStage{},
	}
	for id := range over + run + queued {
		child := client.Task{ID: int64(id + 2), Name: fmt.Sprintf("pulp1.example.com repo sync ext-%d", id), State: client.StateQueued}
		if id < over+run {
			child.State, child.DateStarted = client.StateRunning, client.Time{Time: noon}
			v.running[child.ID] = client.TaskStage{Name: "sync repo", Detail: map[string]any{"progress": fmt.Sprintf("Artifacts %d/10", id), "progress_done": float64(id), "progress_total": 10.0}}
		}
		if id < over {
			child.State = client.StateCompleted
		}
		v.children = append(v.children, child)
	}
	return v
}

func at(columns, rows int) *progress {
	p := newProgress(&strings.Builder{}, true)
	p.size = func() (int, int) { return columns, rows }
	p.color = false
	return p
}

func TestBars(t *testing.T) {
	got := at(60, 24).block(running(2, 2, 4), noon.Add(5*time.Second))
	want := []string{
		"task 1 running 5s",
		"[███░░░░░░░░░░░░] 2/8  2 completed, 2 running, 4 queued",
		"       5s  ext-2  [███░░░░░░░░░░░░] Artifacts 2/10",
		"       5s  ext-3  [████░░░░░░░░░░░] Artifacts 3/10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("block (-want +got):\n%s", diff)
	}
	v := running(0, 1, 0)
	v.task.Stages, v.children = []client.TaskStage{v.running[2]}, nil
	if got := at(60, 24).block(v, noon); got[1] != "[░░░░░░░░░░░░░░░] Artifacts 0/10" {
		t.Errorf("a task without parts: %q", got)
	}
}

// Whatever the terminal's size, no line is wider, and the block leaves a row for the cursor; what there is no room for is
// counted.
func TestBarsFitTheTerminal(t *testing.T) {
	for columns := 10; columns < 150; columns += 7 {
		for rows := 3; rows < 60; rows += 5 {
			lines := at(columns, rows).block(running(3, 40, 500), noon)
			if len(lines) >= rows && rows > headRows {
				t.Errorf("%d×%d: %d lines", columns, rows, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) >= columns {
					t.Errorf("%d×%d: %q", columns, rows, line)
				}
			}
			last := lines[len(lines)-1]
			switch shown := max(rows-headRows, 0); {
			case shown >= 40 && len(lines) != 42:
				t.Errorf("%d×%d: %d lines", columns, rows, len(lines))
			case shown > 0 && shown < 40 && columns > 30 && last != fmt.Sprintf("  and %d more running", 40-shown):
				t.Errorf("%d×%d: the last line is %q", columns, rows, last)
			}
		}
	}
}

// A terminal that became narrower has wrapped what was drawn: all of it is drawn over.
func TestBarsAfterAResize(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, true)
	columns := 60
	p.size = func() (int, int) { return columns, 24 }
	v := running(0, 1, 1)
	p.update(v.task, v.children, v.running, noon)
	wide := len(p.drawn)
	columns = 30
	out.Reset()
	p.again(noon)
	if up := fmt.Sprintf("\x1b[%dA\x1b[J", wide+2); wide != 3 || !strings.HasPrefix(out.String(), up) {
		t.Errorf("%d lines, then %q", wide, out.String())
	}
}

func TestColours(t *testing.T) {
	p := newProgress(&strings.Builder{}, true)
	p.color = true
	if got := p.paint("[██░] 2/3  1 completed, 1 failed"); got != "[\x1b[32m██\x1b[0m░] 2/3  1 completed, \x1b[31m1 failed\x1b[0m" {
		t.Errorf("painted %q", got)
	}
	t.Setenv("NO_COLOR", "1")
	if newProgress(&strings.Builder{}, true).color {
		t.Error("there is colour with NO_COLOR")
	}
	t.Setenv("NO_COLOR", "")
	if newProgress(&strings.Builder{}, false).color {
		t.Error("there is colour without a terminal")
	}
}

// Waiting ends with the time given for it; the task goes on, and it is told how to see it.
func TestTimeout(t *testing.T) {
	d := startDaemon(t)
	_, err := d.run(t, "sync", "1", "--timeout", "50ms")
	if exitCode(err) != client.ExitUnavailable || !strings.Contains(fault.Message(err), "no longer waiting after 50ms; task 1 goes on") || !strings.Contains(fault.Hint(err), "tasks 1 --watch") {
		t.Errorf("exit %d: %v (%s)", exitCode(err), err, fault.Hint(err))
	}
	if task, err := d.store.Task(t.Context(), 1); err != nil || task.State.Final() {
		t.Errorf("it is %s: %v", task.State, err)
	}
}

// A list is watched until it is told to stop: a line for each new state where nobody looks.
func TestWatchingAList(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	out, err := d.run(t, "tasks", "--watch", "--timeout", "200ms")
	if err != nil || out != "task 1: queued: repo sync primary.example.com\n" {
		t.Errorf("%v %q", err, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runVerb(ctx, []string{"tasks", "--watch", "--url", d.url}); err != nil {
		t.Errorf("stopped by a person: %v", err)
	}
}
