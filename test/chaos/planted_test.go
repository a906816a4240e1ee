// SPDX-License-Identifier: Apache-2.0

package main

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// world is a fleet of two servers that is wholly synced, seen as the suite sees its own.
type world struct {
	*jobtest.Fleet
	t       *testing.T
	fleet   *simulatedFleet
	watcher *watcher
	load    *load
	found   *findings
	records *records
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, found: &findings{}}
	w.Fleet = jobtest.New(t, func(shape *jobtest.World) {
		shape.Types = []fleet.RepositoryType{"deb", "rpm", "file", "python", "container"}
	})
	u := &upstream{base: w.UpstreamURL, trees: w.Upstream, tree: map[string]*pulpfake.Tree{}, generation: map[string]int{}}
	for _, kind := range []string{"deb", "rpm", "file", "python", "container"} {
		r := repository{name: "ext-" + kind, kind: kind, feed: "ext-" + kind, base: "repos"}
		u.repositories = append(u.repositories, r)
		u.change(r)
	}
	w.fleet = &simulatedFleet{servers: []*pulpfake.Server{w.Primary, w.Secondary}, primaries: 1, upstream: u}
	w.watcher = newWatcher(w.fleet, w.found)
	w.load = &load{unanswered: 1000}
	var err error
	if w.records, err = openRecords(w.DataDir, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.records.close() })
	w.SyncAll()
	if text := w.look(); text != "" {
		t.Fatalf("nothing was done wrong yet: %s", text)
	}
	return w
}

// look gives all that the suite finds.
func (w *world) look() string {
	w.t.Helper()
	w.fleet.equal(w.watcher, w.found)
	if err := w.fleet.invariants(w.t.Context(), w.records, true, w.found); err != nil {
		w.t.Fatal(err)
	}
	if err := w.load.lost(w.t.Context(), w.records, w.found); err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(w.found.list(), "\n")
}

// sql changes the store's database behind its back.
func (w *world) sql(statement string) {
	w.t.Helper()
	file := url.URL{Scheme: "file", Path: filepath.Join(w.DataDir, "pulp-manager.db")}
	db, err := sql.Open("sqlite", file.String()+"?_busy_timeout=10000")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	done, err := db.ExecContext(w.t.Context(), statement)
	if err != nil {
		w.t.Fatal(err)
	}
	if n, err := done.RowsAffected(); n == 0 || err != nil {
		w.t.Fatalf("%s changed nothing: %v", statement, err)
	}
}

// ask sends a request to a server of the fleet, as somebody else would.
func (w *world) ask(s *pulpfake.Server, method, path, body, correlation string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, s.Base()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.SetBasicAuth("admin", "password")
	request.Header.Set("Content-Type", "application/json")
	if correlation != "" {
		request.Header.Set("Correlation-ID", correlation)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode > 299 {
		w.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	if err := s.WaitIdle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) href(s *pulpfake.Server, class, name string) string {
	w.t.Helper()
	href, _ := s.Object(class, name)["pulp_href"].(string)
	if href == "" {
		w.t.Fatalf("%s has no %s %s", s.Name(), class, name)
	}
	return href
}

// TestPlanted breaks each invariant in turn, and sees it found.
func TestPlanted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plant func(w *world)
		finds string
	}{
		"a served file is gone": {func(w *world) {
			if !w.Secondary.Damage("repos/ext-file", "alpha.txt", nil) {
				w.t.Fatal("it was not there")
			}
		}, "server-01 ext-file: alpha.txt is listed and not served"},
		"a served package has other bytes": {func(w *world) {
			for file := range w.Secondary.ServedFiles("repos/ext-rpm") {
				if strings.HasPrefix(file, "Packages/") {
					w.Secondary.Damage("repos/ext-rpm", file, []byte("other bytes"))
				}
			}
		}, "is served with other bytes than are listed"},
		"an index is not of its release": {func(w *world) {
			w.Primary.Damage("repos/ext-deb", "dists/stable/main/binary-amd64/Packages", []byte("Package: alpha\n"))
		}, "server-00 ext-deb: dists/stable/main/binary-amd64/Packages is served with other bytes than are listed"},
		"two generations are mixed": {func(w *world) {
			mixed := specOf(w.fleet.upstream.repositories[2], 2)
			mixed.Packages[1].Body = "generation 1.0"
			w.Upstream.Add("ext-file", mixed)
			w.Sync(w.Primary, nil)
		}, "server-00 ext-file: a mix is served: alpha of generations [2], beta of [1]"},
		"an older generation is served": {func(w *world) {
			w.fleet.upstream.change(w.fleet.upstream.repositories[2])
			w.Sync(w.Primary, nil)
			w.look()
			w.Upstream.Add("ext-file", specOf(w.fleet.upstream.repositories[2], 1))
			w.Sync(w.Primary, nil)
		}, "server-00 ext-file: generation 1 is served after 2"},
		"nothing is served any more": {func(w *world) {
			w.ask(w.Secondary, http.MethodDelete, w.href(w.Secondary, "distributions", "ext-python"), "", "")
		}, "server-01 ext-python: nothing is served any more, generation 1 was"},
		"a sync was forgotten": {func(w *world) {
			w.fleet.upstream.change(w.fleet.upstream.repositories[4])
			w.Sync(w.Primary, nil)
		}, "server-01 ext-container: generation 1 is served after an undisturbed round, upstream has 2"},
		"one request started two Pulp tasks": {func(w *world) {
			var correlation string
			if err := w.records.db.QueryRowContext(w.t.Context(), "SELECT correlation FROM pulp_requests WHERE step LIKE 'sync%ext-rpm' ORDER BY id LIMIT 1").Scan(&correlation); err != nil {
				w.t.Fatal(err)
			}
			w.ask(w.Primary, http.MethodPost, w.href(w.Primary, "repositories", "ext-rpm")+"sync/", "{}", correlation)
		}, "primary: 2 Pulp tasks for request"},
		"a Pulp task has no record": {func(w *world) {
			w.ask(w.Primary, http.MethodPost, w.href(w.Primary, "repositories", "ext-rpm")+"sync/", "{}", "")
		}, "of ext-rpm belongs to no recorded request"},
		"a remote belongs to nothing": {func(w *world) {
			w.ask(w.Primary, http.MethodPost, "/pulp/api/v3/remotes/file/file/", `{"name":"ext-orphan","url":"http://127.0.0.1:9/PULP_MANIFEST"}`, "")
		}, "primary: its remotes are not those of its repositories: [ext-orphan]"},
		"a lock is left": {func(w *world) {
			w.sql("INSERT INTO repository_locks (server_id, repository, task_id, pulp_task, since) SELECT 1, 'ext-deb', min(id), '', '2026-01-01 00:00:00' FROM tasks")
		}, "primary: the lock of ext-deb is held by task 1, which is completed, for no Pulp task"},
		"a lock names a Pulp task that is over": {func(w *world) {
			w.sql("INSERT INTO repository_locks (server_id, repository, task_id, pulp_task, since) SELECT 1, 'ext-deb', min(id), '" + w.Primary.Tasks()[0].Href + "', '2026-01-01 00:00:00' FROM tasks")
		}, ", which is over"},
		"a task has no owner": {func(w *world) {
			w.sql("UPDATE tasks SET state = 'running', date_finished = NULL WHERE id = 1")
		}, "a task is not over: task 1 "},
		"a child is left behind": {func(w *world) {
			w.sql("UPDATE tasks SET state = 'queued', date_finished = NULL WHERE id = (SELECT max(id) FROM tasks WHERE parent_id IS NOT NULL)")
		}, "a final task has children that are not: task "},
		"a parent says that all is well": {func(w *world) {
			w.sql("UPDATE tasks SET state = 'failed' WHERE id = (SELECT max(id) FROM tasks WHERE parent_id IS NOT NULL)")
		}, "a completed task has children that did not succeed: task "},
		"a parent blames children that are well": {func(w *world) {
			w.sql(`UPDATE tasks SET state = 'failed', error = '{"msg":"1 of 5","detail":"look at the failed child tasks"}' WHERE id = (SELECT max(parent_id) FROM tasks)`)
		}, "a task that failed by its children has none that failed: task "},
		"a request is open": {func(w *world) {
			w.sql("UPDATE pulp_requests SET state = 'open' WHERE id = 1")
		}, "a request is open: request 1 "},
		"a cancellation is not confirmed": {func(w *world) {
			w.sql("UPDATE tasks SET cancel_requested = date_finished WHERE id = 1")
		}, "a cancellation is not confirmed: task 1 "},
		"a lease is left": {func(w *world) {
			w.sql("UPDATE tasks SET lease_owner = 'nobody' WHERE id = 1")
		}, "a lease is held by nobody: task 1 "},
		"a schedule ran twice at once": {func(w *world) {
			w.sql("UPDATE tasks SET schedule_id = 7, date_finished = '2099-01-01 00:00:00' WHERE parent_id IS NULL")
		}, "a schedule ran twice at once: tasks 1 and "},
		"a task is lost": {func(w *world) {
			w.load.answered = []int64{4711}
		}, "task 4711, which the API said it had queued, is lost"},
		"more tasks than were asked for": {func(w *world) {
			w.load.answered, w.load.unanswered = []int64{1}, 0
		}, "of 1 requests for one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			test.plant(w)
			if found := w.look(); !strings.Contains(found, test.finds) {
				t.Errorf("found %q, want %q", found, test.finds)
			}
		})
	}
}
