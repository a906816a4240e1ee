// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

const day = 24 * time.Hour

// pastTask is a task of a random history.
type pastTask struct {
	id, parent, root  int64 // root: 0 where it is one
	kind              fleet.Kind
	state             fleet.TaskState
	server, repo      int64
	schedule, retryOf int64
	ended             time.Duration // ago
	unconfirmed, open bool
	locked, leased    bool
}

func (p pastTask) top() int64 {
	if p.root == 0 {
		return p.id
	}
	return p.root
}

var finalStates = []fleet.TaskState{fleet.Completed, fleet.Completed, fleet.Completed, fleet.Failed, fleet.Canceled, fleet.FailedToStart}

// pastTasks draws a history, oldest first. There are two servers with two repositories each, and schedules 1 and 2.
func pastTasks(t *rapid.T) []pastTask {
	var all []pastTask
	rarely := func(what string) bool { return rapid.IntRange(0, 19).Draw(t, what) == 0 }
	retried := map[int64]bool{}
	add := func(p pastTask) pastTask {
		p.id = int64(len(all) + 1)
		if len(all) > 0 && rapid.IntRange(0, 5).Draw(t, "retries") == 0 {
			p.retryOf = rapid.SampledFrom(all).Draw(t, "retry of").id
			if p.root == 0 && retried[p.retryOf] { // a task is retried by one
				p.retryOf = 0
			}
			retried[p.retryOf] = retried[p.retryOf] || p.root == 0
		}
		p.ended = time.Duration(rapid.IntRange(0, 120).Draw(t, "days"))*day + time.Hour
		if rapid.IntRange(0, 9).Draw(t, "open") == 0 {
			p.open = p.repo != 0 && rarely("request")
		}
		p.unconfirmed = p.state == fleet.Canceled && rarely("unconfirmed")
		all = append(all, p)
		return p
	}
	for range rapid.IntRange(1, 25).Draw(t, "trees") {
		root := pastTask{
			kind:   rapid.SampledFrom([]fleet.Kind{fleet.KindRepoGroupSync, fleet.KindRegister, fleet.KindRepoSync}).Draw(t, "kind"),
			state:  rapid.SampledFrom(append([]fleet.TaskState{fleet.Skipped, fleet.Queued, fleet.Running}, finalStates...)).Draw(t, "state"),
			server: rapid.Int64Range(0, 2).Draw(t, "server"), schedule: rapid.SampledFrom([]int64{0, 0, 1, 2, 99}).Draw(t, "schedule"),
			locked: rarely("locked"), leased: rarely("leased"),
		}
		if root.kind == fleet.KindRepoSync && root.server > 0 {
			root.repo = 2*root.server - 1
		}
		if root = add(root); root.state == fleet.Skipped || root.state == fleet.Queued {
			continue
		}
		below := []int64{root.id}
		for range rapid.IntRange(0, 4).Draw(t, "children") {
			states := finalStates
			if root.state == fleet.Running {
				states = append(slices.Clone(finalStates), fleet.Queued, fleet.Running)
			}
			repo := rapid.Int64Range(1, 4).Draw(t, "repository")
			child := add(pastTask{
				parent: rapid.SampledFrom(below).Draw(t, "parent"), root: root.id, kind: fleet.KindRepoSync,
				state: rapid.SampledFrom(append([]fleet.TaskState{fleet.Skipped}, states...)).Draw(t, "child state"), repo: repo, server: (repo + 1) / 2,
			})
			below = append(below, child.id)
		}
	}
	return all
}

// kept is what the rules say, task by task.
func kept(all []pastTask, r fleet.Retention) []int64 {
	trees, byID := map[int64][]pastTask{}, map[int64]pastTask{}
	for _, p := range all {
		trees[p.top()], byID[p.id] = append(trees[p.top()], p), p
	}
	within := func(root int64) bool { // is it among the newest so many
		n := 0
		for top, tree := range trees {
			if top >= root {
				n += len(tree)
			}
		}
		return r.Count == 0 || n <= r.Count
	}
	unfinished := func(p pastTask) bool { return !p.state.Final() }
	newest := func(root pastTask, same func(a, b pastTask) bool) bool {
		return root.state != fleet.Skipped && !slices.ContainsFunc(all, func(o pastTask) bool {
			return o.root == 0 && o.state != fleet.Skipped && same(o, root) && o.id > root.id
		})
	}
	whole := func(root pastTask) bool {
		old := r.Tasks > 0 && root.ended > r.Tasks || r.Skipped > 0 && root.state == fleet.Skipped && root.ended > r.Skipped || !within(root.id)
		return !old || root.locked || root.leased || unfinished(root) ||
			slices.ContainsFunc(trees[root.id], func(p pastTask) bool { return p.open || p.unconfirmed }) ||
			newest(root, func(a, b pastTask) bool { return a.kind == b.kind && a.server == b.server }) ||
			(root.schedule == 1 || root.schedule == 2) && newest(root, func(a, b pastTask) bool { return a.schedule == b.schedule }) ||
			slices.ContainsFunc(all, func(o pastTask) bool { return unfinished(o) && o.retryOf != 0 && byID[o.retryOf].top() == root.id })
	}
	success := map[int64]pastTask{} // the last of each repository
	for _, p := range all {
		if last, there := success[p.repo]; p.repo != 0 && p.kind == fleet.KindRepoSync && p.state == fleet.Completed && (!there || p.ended <= last.ended) {
			success[p.repo] = p
		}
	}
	keep := map[int64]bool{}
	for top, tree := range trees {
		for _, p := range tree {
			if whole(byID[top]) {
				keep[p.id] = true
			}
		}
	}
	for _, p := range success {
		for id := p.id; id != 0; id = byID[id].parent {
			keep[id] = true
		}
	}
	var ids []int64
	for id := range keep {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// remember makes a history the only one that there is.
func remember(ctx context.Context, s *store.Store, all []pastTask, now time.Time) error {
	return store.InTx(ctx, s, func(exec func(string, ...any) error) error {
		if err := exec("DELETE FROM tasks"); err != nil {
			return err
		}
		for _, p := range all {
			var ended, requested, lease any
			if p.state.Final() {
				ended = now.Add(-p.ended)
			}
			if p.unconfirmed {
				requested = now
			}
			if p.leased {
				lease = "me"
			}
			err := exec(`INSERT INTO tasks (id, name, parent_id, root_id, ordinal, kind, args, state, server_id, repository_id, schedule_id, retry_of,
				max_runtime, date_queued, date_finished, cancel_requested, lease_owner, date_created, date_last_updated)
				VALUES (?, 't', ?, ?, ?, ?, '{}', ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)`,
				p.id, orNull(p.parent), orNull(p.root), p.id, p.kind, p.state, orNull(p.server), orNull(p.repo), orNull(p.schedule), orNull(p.retryOf),
				now, ended, requested, lease, now, now)
			if err == nil {
				err = exec("INSERT INTO task_stages (id, task_id, name, state, date_created, date_last_updated) VALUES (?, ?, 's', 'completed', ?, ?)", p.id, p.id, now, now)
			}
			if err == nil {
				state := fleet.RequestDone
				if p.open {
					state = fleet.RequestOpen
				}
				err = exec("INSERT INTO pulp_requests (task_id, stage_id, server_id, step, attempt, correlation, sent, href, state) VALUES (?, ?, 1, 'x', 1, 'c', ?, '', ?)",
					p.id, p.id, now, state)
			}
			if err == nil && p.locked {
				err = exec("INSERT INTO repository_locks (server_id, repository, task_id, pulp_task, since) VALUES (1, ?, ?, '', ?)", fmt.Sprint(p.id), p.id, now)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// pastStore has two servers with two repositories each, and schedules 1 and 2.
func pastStore(t *testing.T, open storecontract.Open) *store.Store {
	t.Helper()
	s := open(t, 0)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c := fleet.Configuration{Hash: "1", Groups: []fleet.Group{{Name: "all", Include: ".*"}}}
	for _, name := range []fleet.ServerName{"a.test", "b.test"} {
		c.Servers = append(c.Servers, fleet.ConfiguredServer{Server: fleet.Server{Name: name, Username: "admin"}, Groups: []fleet.ServerGroup{
			{Group: fleet.Group{Name: "all"}, MaxConcurrentSyncs: 2, MaxRuntime: "2h", Schedule: "0 1 * * *"},
		}})
		c.Schedules = append(c.Schedules, fleet.ConfiguredSchedule{ServerName: name, GroupName: "all", Schedule: fleet.Schedule{
			Kind: fleet.KindRepoGroupSync, Cron: "0 1 * * *", TaskName: "t", MaxRuntime: time.Hour, NextRun: time.Now().Add(time.Hour),
		}})
	}
	_, err := s.Apply(t.Context(), c, false)
	ok(err)
	for id := range fleet.ServerID(2) {
		ok(s.Mirror(t.Context(), id+1, []fleet.Repository{{Name: "x", Type: "deb"}, {Name: "y", Type: "deb"}}, nil))
	}
	ids, err := store.Read[int64](t.Context(), s, "SELECT id FROM repositories UNION ALL SELECT id FROM schedules ORDER BY 1")
	ok(err)
	if diff := cmp.Diff([]int64{1, 1, 2, 2, 3, 4}, ids); diff != "" {
		t.Fatal(diff)
	}
	return s
}

func TestPruningKeepsWhatItMust(t *testing.T) {
	for name, open := range storecontract.Databases(t) {
		t.Run(name, func(t *testing.T) {
			s := pastStore(t, open)
			removed := int64(0)
			rapid.Check(t, func(rt *rapid.T) {
				all := pastTasks(rt)
				r := fleet.Retention{
					Tasks: rapid.SampledFrom([]time.Duration{0, 30 * day, 90 * day}).Draw(rt, "tasks"), Skipped: rapid.SampledFrom([]time.Duration{0, 7 * day}).Draw(rt, "skipped"),
					Count: rapid.SampledFrom([]int{0, 1, 5, 20}).Draw(rt, "count"),
				}
				if err := remember(t.Context(), s, all, time.Now()); err != nil {
					rt.Fatal(err)
				}
				for range 2 { // the second finds nothing more
					pruned, err := s.Prune(t.Context(), r)
					if err != nil {
						rt.Fatal(err)
					}
					removed += pruned.Tasks
					left, err := store.Read[int64](t.Context(), s, "SELECT id FROM tasks ORDER BY id")
					if err != nil {
						rt.Fatal(err)
					}
					want := kept(all, r)
					if diff := cmp.Diff(want, left); diff != "" {
						rt.Fatalf("%+v of\n%+v\nkept (-want +got):\n%s", r, all, diff)
					}
					for _, table := range []string{"task_stages", "pulp_requests"} {
						of, err := store.Read[int64](t.Context(), s, "SELECT task_id FROM "+table+" ORDER BY task_id")
						if err != nil || !slices.Equal(of, want) {
							rt.Fatalf("%s of tasks %v, want %v: %v", table, of, want, err)
						}
					}
				}
			})
			if removed < 100 {
				t.Errorf("only %d tasks were removed in all", removed)
			}
		})
	}
}
