// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/config"
)

// A daemon goes on from a backup: what its servers got since is found there, nothing is made twice, and who was logged in still is.
func TestDaemonGoesOnAfterRestore(t *testing.T) {
	s := startSimulated(t)
	t.Setenv(config.EnvSecretKey, "")
	t.Setenv(config.EnvDatabaseURL, "")
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, err := runBoth(t.Context(), args)
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stderr)
		}
		return stdout + stderr
	}
	t.Setenv("PULP_MANAGER_URL", s.url)
	run("register", s.primary, "--wait")
	run("sync", s.primary, "--wait")
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	run("backup", file, "--data-dir", s.options.sources.DataDir)
	run("sync", s.secondary, "--source", s.primary, "--wait") // which the backup knows nothing of
	s.stop()

	restored := s.options
	restored.sources.DataDir = filepath.Join(t.TempDir(), "data")
	run("restore", file, "--data-dir", restored.sources.DataDir)
	url, _ := serveDemo(t, restored)
	t.Setenv("PULP_MANAGER_URL", url)
	if tasks := run("tasks"); !strings.Contains(tasks, "repo_group_sync") || strings.Contains(tasks, s.secondary) {
		t.Errorf("the tasks after the restore:\n%s", tasks)
	}
	run("sync", s.secondary, "--source", s.primary, "--wait")
	run("sync", s.primary, "--wait")
	for _, server := range []string{s.primary, s.secondary} {
		repos := run("repos", server)
		for _, kind := range []string{"deb", "rpm", "file"} {
			if !strings.Contains(repos, "ext-demo-"+kind) {
				t.Errorf("%s after the restore, without ext-demo-%s:\n%s", server, kind, repos)
			}
		}
	}
	if plan := run("sync", s.secondary, "--source", s.primary, "--dry-run", "--wait"); strings.Contains(plan, "create ") {
		t.Errorf("something is made anew:\n%s", plan)
	}
}
