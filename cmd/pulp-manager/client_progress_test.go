// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story is a task with two children at three moments.
func story() ([]client.TaskDetail, [][]client.Task) {
	started := client.Time{Time: noon}
	task := func(state string, stages ...client.TaskStage) client.TaskDetail {
		t := client.TaskDetail{Task: client.Task{ID: 1, Name: "sync", State: state, DateStarted: started}, Stages: stages}
		if t.Final() {
			t.DateFinished = client.Time{Time: noon.Add(time.Minute)}
		}
		return t
	}
	child := func(id int64, name, state, problem string) client.Task {
		return client.Task{ID: id, Name: name, State: state, DateStarted: started, Error: client.TaskError{Msg: problem}}
	}
	stage := client.TaskStage{ID: 1, Name: "sync repos", Detail: map[string]any{"msg": "1 in progress"}}
	return []client.TaskDetail{task("running"), task("running", stage), task("failed", stage)},
		[][]client.Task{
			nil,
			{child(2, "a", "running", ""), child(3, "b", "failed", "404"), child(4, "c", "queued", "")},
			{child(2, "a", "completed", ""), child(3, "b", "failed", "404"), child(4, "c", "completed", "")},
		}
}

func TestProgressInLines(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, false)
	tasks, children := story()
	for i := range tasks {
		for range 2 { // nothing is told twice
			p.update(tasks[i], children[i], nil, noon.Add(13*time.Second))
		}
	}
	want := `task 1: running: sync
task 1: sync repos: 1 in progress
task 2: running: a
task 3: failed: b (13s): 404
task 2: completed: a (13s)
task 4: completed: c (13s)
task 1: failed: sync (1m0s); 2 completed, 1 failed
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, true)
	p.color, p.size = false, func() (int, int) { return 30, 24 }
	tasks, children := story()
	var drawn []string
	for i := range tasks {
		p.update(tasks[i], children[i], nil, noon.Add(13*time.Second))
		drawn = append(drawn, out.String())
		out.Reset()
	}
	want := []string{
		"task 1 running 13s\n",
		"\x1b[1A\x1b[J" + "task 3: failed: b (13s): 404\n" +
			"task 1 running 13s  sync rep…\n" + "33% 1/3  1 failed, 1 running…\n" + "      13s  a\n",
		"\x1b[3A\x1b[J" + "task 1: failed: sync (1m0s); 2 completed, 1 failed\n",
	}
	if diff := cmp.Diff(want, drawn); diff != "" {
		t.Errorf("drawn (-want +got):\n%s", diff)
	}
}

// A block higher than the terminal could not be drawn again.
func TestProgressFitsTheTerminal(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, true)
	p.size = func() (int, int) { return 80, 10 }
	var children []client.Task
	for id := range 50 {
		children = append(children, client.Task{ID: int64(id + 2), Name: "child\x1b[2J\n", State: client.StateRunning})
	}
	p.update(client.TaskDetail{Task: client.Task{ID: 1, State: client.StateRunning}}, children, nil, noon)
	if lines := strings.Count(out.String(), "\n"); lines >= 10 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d lines in:\n%s", lines, out.String())
	}
}

func TestFlagsOfABody(t *testing.T) {
	type body struct {
		MaxRuntime string         `json:"max_runtime" doc:"Longest."`
		Prefix     string         `json:"snapshot_prefix" doc:"Needed."`
		Count      int64          `json:"count,omitempty"`
		DryRun     bool           `json:"dry_run,omitempty" default:"true"`
		Reuse      *bool          `json:"reuse,omitempty"`
		Include    *string        `json:"regex_include,omitempty" doc:"Only these."`
		Options    map[string]any `json:"options,omitempty"`
		List       []string       `json:"list" required:"false"`
		Hidden     string         `json:"-"`
	}
	tests := []struct {
		args []string
		want map[string]any
		says string
	}{
		{[]string{"--snapshot-prefix", "x"}, map[string]any{"max_runtime": "6h", "snapshot_prefix": "x"}, ""},
		{
			[]string{"--snapshot-prefix=x", "--count", "7", "--dry-run=false", "--reuse", "--include", "^a", "--options", `{"a":1}`, "--list", `["b"]`, "--max-runtime", "1h"},
			map[string]any{
				"max_runtime": "1h", "snapshot_prefix": "x", "count": json.Number("7"), "dry_run": false, "reuse": true, "regex_include": "^a",
				"options": map[string]any{"a": 1.0}, "list": []any{"b"},
			},
			"",
		},
		{[]string{"--snapshot-prefix="}, map[string]any{"max_runtime": "6h", "snapshot_prefix": ""}, ""},
		{nil, nil, "--snapshot-prefix must be given"},
		{[]string{"--snapshot-prefix", "x", "--options", "a"}, nil, "--options is not JSON"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			b := addBodyFlags(flags, reflect.TypeFor[body](), "")
			if err := flags.Parse(test.args); err != nil {
				t.Fatal(err)
			}
			got, err := b.body()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if test.says != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.says)) {
				t.Errorf("error is %v, want %q", err, test.says)
			}
			if flags.Lookup("hidden") != nil || !strings.Contains(flags.Lookup("include").Usage, "Also --include.") {
				t.Error("flags are not as they should be")
			}
		})
	}
}
