// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"hash/fnv"
	"slices"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// uneven makes syncs take 5 to 45 ms, by chance that can be repeated.
func uneven(w *jobtest.World) {
	w.Types, w.Copies = []fleet.RepositoryType{"file"}, 11
	w.Primary.Workers = 32
	w.Primary.TaskDuration = func(_, repository string) time.Duration {
		h := fnv.New32()
		_, _ = h.Write([]byte(repository))
		return time.Duration(5+h.Sum32()%40) * time.Millisecond
	}
}

// TestConcurrency: never more syncs at a time than asked for, in the order of their names, and no fewer where
// there is enough to do.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 3, 7} {
		t.Run(string(rune('0'+most)), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, uneven)
			f.Register(f.Primary)
			release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
			done := f.Go(f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = most }))
			f.Until("as many syncs as asked for", func() bool { return len(running(f.Primary)) == most })
			release()
			if task := done(); task.State != fleet.Completed {
				t.Errorf("the sync is %s: %+v", task.State, task.Error)
			}
			syncs := f.Primary.TasksStarted("synchronize")
			if n := atOnce(syncs); n != most {
				t.Errorf("%d syncs at once, want %d", n, most)
			}
			var order []string
			for _, s := range syncs {
				order = append(order, s.Subject)
			}
			if most == 1 && !slices.IsSorted(order) {
				t.Errorf("order: %v", order)
			}
		})
	}
}

// TestLimitPerServer: the bound for a server holds over all group syncs, and over those of one upstream host.
func TestLimitPerServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		limit func(*jobtest.World)
	}{
		{"server", func(w *jobtest.World) { w.Limits.PerServer = 3 }},
		{"upstream", func(w *jobtest.World) { w.Limits.PerUpstream = 3 }}, // both groups read from the same one
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, uneven, c.limit)
			f.Register(f.Primary)
			release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
			f.Serve()
			var tasks []fleet.Task
			for _, include := range []string{"[0-4]$", "[5-9]$|10$"} {
				tasks = append(tasks, f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs, a.RegexInclude = 5, &include }))
			}
			f.Until("as many syncs as there may be", func() bool { return len(running(f.Primary)) == 3 })
			release()
			for _, task := range tasks {
				if ended := f.Ended(task); ended.State != fleet.Completed {
					t.Errorf("task %d is %s: %+v", task.ID, ended.State, ended.Error)
				}
			}
			if n := atOnce(f.Primary.TasksStarted("synchronize")); n != 3 {
				t.Errorf("%d syncs at once, want 3", n)
			}
		})
	}
}

// atOnce gives how many Pulp tasks there were at the busiest moment, from the request to the end.
func atOnce(tasks []pulpfake.Task) int {
	type edge struct {
		at   time.Time
		step int
	}
	var edges []edge
	for _, task := range tasks {
		edges = append(edges, edge{task.Created, 1}, edge{task.Finished, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	now, most := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}
