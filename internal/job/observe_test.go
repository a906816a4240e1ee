// SPDX-License-Identifier: Apache-2.0

package job

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/pulp"
)

func TestOperationsAreFew(t *testing.T) {
	for path, want := range map[string]string{
		"/pulp/api/v3/status/":               "GET status",
		"/pulp/api/v3/repositories/deb/apt/": "GET repositories",
		"/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-000000000001/sync/":       "GET repositories sync",
		"/pulp/api/v3/repositories/deb/apt/01a207af-db76-791e-8a2c-000000000001/versions/3/": "GET repositories",
		"/deep/root/domain/api/v3/tasks/01a207af-db76-791e-8a2c-000000000001/":               "GET tasks",
		"/auth/login/":        "GET other",
		"/pulp/api/v3/":       "GET other",
		"/pulp/api/v3/a1/x/":  "GET other",
		"/pulp/content/sync/": "GET other",
	} {
		if got := operation(pulp.Observation{Method: "GET", Path: path}); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestStageNamesWithoutWhatDiffers(t *testing.T) {
	for name, want := range map[string]string{
		"sync repo": "sync repo", "registering repos from pulp1.test:8080": "registering repos",
		"publishing repo version /pulp/api/v3/repositories/deb/apt/1/versions/3/": "publishing repo version",
		"sync repos (Dry Run)": "sync repos (Dry Run)",
	} {
		if got := stageName(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestSyncedBy(t *testing.T) {
	units, files := syncedBy(&pulp.Task{Progress: []pulp.Progress{
		{Code: "sync.downloading.artifacts", Done: 3}, {Code: "associating.content", Done: 7}, {Code: "unassociating.content", Done: 100},
	}})
	if units != 7 || files != 3 {
		t.Errorf("%d units, %d files", units, files)
	}
}
