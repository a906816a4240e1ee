// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// columns splits a printed table into its cells.
func columns(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		rows = append(rows, regexp.MustCompile(`\s{2,}`).Split(strings.TrimSpace(line), -1))
	}
	return rows
}

func TestListing(t *testing.T) {
	d := startDaemon(t)
	tests := []struct {
		args []string
		want [][]string
	}{
		{[]string{"servers"}, [][]string{
			{"ID", "NAME", "HEALTH", "RATED", "REGISTRATION", "SNAPSHOTS", "REACHABLE", "WORKERS", "QUEUE"},
			{"1", "primary.example.com", "-", "-", "0 3 * * *", "no", "-", "-", "-"},
			{"2", "secondary.example.com", "-", "-", "-", "yes", "-", "-", "-"},
		}},
		{[]string{"repos", "primary.example.com"}, [][]string{
			{"ID", "NAME", "TYPE", "HEALTH", "RATED", "PACKAGES", "BASE PATH", "FEED", "DRIFT"},
			{"1", "ext-debian", "deb", "-", "-", "-", "-", "https://deb.example.com/", "-"},
			{"2", "int-tools", "file", "-", "-", "-", "-", "-", "-"},
		}},
		{[]string{"repos", "1", "--type", "file", "--name", "TOOLS$"}, [][]string{
			{"ID", "NAME", "TYPE", "HEALTH", "RATED", "PACKAGES", "BASE PATH", "FEED", "DRIFT"}, {"2", "int-tools", "file", "-", "-", "-", "-", "-", "-"},
		}},
		{[]string{"groups", "secondary.example.com"}, [][]string{
			{"ID", "NAME", "SCHEDULE", "AT A TIME", "MAX RUNTIME"}, {"1", "external", "0 4 * * *", "3", "6h"},
		}},
		{[]string{"tasks"}, [][]string{{"ID", "PARENT", "STATE", "TYPE", "NAME", "QUEUED", "TOOK"}}},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			out, err := d.run(t, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, columns(out)); diff != "" {
				t.Errorf("table (-want +got):\n%s", diff)
			}
			out, err = d.run(t, append(test.args, "--json")...)
			var items []map[string]any
			if err != nil || json.Unmarshal([]byte(out), &items) != nil || len(items) != len(test.want)-1 {
				t.Errorf("JSON: %v\n%s", err, out)
			}
		})
	}
}

func TestAskingForAJob(t *testing.T) {
	tests := []struct {
		name string
		args []string
		kind fleet.Kind
		want map[string]any
	}{
		{"defaults", []string{"sync", "primary.example.com"}, fleet.KindRepoGroupSync, map[string]any{
			"name": "primary.example.com", "max_runtime": "6h", "max_concurrent_syncs": 2.0, "regex_include": nil, "regex_exclude": nil,
			"source_pulp_server_name": nil, "sync_options": nil,
		}},
		{"everything, by short names", []string{
			"sync", "2", "--include", "^ext", "--exclude", "x$", "--source", "primary.example.com", "--concurrency", "5", "--max-runtime", "20m",
			"--sync-options", `{"mirror":true}`,
		}, fleet.KindRepoGroupSync, map[string]any{
			"name": "secondary.example.com", "max_runtime": "20m", "max_concurrent_syncs": 5.0, "regex_include": "^ext", "regex_exclude": "x$",
			"source_pulp_server_name": "primary.example.com", "sync_options": map[string]any{"mirror": true},
		}},
		{"by long names", []string{"register", "1", "--regex-include", "^ext"}, fleet.KindRegister, map[string]any{
			"regex_include": "^ext", "regex_exclude": nil, "local_repo_config_dir": nil, "max_runtime": "6h",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := startDaemon(t)
			out, err := d.run(t, test.args...)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out, "task 1 queued: ") || !strings.Contains(out, "pulp-manager tasks 1 --watch") {
				t.Errorf("printed %q", out)
			}
			task, err := d.store.Task(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			var args map[string]any
			if err := json.Unmarshal(task.Args, &args); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, args); diff != "" || task.Kind != test.kind {
				t.Errorf("%s with (-want +got):\n%s", task.Kind, diff)
			}
		})
	}
}

// asked is the result of a verb that waits.
type asked struct {
	out string
	err error
}

// start runs a verb while the test goes on.
func (d *fakeDaemon) start(t *testing.T, args ...string) <-chan asked {
	done := make(chan asked, 1)
	go func() {
		out, err := runVerb(t.Context(), append(args, "--url", d.url))
		done <- asked{out, err}
	}()
	return done
}

func TestWaitingForSuccess(t *testing.T) {
	d := startDaemon(t)
	done := d.start(t, "sync", "primary.example.com", "--wait")
	task, lease := d.queued(t)
	_, err := d.store.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "reconcile repos", State: fleet.StageCompleted, Detail: map[string]any{"msg": "all seen"}})
	if err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, task.ID, nil, fleet.Completed)
	result := <-done
	if result.err != nil || exitCode(result.err) != 0 {
		t.Errorf("error is %v", result.err)
	}
	for _, part := range []string{"task 1: reconcile repos: all seen\n", "task 1: completed: repo sync primary.example.com"} {
		if !strings.Contains(result.out, part) {
			t.Errorf("%q is missing in:\n%s", part, result.out)
		}
	}
}

func TestWaitingForAFailure(t *testing.T) {
	d := startDaemon(t)
	done := d.start(t, "sync", "primary.example.com", "--wait")
	task, lease := d.queued(t)
	children, err := d.store.CreateChildren(t.Context(), lease, task.ID, []fleet.NewTask{
		{Name: "sync ext-debian", Kind: fleet.KindRepoSync, MaxRuntime: fleet.Unlimited}, {Name: "sync ext-rpm", Kind: fleet.KindRepoSync, MaxRuntime: fleet.Unlimited},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, children[0].ID, nil, fleet.Running, fleet.Completed)
	d.end(t, lease, children[1].ID, nil, fleet.Running)
	d.end(t, lease, children[1].ID, &fleet.TaskError{Msg: "404 at upstream", Detail: "check the url\x1b[2J"}, fleet.Failed)
	d.end(t, lease, task.ID, &fleet.TaskError{Msg: "1 of 2 repositories failed", Detail: "see the tasks"}, fleet.Failed)
	result := <-done
	want := "task repo sync primary.example.com is failed: 1 of 2 repositories failed\n  failed: sync ext-rpm: 404 at upstream (check the url [2J)"
	if fault.Message(result.err) != want || fault.Hint(result.err) != "see the tasks" || exitCode(result.err) != client.ExitFailed {
		t.Errorf("exit %d: %q, hint %q", exitCode(result.err), fault.Message(result.err), fault.Hint(result.err))
	}
	if !strings.Contains(result.out, "1 completed, 1 failed") || strings.Contains(result.out, "\x1b") {
		t.Errorf("printed:\n%s", result.out)
	}

	out, err := d.run(t, "tasks", "1")
	if err != nil || !strings.Contains(out, "1 of 2 repositories failed (see the tasks)") || !strings.Contains(out, "404 at upstream (check the url") {
		t.Errorf("tasks 1: %v\n%s", err, out)
	}
	for args, want := range map[string][]string{
		"tasks": {"1"}, "tasks --all": {"3", "2", "1"}, "tasks --parent 1": {"3", "2"}, "tasks --state completed --all": {"2"},
		"tasks --all --type repo_sync --name RPM": {"3"}, "tasks --server secondary.example.com": nil, "tasks --server 1": {"1"},
	} {
		out, err := d.run(t, append(strings.Fields(args), "--json")...)
		var tasks []client.Task
		if err != nil || json.Unmarshal([]byte(out), &tasks) != nil {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
		var ids []string
		for _, task := range tasks {
			ids = append(ids, string(rune('0'+task.ID)))
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s lists %v, want %v", args, ids, want)
		}
	}
	if out, err := d.run(t, "tasks", "--all", "--limit", "1"); err != nil || !strings.Contains(out, "and 2 more") {
		t.Errorf("limited: %v\n%s", err, out)
	}
}

func TestCancelling(t *testing.T) {
	d := startDaemon(t)
	done := d.start(t, "register", "primary.example.com", "--wait", "--json")
	task, _ := d.queued(t)
	if out, err := d.run(t, "cancel", "1"); err != nil || !strings.HasPrefix(out, "task 1 canceled: ") {
		t.Errorf("cancel: %v %q", err, out)
	}
	result := <-done
	var detail client.TaskDetail
	if err := json.Unmarshal([]byte(result.out), &detail); err != nil || detail.State != client.StateCanceled || detail.ID != int64(task.ID) {
		t.Errorf("printed %q: %v", result.out, err)
	}
	if exitCode(result.err) != client.ExitFailed {
		t.Errorf("exit %d: %v", exitCode(result.err), result.err)
	}
	if _, err := d.run(t, "cancel", "1"); exitCode(err) != client.ExitInvalid || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("again: exit %d: %v", exitCode(err), err)
	}
}

func TestStoppingToWait(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan asked, 1)
	go func() {
		out, err := runVerb(ctx, []string{"tasks", "1", "--watch", "--url", d.url})
		done <- asked{out, err}
	}()
	d.queued(t)
	cancel()
	result := <-done
	if !errors.Is(result.err, context.Canceled) || !strings.Contains(fault.Hint(result.err), "pulp-manager cancel 1") {
		t.Errorf("error is %v, hint %q", result.err, fault.Hint(result.err))
	}
}

func TestMistakes(t *testing.T) {
	d := startDaemon(t)
	t.Setenv("PULP_MANAGER_URL", d.url)
	tests := []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"sync"}, client.ExitInvalid, "SERVER is missing"},
		{[]string{"audit", "x"}, client.ExitInvalid, `"x" is one argument too many`},
		{[]string{"servers", "nope"}, client.ExitNotFound, `there is no server "nope"`},
		{[]string{"servers", "-o", "xml"}, client.ExitInvalid, `--output "xml" is not table, json or yaml`},
		{[]string{"servers", "-o", "yaml", "--json"}, client.ExitInvalid, "--json does not go with --output yaml"},
		{[]string{"content", "nope"}, client.ExitInvalid, `there is no command "pulp-manager content nope"`},
		{[]string{"completion", "tcsh"}, client.ExitInvalid, `"tcsh" is not bash, zsh or fish`},
		{[]string{"servers", "--nope"}, client.ExitInvalid, "unknown flag: --nope"},
		{[]string{"repos", "nope"}, client.ExitNotFound, `there is no server "nope"`},
		{[]string{"repos", "99"}, client.ExitNotFound, "there is no server 99"},
		{[]string{"repos", "1", "--health", "purple"}, client.ExitInvalid, "must be one of green, amber, red"},
		{[]string{"repos", "1", "--name", "("}, client.ExitInvalid, "is not a regular expression"},
		{[]string{"tasks", "x"}, client.ExitInvalid, `"x" is not the id of a task`},
		{[]string{"tasks", "--watch", "-o", "json"}, client.ExitInvalid, "--watch without an id is for people"},
		{[]string{"tasks", "--limit", "0"}, client.ExitInvalid, "--limit must be 1 or more"},
		{[]string{"tasks", "--state", "zzz"}, client.ExitInvalid, "must be one of queued"},
		{[]string{"tasks", "99"}, client.ExitNotFound, "there is no task 99"},
		{[]string{"cancel", "99"}, client.ExitNotFound, "there is no task 99"},
		{[]string{"sync", "1", "--max-runtime", "soon"}, client.ExitInvalid, `max_runtime "soon" is not a duration`},
		{[]string{"sync", "1", "--concurrency", "0"}, client.ExitInvalid, "less than or equal to 0"},
		{[]string{"sync", "1", "--concurrency", "x"}, client.ExitInvalid, "invalid argument"},
		{[]string{"sync", "1", "--source", "nope"}, client.ExitInvalid, "is no server of the configuration"},
		{[]string{"sync", "1", "--sync-options", "{"}, client.ExitInvalid, "--sync-options is not JSON"},
		{[]string{"sync", "1", "--include", "("}, client.ExitInvalid, "is not a regular expression"},
		{[]string{"servers", "--url", "http://127.0.0.1:1"}, client.ExitUnavailable, "no answer from http://127.0.0.1:1"},
		{[]string{"servers", "--url", "nope"}, client.ExitInvalid, `"nope" is not the address of a daemon`},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			out, err := runVerb(t.Context(), test.args)
			if exitCode(err) != test.exit || !strings.Contains(fault.Message(err), test.says) || out != "" {
				t.Errorf("exit %d, want %d: %v\n%s", exitCode(err), test.exit, err, out)
			}
		})
	}
	if _, err := runVerb(t.Context(), []string{"repos", "nope"}); !strings.Contains(fault.Hint(err), "primary.example.com, secondary.example.com") {
		t.Errorf("hint is %q", fault.Hint(err))
	}
}
