// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestSecondDaemonIsRefused(t *testing.T) {
	dir := t.TempDir()
	first, err := Open(t.Context(), Options{DataDir: dir})
	must(t, err)
	_, err = Open(t.Context(), Options{DataDir: dir})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "pid "+strconv.Itoa(os.Getpid())) || !strings.Contains(fault.Message(err), dir) {
		t.Errorf("second: %v", err)
	}
	must(t, first.Close())
	second, err := Open(t.Context(), Options{DataDir: dir})
	must(t, err)
	must(t, second.Close())
}

func TestDataDirIsMadeForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c#d%20", "data")
	s := openTest(t, Options{DataDir: dir})
	if s.Dialect() != SQLite {
		t.Errorf("dialect %s", s.Dialect())
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "pulp-manager.db": 0o600, "pulp-manager.db.lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte("no directory"), 0o600))
	damaged := t.TempDir()
	must(t, os.WriteFile(filepath.Join(damaged, "pulp-manager.db"), []byte(strings.Repeat("no database ", 1000)), 0o600))
	for name, c := range map[string]struct {
		o    Options
		kind fault.Kind
		want string
	}{
		"no directory":   {Options{}, fault.Invalid, "data directory"},
		"a file":         {Options{DataDir: file}, fault.Unavailable, file},
		"damaged":        {Options{DataDir: damaged}, fault.Internal, "damaged"},
		"no URL":         {Options{DatabaseURL: "postgres://pm:s3cret@host:port/name"}, fault.Invalid, "DATABASE_URL"},
		"another scheme": {Options{DatabaseURL: "mysql://pm:s3cret@host/name"}, fault.Invalid, "DATABASE_URL"},
		"nobody there":   {Options{DatabaseURL: "postgres://pm:s3cret@127.0.0.1:1/fleet"}, fault.Unavailable, "fleet on 127.0.0.1:1 does not answer"},
	} {
		_, err := Open(t.Context(), c.o)
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.want) {
			t.Errorf("%s: %v (%s), want %s: %q", name, err, fault.KindOf(err), c.kind, c.want)
		}
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(fault.Hint(err), "s3cret") {
			t.Errorf("%s: the password is shown: %v", name, err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	db := s.db.(*sqliteDB)
	var pages int
	must(t, db.writer.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	if _, err := db.writer.ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(pages+5)); err != nil {
		t.Fatal(err)
	}
	task := fleet.NewTask{Name: "task", Kind: fleet.KindRegister, MaxRuntime: time.Hour, Args: map[string]string{"text": strings.Repeat("x", 3000)}}
	var stored int
	var err error
	for err == nil && stored < 1000 {
		if _, err = s.Enqueue(t.Context(), task); err == nil {
			stored++
		}
	}
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "disk") || !strings.Contains(fault.Message(err), "is full") {
		t.Fatalf("after %d tasks: %v", stored, err)
	}
	if _, err := db.writer.ExecContext(t.Context(), "PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	must(t, second(s.Enqueue(t.Context(), task)))
	page, err := s.FindTasks(t.Context(), fleet.Query{})
	must(t, err)
	var sound string
	must(t, db.writer.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&sound))
	if page.Total != stored+1 || sound != "ok" {
		t.Errorf("%d tasks, want %d; database %s", page.Total, stored+1, sound)
	}
}

func TestEndOfContextIsItsCause(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fleet.ErrStopping)
	for name, err := range map[string]error{
		"read":  second(s.FindTasks(ctx, fleet.Query{})),
		"write": second(s.Enqueue(ctx, fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour})),
	} {
		if !errors.Is(err, fleet.ErrStopping) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	failed := errors.New("failed")
	err := s.inTx(t.Context(), "try", func(ctx context.Context, tx tx) error {
		if _, err := enqueue(ctx, tx, fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) || fault.KindOf(err) != fault.Internal {
		t.Errorf("error %v", err)
	}
	for _, table := range []string{"tasks", "river_job"} {
		n, err := s.read.NewSelect().TableExpr(table).Count(t.Context())
		must(t, err)
		if n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
}
