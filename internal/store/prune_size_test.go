// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// pastRound stores trees of a root and nine children, with stages and requests, ids from first on.
func pastRound(ctx context.Context, s *store.Store, first, tasks int) error {
	const size = 10
	now := time.Now()
	detail := `{"msg":"` + strings.Repeat("x", 300) + `"}`
	return store.InTx(ctx, s, func(exec func(string, ...any) error) error {
		for root := first; root < first+tasks; root += size {
			var rows, stages, requests []string
			for id := root; id < root+size; id++ {
				parent := "NULL"
				if id > root {
					parent = fmt.Sprint(root)
				}
				rows = append(rows, fmt.Sprintf("(%d, 'sync of repository %d', %s, %s, %d, 'repo_sync', '{}', 'completed', 1, %d, 1, ?0, ?0, ?0, 'worker', '%d', ?0, ?0)",
					id, id, parent, parent, id, id%4/2+1, id))
				stages = append(stages, fmt.Sprintf("(%d, %d, 's', 'completed', ?1, ?0, ?0)", id, id))
				requests = append(requests, fmt.Sprintf("(%d, %d, 1, 'sync', 1, 'c%d', ?0, '/pulp/api/v3/tasks/%d/', 'done')", id, id, id, id))
			}
			if err := exec(`INSERT INTO tasks (id, name, parent_id, root_id, ordinal, kind, args, state, server_id, repository_id, max_runtime, date_queued,
				date_started, date_finished, worker_name, worker_job_id, date_created, date_last_updated) VALUES `+strings.Join(rows, ", "), now); err != nil {
				return err
			}
			if err := exec("INSERT INTO task_stages (id, task_id, name, state, detail, date_created, date_last_updated) VALUES "+strings.Join(stages, ", "), now, detail); err != nil {
				return err
			}
			if err := exec("INSERT INTO pulp_requests (task_id, stage_id, server_id, step, attempt, correlation, sent, href, state) VALUES "+strings.Join(requests, ", "), now); err != nil {
				return err
			}
		}
		return nil
	})
}

// roundVariable names the environment variable with the number of tasks in a round; 200 without it.
const roundVariable = "PULPMAN_PRUNE_ROUND"

// A database that is pruned stops to grow, and whoever writes beside a pruning does not wait long.
func TestPrunedDatabaseIsBounded(t *testing.T) {
	const rounds = 50
	tasks := 200
	if n, err := strconv.Atoi(os.Getenv(roundVariable)); err == nil {
		tasks = n / 10 * 10
	}
	s := pastStore(t, storecontract.SQLite)
	var sizes, logs []int64
	var longest time.Duration
	for round := range rounds {
		if err := pastRound(t.Context(), s, 1+round*tasks, tasks); err != nil {
			t.Fatal(err)
		}
		waited := beside(t, s, func() {
			if _, err := s.Prune(t.Context(), fleet.Retention{Count: tasks, Entries: 100}); err != nil {
				t.Error(err)
			}
		})
		longest = max(longest, waited)
		status, err := s.DatabaseStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes, logs = append(sizes, status.Bytes), append(logs, status.Log)
	}
	for _, table := range []string{"tasks", "task_stages", "pulp_requests"} {
		n, err := store.Read[int64](t.Context(), s, "SELECT count(*) FROM "+table)
		if err != nil || n[0] > int64(tasks)+20 { // and what else must stay
			t.Errorf("%s: %d rows, %v", table, n[0], err)
		}
	}
	most := func(s []int64) (m int64) {
		for _, n := range s {
			m = max(m, n)
		}
		return m
	}
	t.Logf("database after round 1, 5, %d: %d, %d, %d bytes; log at most %d bytes; a writer waited at most %s", rounds, sizes[0], sizes[4], sizes[rounds-1], most(logs), longest)
	if early, late := most(sizes[:10]), most(sizes[10:]); late > early+early/10 {
		t.Errorf("the database still grows: %d bytes in the first ten rounds, %d later", early, late)
	}
	if most(logs) > 40<<20 {
		t.Errorf("the log grew to %d bytes", most(logs))
	}
}

// beside writes all the time while something is done, and gives how long one write took at most.
func beside(t *testing.T, s *store.Store, do func()) time.Duration {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var longest time.Duration
	var writing sync.WaitGroup
	writing.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			if err := s.Record(context.WithoutCancel(ctx), fleet.AuditEntry{Action: "login"}); err != nil { // the smallest write
				t.Errorf("write: %v", err)
				return
			}
			longest = max(longest, time.Since(began))
			pause := time.NewTimer(time.Millisecond)
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		}
	})
	do()
	stop()
	writing.Wait()
	return longest
}

// After much was removed the file becomes smaller, while others write.
func TestFreedSpaceIsGivenBack(t *testing.T) {
	s := pastStore(t, storecontract.SQLite)
	for first := 1; first < 8000; first += 2000 {
		if err := pastRound(t.Context(), s, first, 2000); err != nil {
			t.Fatal(err)
		}
	}
	before, err := s.DatabaseStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	beside(t, s, func() {
		if removed, err := s.Prune(t.Context(), fleet.Retention{Count: 1000, Entries: 100}); err != nil || removed.Tasks < 6900 {
			t.Errorf("removed: %+v, %v", removed, err)
		}
	})
	after, err := s.DatabaseStatus(t.Context())
	if err != nil || after.Bytes > before.Bytes*3/4 || after.Free >= 4<<20 {
		t.Errorf("%d bytes, now %d of which %d are free; %v", before.Bytes, after.Bytes, after.Free, err)
	}
	sound, err := store.Read[string](t.Context(), s, "SELECT integrity_check FROM pragma_integrity_check")
	if err != nil || len(sound) != 1 || sound[0] != "ok" {
		t.Errorf("the database is %v, %v", sound, err)
	}
}
