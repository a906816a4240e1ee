// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/auth"
	"github.com/pulp/pulp-manager/internal/config"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

// installation is a data directory with keys, a user and a task, whose daemon runs.
func installation(t *testing.T) (dir string, s *store.Store) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := config.FindKeys(config.Database{DataDir: dir}, config.Sources{Env: func(string) (string, bool) { return "", false }})
	ok(err)
	ok(auth.AddUser(filepath.Join(dir, "users"), "alice", fleet.RoleAdmin, fleet.NewSecret("correct horse battery")))
	s, err = store.Open(t.Context(), store.Options{DataDir: dir})
	ok(err)
	_, err = s.Enqueue(t.Context(), fleet.NewTask{Name: "waits", Kind: fleet.KindRegister, MaxRuntime: time.Hour})
	ok(err)
	return dir, s
}

func TestBackupAndRestore(t *testing.T) {
	t.Setenv(config.EnvSecretKey, "")
	t.Setenv(config.EnvDatabaseURL, "")
	dir, s := installation(t)
	file := filepath.Join(t.TempDir(), "backup.tar.gz")
	_, told, err := runBoth(t.Context(), []string{"backup", file, "--data-dir", dir}) // while the daemon runs
	if err != nil || !strings.Contains(told, "tasks: 1 rows") || !strings.Contains(told, "like a password") {
		t.Fatalf("backup: %v\n%s", err, told)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info, err)
	}
	code := func(what string, want int, args ...string) string {
		t.Helper()
		_, told, err := runBoth(t.Context(), args)
		if exitCode(err) != want {
			t.Errorf("%s: exit code %d, %v\n%s", what, exitCode(err), err, told)
		}
		if err != nil {
			told += err.Error()
		}
		return told
	}
	code("the file is there", 5, "backup", file, "--data-dir", dir)
	code("no database", 4, "backup", file+"2", "--data-dir", t.TempDir())
	code("no place", 6, "backup", "/nowhere/at/all", "--data-dir", dir)
	if told := code("the daemon runs", 5, "restore", file, "--force", "--data-dir", dir); !strings.Contains(told, "another daemon") {
		t.Errorf("the daemon runs: %s", told)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	code("not empty", 5, "restore", file, "--data-dir", dir)
	code("whole", 0, "restore", "--check", file)
	code("no file", 4, "restore", file+"2", "--data-dir", dir)
	code("damaged", 2, "restore", filepath.Join(dir, "users"), "--data-dir", t.TempDir())

	t.Setenv(config.EnvSecretKey, "another key, of another installation")
	if told := code("another key", 5, "restore", file, "--data-dir", t.TempDir()); !strings.Contains(told, "counts as changed") {
		t.Errorf("another key: %s", told)
	}
	if told := code("another key, accepted", 0, "restore", file, "--force", "--data-dir", t.TempDir()); !strings.Contains(told, "counts as changed") {
		t.Errorf("another key, accepted: %s", told)
	}
	t.Setenv(config.EnvSecretKey, "")

	elsewhere := filepath.Join(t.TempDir(), "data")
	code("elsewhere", 0, "restore", file, "--data-dir", elsewhere)
	for _, name := range keptFiles {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Join(elsewhere, name))
		info, statErr := os.Stat(filepath.Join(elsewhere, name))
		if err != nil || statErr != nil || string(have) != string(want) || len(have) == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, %q", name, err, info, have)
		}
	}
	again, err := store.Open(t.Context(), store.Options{DataDir: elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	if task, err := again.Task(t.Context(), 1); err != nil || task.Name != "waits" {
		t.Errorf("restored: %+v, %v", task, err)
	}
}

// What is there is replaced only where asked, and kept under another name.
func TestRestoreKeepsWhatItReplaces(t *testing.T) {
	t.Setenv(config.EnvSecretKey, "")
	t.Setenv(config.EnvDatabaseURL, "")
	dir, s := installation(t)
	other, o := installation(t)
	for _, s := range []*store.Store{s, o} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	backup, _, err := runBoth(t.Context(), []string{"backup", "-", "--data-dir", dir})
	if err != nil || len(backup) < 1000 {
		t.Fatalf("%d bytes, %v", len(backup), err)
	}
	root := rootCommand()
	root.SetIn(strings.NewReader(backup))
	root.SetErr(t.Output())
	root.SetArgs([]string{"restore", "-", "--force", "--data-dir", other})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret_key", "pulp-manager.db"} {
		if _, err := os.Stat(filepath.Join(other, name+".replaced")); err != nil {
			t.Error(err)
		}
	}
	was, _ := os.ReadFile(filepath.Join(dir, "secret_key"))
	is, err := os.ReadFile(filepath.Join(other, "secret_key"))
	if err != nil || string(was) != string(is) {
		t.Errorf("the key: %v", err)
	}
}

func TestDatabaseIsShown(t *testing.T) {
	d := startDaemon(t)
	out, err := d.run(t, "database")
	if err != nil || !strings.Contains(out, "OLDEST TASK") || !strings.Contains(out, "repositories") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = d.run(t, "database", "--json")
	if err != nil || !strings.Contains(out, `"free_bytes": `) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPruningIsWarnedOf(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		p    fleet.Pruning
		want string
	}{
		"new":                  {fleet.Pruning{Due: now.Add(-1000 * day)}, ""},
		"well":                 {fleet.Pruning{Due: now, Began: now, Ended: now}, ""},
		"failing for an hour":  {fleet.Pruning{Due: now, Began: now, Failing: now.Add(-time.Hour), Problem: "disk"}, ""},
		"failing for two days": {fleet.Pruning{Due: now, Began: now, Failing: now.Add(-2 * day), Problem: "the disk is full"}, "the disk is full"},
		"nobody does it":       {fleet.Pruning{Due: now.Add(-2 * day), Began: now.Add(-3 * day)}, "no scheduler runs"},
	} {
		if got := pruningWarning(c.p, now); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
