// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/client"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// The verb shows one line for each thing that happened, with what Pulp's logs are searched for.
func TestTaskLogVerb(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	task, lease := d.queued(t)
	stage, err := d.store.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "sync repos", State: fleet.StageRunning})
	if err != nil {
		t.Fatal(err)
	}
	r := fleet.PulpRequest{Task: task.ID, Stage: stage.ID, Server: 1, Step: "sync", Correlation: "c0ffee"}
	if _, err := d.store.RecordRequest(t.Context(), lease, r); err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, task.ID, &fleet.TaskError{Msg: "no\x1b[31m way"}, fleet.Failed)
	out, err := d.run(t, "tasks", "log", "1")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(lines) < 5 || strings.Contains(out, "\x1b") {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, want := range []string{
		" INFO  task queued task=1 server=primary.example.com", " INFO  task began task=1 worker=", ` INFO  stage began task=1 stage="sync repos"`,
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d: %s, want %s", i, lines[i], want)
		}
	}
	if !strings.Contains(out, `server=primary.example.com stage="sync repos" step=sync correlation_id=c0ffee`) || !strings.Contains(lines[len(lines)-1], "ERROR task failed task=1") {
		t.Errorf("%s", out)
	}
	if out, err := d.run(t, "tasks", "log", "1", "-o", "json"); err != nil || !strings.Contains(out, `"correlation_id": "c0ffee"`) {
		t.Errorf("as JSON: %v %s", err, out)
	}
	for args, want := range map[string]int{"tasks log": client.ExitInvalid, "tasks log x": client.ExitInvalid, "tasks log 99": client.ExitNotFound} {
		if _, err := d.run(t, strings.Fields(args)...); exitCode(err) != want {
			t.Errorf("%s: exit %d, want %d: %v", args, exitCode(err), want, err)
		}
	}
}
