// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// place is where a database is, or will be.
type place struct{ url, dir string }

// places gives how to find an empty place for each kind of database that can be tested here.
func places() map[string]func(t *testing.T) place {
	all := map[string]func(t *testing.T) place{"sqlite": func(t *testing.T) place { return place{dir: t.TempDir()} }}
	if server := os.Getenv(storecontract.PostgresVariable); server != "" {
		all["postgres"] = func(t *testing.T) place { return place{url: storecontract.Postgres(t, server, "")} }
	}
	return all
}

func (p place) open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DatabaseURL: p.url, DataDir: p.dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p place) backup(t *testing.T) []byte {
	t.Helper()
	var to bytes.Buffer
	_, err := store.Backup(t.Context(), store.BackupOptions{
		DatabaseURL: p.url, DataDir: p.dir, Release: "1.2.3", Key: "key", Files: map[string][]byte{"secret_key": []byte("s3cret\n")},
	}, &to)
	if err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func (p place) restore(ctx context.Context, backup []byte, force bool) error {
	_, err := store.Restore(ctx, store.RestoreOptions{DatabaseURL: p.url, DataDir: p.dir, Force: force}, bytes.NewReader(backup))
	return err
}

func closed(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// furnished makes a database with something in every corner: odd texts, times with and without fractions, tasks in all states.
func furnished(t *testing.T, p place) {
	t.Helper()
	s := pastStore(t, func(testing.TB, time.Duration) *store.Store { return p.open(t) })
	defer closed(t, s)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(pastRound(t.Context(), s, 1, 200))
	ok(store.InTx(t.Context(), s, func(exec func(string, ...any) error) error { // as the database itself gives ids
		if s.Dialect() == store.PostgreSQL {
			return exec("SELECT setval(pg_get_serial_sequence('tasks', 'id'), 500), setval(pg_get_serial_sequence('task_stages', 'id'), 500)")
		}
		return exec("UPDATE sqlite_sequence SET seq = 500 WHERE name = 'tasks'")
	}))
	ok(store.InTx(t.Context(), s, func(exec func(string, ...any) error) error {
		return exec("UPDATE tasks SET date_started = ?, args = ? WHERE id = 7", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), `{"b": 1,  "a": "\u00e4<>&"}`)
	}))
	ok(s.Record(t.Context(), fleet.AuditEntry{Action: "x", Detail: "ä\t\"quoted\"\u2028 <b>"}))
	ok(s.NoteFailedLogin(t.Context(), []string{"k"}, time.Hour))
	ok(s.SetFingerprint(t.Context(), 1, "r/password", "f"))
	for _, owner := range []string{"", "dead"} {
		task, err := s.Enqueue(t.Context(), fleet.NewTask{Name: "of " + owner, Kind: fleet.KindRegister, MaxRuntime: time.Hour, Server: 1})
		ok(err)
		if owner == "" {
			continue
		}
		_, lease, err := s.Claim(t.Context(), task.ID, owner, "host", "1")
		ok(err)
		stage, err := s.SaveStage(t.Context(), lease, fleet.Stage{Task: task.ID, Name: "s", State: fleet.StageRunning})
		ok(err)
		_, err = s.RecordRequest(t.Context(), lease, fleet.PulpRequest{Task: task.ID, Stage: stage.ID, Server: 1, Step: "sync", Correlation: "cid"})
		ok(err)
	}
}

// members gives what a backup holds, but for what says when it was made.
func members(t *testing.T, backup []byte) map[string]string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, "tables/") {
			all[h.Name] = string(content)
		}
	}
}

func TestBackupIsRestoredToEitherDatabase(t *testing.T) {
	for from, source := range places() {
		for to, target := range places() {
			t.Run(from+" to "+to, func(t *testing.T) {
				was, is := source(t), target(t)
				furnished(t, was)
				first := was.backup(t)
				if err := is.restore(t.Context(), first, false); err != nil {
					t.Fatal(err)
				}
				// Who worked on what is forgotten; that apart, nothing differs.
				s := was.open(t)
				err := store.InTx(t.Context(), s, func(exec func(string, ...any) error) error {
					return exec("UPDATE tasks SET lease_owner = NULL, lease_until = NULL, job_id = NULL")
				})
				if err != nil {
					t.Fatal(err)
				}
				closed(t, s)
				want, have := members(t, was.backup(t)), members(t, is.backup(t))
				for _, name := range []string{"tables/tasks/000001.jsonl"} { // an update moves rows on PostgreSQL
					want[name], have[name] = sorted(want[name]), sorted(have[name])
				}
				if diff := cmp.Diff(want, have); diff != "" || len(have) < 10 {
					t.Errorf("%d members, restored (-want +got):\n%s", len(have), diff)
				}
				worksOn(t, is)
			})
		}
	}
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		for j := i + 1; j < len(lines); j++ {
			if lines[j] < lines[i] {
				lines[i], lines[j] = lines[j], lines[i]
			}
		}
	}
	return strings.Join(lines, "\n")
}

// worksOn makes sure that what ran and what waited at the time of the backup is handed out, and that ids go on.
func worksOn(t *testing.T, p place) {
	t.Helper()
	s := p.open(t)
	defer closed(t, s)
	taken := make(chan fleet.TaskID)
	engine, err := s.Engine(store.EngineConfig{Work: func(_ context.Context, id fleet.TaskID, _ string) error {
		taken <- id
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context()); err != nil || n != 2 {
		t.Errorf("%d handed out, %v", n, err)
	}
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	got := map[fleet.TaskID]bool{}
	for range 2 {
		select {
		case id := <-taken:
			got[id] = true
		case <-time.After(20 * time.Second):
			t.Fatal("nothing is handed out")
		}
	}
	if !got[501] || !got[502] {
		t.Errorf("handed out: %v", got)
	}
	open, err := s.OpenRequests(t.Context(), 502)
	if err != nil || len(open) != 1 || open[0].Correlation != "cid" {
		t.Errorf("open requests: %+v, %v", open, err)
	}
	task, err := s.Enqueue(t.Context(), fleet.NewTask{Name: "new", Kind: fleet.KindRegister, MaxRuntime: time.Hour})
	if err != nil || task.ID != 503 {
		t.Errorf("a new task: %+v, %v", task, err)
	}
	<-taken
	again, err := s.Task(t.Context(), 7)
	if err != nil || !again.Started.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || string(again.Args) != `{"b": 1,  "a": "\u00e4<>&"}` {
		t.Errorf("task 7: %+v, %v", again, err)
	}
	page, err := s.FindTasks(t.Context(), fleet.Query{Page: 1, Size: 5, Filters: []fleet.Filter{{Field: "date_started", Op: fleet.Less, Value: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)}}})
	if err != nil || page.Total != 1 {
		t.Errorf("%d tasks are that old, %v", page.Total, err)
	}
}

// A backup that is made while others write has of each transaction all or nothing.
func TestBackupBesideWriters(t *testing.T) {
	for name, find := range places() {
		t.Run(name, func(t *testing.T) {
			p := find(t)
			s := pastStore(t, func(testing.TB, time.Duration) *store.Store { return p.open(t) })
			ctx, stop := context.WithCancel(t.Context())
			var writing sync.WaitGroup
			trees := make(chan struct{}, 1)
			writing.Go(func() {
				for first := 1; ctx.Err() == nil; first += 20 {
					if err := pastRound(context.WithoutCancel(ctx), s, first, 20); err != nil {
						t.Error(err)
						return
					}
					select {
					case trees <- struct{}{}:
					default:
					}
				}
			})
			var backups [][]byte
			for range 3 {
				<-trees
				backups = append(backups, p.backup(t))
			}
			stop()
			writing.Wait()
			closed(t, s)
			for i, backup := range backups {
				is := find(t)
				if err := is.restore(t.Context(), backup, false); err != nil {
					t.Fatal(err)
				}
				s := is.open(t)
				for query, want := range map[string]int64{
					"SELECT count(*) FROM tasks AS t WHERE parent_id IS NULL AND (SELECT count(*) FROM tasks AS c WHERE c.parent_id = t.id) <> 9": 0,
					"SELECT count(*) FROM tasks AS t WHERE (SELECT count(*) FROM task_stages AS st WHERE st.task_id = t.id) <> 1":                 0,
					"SELECT count(*) FROM tasks AS t WHERE (SELECT count(*) FROM pulp_requests AS q WHERE q.task_id = t.id) <> 1":                 0,
					"SELECT count(*) % 20 FROM tasks": 0,
				} {
					if n, err := store.Read[int64](t.Context(), s, query); err != nil || n[0] != want {
						t.Errorf("backup %d: %s: %v, %v", i, query, n, err)
					}
				}
				closed(t, s)
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	for name, find := range places() {
		t.Run(name, func(t *testing.T) {
			p := find(t)
			furnished(t, p)
			backup := p.backup(t)
			refused := func(what string, err error, kind fault.Kind, says string) {
				t.Helper()
				if !fault.Is(err, kind) || !strings.Contains(fault.Message(err), says) || fault.Hint(err) == "" {
					t.Errorf("%s: %v (%s)", what, err, fault.KindOf(err))
				}
				if _, err := os.Stat(filepath.Join(p.dir, "pulp-manager.db.replaced")); p.dir != "" && err == nil {
					t.Errorf("%s: the database was replaced", what)
				}
			}
			s := p.open(t)
			refused("a running daemon", p.restore(t.Context(), backup, true), fault.Conflict, "use")
			closed(t, s)
			if p.url != "" {
				refused("a daemon that cannot be seen", p.restore(t.Context(), backup, true), fault.Conflict, "1 tasks are being worked on")
			}
			s = p.open(t) // half a minute later
			err := store.InTx(t.Context(), s, func(exec func(string, ...any) error) error {
				return exec("UPDATE tasks SET lease_until = ? WHERE lease_owner = 'dead'", time.Now().Add(-time.Hour))
			})
			if err != nil {
				t.Fatal(err)
			}
			closed(t, s)
			before := members(t, p.backup(t))
			refused("what is there", p.restore(t.Context(), backup, false), fault.Conflict, "is not empty")

			empty := find(t)
			for _, cut := range []int{0, 1, 10, len(backup) / 3, len(backup) / 2, len(backup) - 200, len(backup) - 1} {
				refused(fmt.Sprintf("cut at %d", cut), p.restore(t.Context(), backup[:cut], true), fault.Invalid, "damaged")
			}
			for at := 100; at < len(backup); at += len(backup) / 7 {
				other := bytes.Clone(backup)
				other[at] ^= 0x55
				refused(fmt.Sprintf("byte %d is another", at), p.restore(t.Context(), other, true), fault.Invalid, "damaged")
			}
			refused("no backup", p.restore(t.Context(), []byte("PGDMP and so on"), true), fault.Invalid, "it is no backup")
			refused("changed", p.restore(t.Context(), rewritten(t, backup, "tables/servers/", `"a.test"`, `"b.best"`), true), fault.Invalid, "is not what was written")
			refused("of a newer release", p.restore(t.Context(), rewritten(t, backup, "backup.json", `"version": 1`, `"version": 991`), true), fault.Conflict, "newer release")
			refused("of a newer format", p.restore(t.Context(), rewritten(t, backup, "backup.json", `"format": 1`, `"format": 2`), true), fault.Conflict, "newer release")
			refused("to nowhere", second(store.Restore(t.Context(), store.RestoreOptions{DatabaseURL: empty.url, DataDir: empty.dir, Accept: func(h store.BackupHead) error {
				return fault.New(fault.Conflict, "key %s is another", h.Key).WithHint("x")
			}}, bytes.NewReader(backup))), fault.Conflict, "key key is another")

			if diff := cmp.Diff(before, members(t, p.backup(t))); diff != "" {
				t.Errorf("what failed half way has changed the database:\n%s", diff)
			}
			if _, err := store.CheckBackup(t.Context(), bytes.NewReader(backup)); err != nil {
				t.Errorf("check: %v", err)
			}
			if _, err := store.CheckBackup(t.Context(), bytes.NewReader(backup[:len(backup)-9])); !fault.Is(err, fault.Invalid) {
				t.Errorf("check of half: %v", err)
			}
			if err := p.restore(t.Context(), backup, true); err != nil {
				t.Fatal(err)
			}
			worksOn(t, p)
			if left, err := filepath.Glob(filepath.Join(p.dir, ".restore-*")); p.dir != "" && (err != nil || len(left) > 0) {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// rewritten changes a text in one member of a backup, and nothing else.
func rewritten(t *testing.T, backup []byte, prefix, old, text string) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	var to bytes.Buffer
	out := gzip.NewWriter(&to)
	in, archive, done := tar.NewReader(zip), tar.NewWriter(out), false
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		content, readErr := io.ReadAll(in)
		if err = errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, prefix) && !done {
			done = bytes.Contains(content, []byte(old))
			content = bytes.Replace(content, []byte(old), []byte(text), 1)
			h.Size = int64(len(content))
		}
		if err := errors.Join(archive.WriteHeader(h), second(archive.Write(content))); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), out.Close()); err != nil || !done {
		t.Fatalf("%q is not in it; %v", old, err)
	}
	return to.Bytes()
}
