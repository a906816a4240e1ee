// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

const unit = "/pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/"

// foundOne stands in for the servers.
func foundOne(_ context.Context, _ fleet.Server, r fleet.Repository, s inventory.Search) ([]inventory.Found, error) {
	return []inventory.Found{{Unit: content.Unit{Href: unit, Name: s.Name, Version: "1.0+b1", Architecture: r.Name, SHA256: "bc35"}}}, nil
}

func TestFindingContent(t *testing.T) {
	d := startDaemon(t)
	for _, repository := range []string{"ext-debian", "1"} {
		out, err := d.run(t, "content", "find", "primary.example.com", repository, "--name", "gamma")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{{"UNIT", "SHA256", "HREF"}, {"gamma 1.0+b1 ext-debian", "bc35", unit}}, columns(out)); diff != "" {
			t.Errorf("table (-want +got):\n%s", diff)
		}
	}
	out, err := d.run(t, "content", "find", "1", "1", "--name", "gamma", "--json")
	var found []map[string]any
	if err != nil || json.Unmarshal([]byte(out), &found) != nil || len(found) != 1 || found[0]["pulp_href"] != unit {
		t.Errorf("JSON: %v\n%s", err, out)
	}
	for says, args := range map[string][]string{
		"--name, --version or --sha256 must be given": {"content", "find", "1", "1"},
		"has no repository \"nosuch\"":                {"content", "find", "1", "nosuch", "--name", "x"},
		"REPO is missing":                             {"content", "find", "1", "--name", "x"},
	} {
		if _, err := d.run(t, args...); err == nil || !strings.Contains(shown(err), says) {
			t.Errorf("%v: %v, want one that says %q", args, err, says)
		}
	}
}

func TestAskingForRemovals(t *testing.T) {
	text := func(s string) any { return s }
	for name, test := range map[string]struct {
		args []string
		kind fleet.Kind
		want map[string]any
	}{
		"content": {
			[]string{"content", "remove", "primary.example.com", "ext-debian", unit, "--force-publish"},
			fleet.KindRemoveRepoContent,
			map[string]any{"max_runtime": text("6h"), "pulp_server_name": "primary.example.com", "repo_name": "ext-debian", "content_href": unit, "force_publish": true},
		},
		"repositories, dry": {
			[]string{"remove", "1", "--include", "^snap-"},
			fleet.KindRepoRemoval,
			map[string]any{"max_runtime": "6h", "regex_include": "^snap-", "regex_exclude": nil, "dry_run": true},
		},
		"repositories": {
			[]string{"remove", "1", "--include", "^snap-", "--dry-run=false", "--confirm", "12", "--internal"},
			fleet.KindRepoRemoval,
			map[string]any{"max_runtime": "6h", "regex_include": "^snap-", "regex_exclude": nil, "dry_run": false, "confirm": 12.0, "internal": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := startDaemon(t)
			if _, err := d.run(t, test.args...); err != nil {
				t.Fatal(err)
			}
			task, err := d.store.Task(t.Context(), 1)
			var args map[string]any
			if err != nil || json.Unmarshal(task.Args, &args) != nil || task.Kind != test.kind {
				t.Fatalf("%+v %v", task, err)
			}
			if diff := cmp.Diff(test.want, args); diff != "" {
				t.Errorf("task_args (-want +got):\n%s", diff)
			}
		})
	}
	d := startDaemon(t)
	for says, args := range map[string][]string{
		"regex_include must say":   {"remove", "1"},
		"CONTENT_HREF is missing":  {"content", "remove", "1", "ext-debian"},
		"is no package of a deb":   {"content", "remove", "1", "ext-debian", "/x/"},
		"unknown flag: --content-": {"content", "remove", "1", "ext-debian", unit, "--content-href", unit},
	} {
		if _, err := d.run(t, args...); err == nil || !strings.Contains(shown(err), says) {
			t.Errorf("%v: %v, want one that says %q", args, err, says)
		}
	}
}
