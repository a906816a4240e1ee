// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// recorder keeps the queries that a store sends.
type recorder struct {
	mu      sync.Mutex
	queries []string
}

func (*recorder) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (r *recorder) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, e.Query)
}

// fullScan is a line of a query plan that reads a whole table of the growing ones:
// tasks, requests, repositories, logins or the audit, by their aliases.
var fullScan = regexp.MustCompile(`^SCAN (t|c|root|q|r|st|a|rt|lf|tasks|repositories|pulp_requests|task_stages|audit|revoked_tokens|login_failures)$`)

func TestQueriesUseIndexes(t *testing.T) {
	s, seen := recorded(t)
	ctx := t.Context()
	server := oneServer(t, s)
	now := time.Now()
	filters := map[string]any{
		"id": int64(1), "name": "x", "parent_task_id": int64(1), "task_type": "repo_sync", "state": "running", "worker_name": "w",
		"worker_job_id": "j", "date_queued": now, "date_started": now, "date_finished": now, "pulp_server_id": int64(1),
		"pulp_server_repo_id": int64(1), "schedule_id": int64(1), "retry_of": int64(1),
	}
	for field, value := range filters {
		for _, op := range []fleet.Op{fleet.Equal, fleet.In} {
			v := value
			if op == fleet.In {
				v = []any{value}
			}
			q := fleet.Query{Page: 1, Size: 50, Desc: true, Filters: []fleet.Filter{{Field: field, Op: op, Value: v}}}
			must(t, second(s.FindTasks(ctx, q)))
		}
	}
	must(t, second(s.FindTasks(ctx, fleet.Query{Page: 1, Size: 50, Filters: []fleet.Filter{{Field: "parent_task_id", Value: int64(0)}}})))
	for _, sort := range []string{"", "id", "name", "task_type", "state", "worker_name", "date_queued", "date_started", "date_finished"} {
		for _, desc := range []bool{false, true} {
			must(t, second(s.FindTasks(ctx, fleet.Query{Page: 2, Size: 50, Sort: sort, Desc: desc})))
		}
	}
	for field, value := range map[string]any{"name": "x", "repo_type": "deb", "repo_sync_health": "red", "repo_id": int64(1)} {
		filters := []fleet.Filter{{Field: field, Value: value}}
		must(t, second(s.FindRepositories(ctx, server, fleet.Query{Page: 1, Size: 50, Filters: filters})))
	}
	must(t, second(s.Vitals(ctx)))
	everyday(t, s, server)
	accesses(t, s)
	if len(*seen) < 160 {
		t.Fatalf("only %d queries were seen", len(*seen))
	}
	for _, query := range *seen {
		for _, line := range plan(t, s, query) {
			if fullScan.MatchString(line) {
				t.Errorf("%s: in %s", line, query)
			}
			if strings.Contains(line, "TEMP B-TREE FOR ORDER BY") && (strings.Contains(query, `FROM "tasks"`) || strings.Contains(query, `FROM "audit"`)) && !strings.Contains(query, " IN (") {
				t.Errorf("%s: in %s", line, query)
			}
		}
	}
}

// everyday does what workers do all day.
func everyday(t *testing.T, s *Store, server fleet.ServerID) {
	t.Helper()
	ctx := t.Context()
	must(t, s.Mirror(ctx, server, []fleet.Repository{{Name: "r", Type: "deb"}}, nil))
	must(t, second(s.ServerRepositories(ctx, server)))
	task, err := s.Enqueue(ctx, fleet.NewTask{Name: "x", Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour})
	must(t, err)
	_, lease, err := s.Claim(ctx, task.ID, "me", "w", "1")
	must(t, err)
	must(t, second(s.Renew(ctx, "me")))
	must(t, second(s.Interrupted(ctx, "me")))
	children, err := s.CreateChildren(ctx, lease, task.ID, []fleet.NewTask{{Name: "c", Kind: fleet.KindRepoSync}})
	must(t, err)
	must(t, second(s.Transition(ctx, lease, children[0].ID, fleet.Running, nil)))
	stage, err := s.SaveStage(ctx, lease, fleet.Stage{Task: children[0].ID, Name: "s", State: fleet.StageRunning})
	must(t, err)
	r, err := s.RecordRequest(ctx, lease, fleet.PulpRequest{Task: children[0].ID, Stage: stage.ID, Server: server, Step: "sync"})
	must(t, err)
	must(t, second(s.AcquireLock(ctx, lease, server, "r")))
	must(t, second(s.OpenRequests(ctx, task.ID)))
	must(t, second(s.Cancel(ctx, task.ID)))
	r.State = fleet.RequestDone
	must(t, s.UpdateRequest(ctx, r))
	must(t, s.ConfirmCancel(ctx, lease, task.ID))
	must(t, second(s.Sweep(ctx)))
	must(t, second(s.Reclaim(ctx)))
	must(t, second(s.Children(ctx, task.ID)))
	must(t, second(s.Stages(ctx, task.ID)))
	_, _, err = s.DueSchedules(ctx, 10)
	must(t, err)
}

// accesses does what logins do, and reads the audit in all ways but by its details, which no index holds.
func accesses(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must(t, s.Revoke(ctx, fleet.Revocation{TokenID: "t", Until: time.Now()}))
	must(t, second(s.Revoked(ctx, "t")))
	must(t, s.NoteFailedLogin(ctx, []string{"a", "b"}, time.Hour))
	_, _, err := s.FailedLogins(ctx, []string{"a", "b"})
	must(t, err)
	must(t, s.ClearFailedLogins(ctx, []string{"a"}))
	for field, known := range auditFields {
		if field == "detail" {
			continue
		}
		value := map[fieldType]any{text: "admin", integer: int64(7), moment: time.Now()}[known.typ]
		for _, desc := range []bool{false, true} {
			must(t, second(s.FindAudit(ctx, fleet.Query{Page: 2, Size: 50, Sort: field, Desc: desc})))
			filters := []fleet.Filter{{Field: field, Value: value}}
			must(t, second(s.FindAudit(ctx, fleet.Query{Page: 1, Size: 50, Desc: desc, Filters: filters})))
		}
	}
}

// recorded opens a store whose queries are kept.
func recorded(t *testing.T) (*Store, *[]string) {
	t.Helper()
	s := openTest(t, Options{DataDir: t.TempDir()})
	r := &recorder{}
	db := s.db.(*sqliteDB)
	db.writer, s.read = db.writer.WithQueryHook(r), s.read.WithQueryHook(r)
	return s, &r.queries
}

func plan(t *testing.T, s *Store, query string) []string {
	t.Helper()
	first, _, _ := strings.Cut(query, " ")
	if !slices.Contains([]string{"SELECT", "UPDATE", "DELETE", "WITH", "INSERT"}, first) {
		return nil
	}
	rows, err := s.db.(*sqliteDB).writer.DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		must(t, rows.Scan(&id, &parent, &unused, &line))
		lines = append(lines, line)
	}
	must(t, rows.Err())
	return lines
}

// Every state that a task may have is counted.
func TestVitalsKnowEveryState(t *testing.T) {
	for _, state := range fleet.TaskStates {
		if !strings.Contains(vitalTasks, "SELECT '"+string(state)+"'") {
			t.Errorf("tasks in state %s are not counted", state)
		}
	}
}
