// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// What a stage took out is shown with a line for each unit: name, version, architecture, hash, as far as it has them.
func TestUnitsAreListed(t *testing.T) {
	d := startDaemon(t)
	if _, err := d.run(t, "sync", "1"); err != nil {
		t.Fatal(err)
	}
	task, lease := d.queued(t)
	_, err := d.store.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "remove banned packages", State: fleet.StageCompleted, Detail: map[string]any{
		"msg": "taken out: 2 banned packages", "removed": []content.Unit{
			{Href: "/c/1/", Name: "bear", Version: "1.0-1", Architecture: "x86_64", SHA256: "ab\x1b[2J12"}, {Href: "/c/2/", Name: "a.txt", SHA256: "cd34"},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.store.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "remove repos", State: fleet.StageCompleted, Detail: map[string]any{
		"removed": []string{"ext-old"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.end(t, lease, task.ID, nil, fleet.Completed)
	out, err := d.run(t, "tasks", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nremove banned packages: removed\n  bear 1.0-1 x86_64 ab [2J12\n  a.txt cd34\n", "\nremove repos: removed\n  ext-old\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}
