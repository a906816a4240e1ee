// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// A failed task is queued again by the verb, and the new one is shown as what it is.
func TestRetryVerb(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.run(t, "tasks", "retry", "1"); exitCode(err) != client.ExitConflict || !strings.Contains(fault.Message(err), "is not over") {
		t.Errorf("retry of a queued one: %v", err)
	}
	task, lease := d.queued(t)
	d.end(t, lease, task.ID, &fleet.TaskError{Msg: "no"}, fleet.Failed)
	out, err := d.run(t, "tasks", "retry", "1")
	if err != nil || !strings.HasPrefix(out, "task 2 queued: repo sync primary.example.com\n") {
		t.Errorf("retry: %v %q", err, out)
	}
	if out, err := d.run(t, "tasks", "2"); err != nil || !strings.Contains(out, "tries task 1 again") {
		t.Errorf("the new one: %v %q", err, out)
	}
	for args, want := range map[string]int{"tasks retry": client.ExitInvalid, "tasks retry x": client.ExitInvalid, "tasks retry 99": client.ExitNotFound} {
		if _, err := d.run(t, strings.Fields(args)...); exitCode(err) != want {
			t.Errorf("%s: exit %d, want %d: %v", args, exitCode(err), want, err)
		}
	}
	if out, err := d.run(t, "tasks"); err != nil || !strings.Contains(out, "repo sync") { // the list is what it was
		t.Errorf("tasks: %v %q", err, out)
	}
	task, lease = d.queued(t)
	done := make(chan error, 1)
	go func() {
		_, err := d.run(t, "tasks", "retry", "2", "--wait") // refused at first
		done <- err
	}()
	if err := <-done; exitCode(err) != client.ExitConflict {
		t.Errorf("retry of a running one: %v", err)
	}
	if err := d.store.Postpone(t.Context(), lease, time.Hour, "the vault does not answer"); err != nil {
		t.Fatal(err)
	}
	if out, err := d.run(t, "tasks", fmt.Sprint(task.ID)); err != nil || !strings.Contains(out, "attempt 2 at 20") || !strings.Contains(out, "the vault does not answer") {
		t.Errorf("put off: %v %q", err, out)
	}
}

// A cancel that waits tells of each Pulp task, and ends when nothing goes on.
func TestCancelWaits(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	task, lease := d.queued(t)
	if out, err := d.run(t, "cancel", "1", "--timeout", "1s"); exitCode(err) != client.ExitUnavailable || !strings.HasPrefix(out, "task 1 canceled: ") {
		t.Errorf("a cancel that waits in vain: %v %q", err, out)
	}
	tell := func(stopped bool, msg string) {
		t.Helper()
		_, err := d.store.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "cancel", State: fleet.StageRunning, Detail: map[string]any{
			"msg": "…", "pulp_tasks": []map[string]any{{"server": "a", "step": "sync of x", "pulp_task": "/tasks/1/", "stopped": stopped, "msg": msg}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	tell(false, "its worker is dead")
	type result struct {
		out string
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := d.run(t, "cancel", "1", "--wait") // canceled already, and only not confirmed
		done <- result{out, err}
	}()
	<-time.After(stopEach + stopEach/2) // so that it is seen
	tell(true, "canceled")
	<-time.After(stopEach + stopEach/2)
	if err := d.store.ConfirmCancel(t.Context(), lease, task.ID); err != nil {
		t.Fatal(err)
	}
	got := <-done
	for _, words := range []string{
		"task 1 canceled: ", "stopping Pulp task /tasks/1/ (sync of x on a): its worker is dead\n", "stopped Pulp task /tasks/1/ (sync of x on a): canceled\n", "nothing of it goes on in Pulp",
	} {
		if got.err != nil || !strings.Contains(got.out, words) {
			t.Errorf("%v: %q is not in %q", got.err, words, got.out)
		}
	}
	if out, err := d.run(t, "cancel", "1", "--wait", "-o", "json"); err != nil || !strings.Contains(out, `"cancel_confirmed": "20`) {
		t.Errorf("as JSON: %v %q", err, out)
	}
}
