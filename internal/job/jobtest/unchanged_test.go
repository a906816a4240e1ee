// SPDX-License-Identifier: Apache-2.0

package jobtest_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestKilledIsNotUnchanged kills the process that mirrors changed repositories with SIGKILL, at a request.
// What it did not wholly sync is never taken as unchanged: whatever counts as that is served as the primary
// serves it, at that moment, after the process has been started again, and after a further run.
func TestKilledIsNotUnchanged(t *testing.T) {
	t.Parallel()
	const most = 70 // requests to the secondary in a run that nothing disturbs, at least
	var all []kill
	for n := 1; n <= most; n++ {
		for _, at := range []pulpfake.Moment{pulpfake.Before, pulpfake.Done, pulpfake.After} {
			all = append(all, kill{secondary: true, request: n, at: at})
		}
	}
	for _, k := range jobtest.Sample(t, all, jobtest.Kills, 6) {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, short)
			f.SyncAll()
			f.Trees["ext-deb"].Put(pulpfake.Package{Name: "gamma", Version: "3.0"})
			f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
			f.Trees["ext-file"].Put(pulpfake.Package{Name: "b.txt", Body: "b"})
			f.Sync(f.Primary, nil)
			f.QueueSync(f.Secondary, f.Primary)
			f.CloseStore()
			f.Secondary.ForgetRequests()
			var child *jobtest.Child
			started, once, seen := make(chan struct{}), sync.Once{}, 0
			var mu sync.Mutex
			f.Secondary.Hook(func(_ int, at pulpfake.Moment, _ *http.Request) {
				mu.Lock()
				if at == pulpfake.Before {
					seen++
				}
				reached := seen >= k.request && at == k.at
				mu.Unlock()
				if reached {
					once.Do(func() { <-started; child.Kill() })
				}
			})
			child = f.StartChild()
			close(started)
			killed := child.Wait(jobtest.Patience) != nil
			f.Secondary.Hook(nil)
			trusted(t, f, "killed")
			if killed {
				if err := f.StartChild().Wait(jobtest.Patience); err != nil {
					t.Fatal(err)
				}
			}
			trusted(t, f, "started again")
			f.OpenStore()
			f.Sync(f.Secondary, f.Primary)
			f.Same()
			f.Sound()
			if t.Failed() {
				t.Log(f.Stories())
			}
		})
	}
}

// trusted fails the test where a repository counts as synced from what the primary serves and does not serve that.
func trusted(t *testing.T, f *jobtest.Fleet, when string) {
	t.Helper()
	f.Until("nothing to run on the secondary", func() bool {
		for _, task := range f.Secondary.Tasks() {
			if task.Finished.IsZero() {
				return false
			}
		}
		return true
	})
	f.OpenStore()
	defer f.CloseStore()
	records, err := f.Store.FindSyncRecords(t.Context(), f.Server(f.Secondary).ID)
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	served := map[string]string{}
	for _, r := range f.Repositories(f.Primary) {
		served[r.Name] = r.ServedVersion
	}
	for _, r := range f.Repositories(f.Secondary) {
		record := records[r.ID]
		if record.Basis.Source.Version != served[r.Name] {
			continue // of before, or nothing: it will be synced
		}
		if err := f.SameFiles(r.Name); err != nil {
			t.Errorf("%s: %s counts as unchanged: %v", when, r.Name, err)
		}
		if reason := record.Changed(record.Basis, fleet.SyncState{Newest: record.Version, Served: record.Version, Publication: record.Publication}, time.Now(), time.Hour); reason != "" {
			t.Errorf("%s: %s: %s", when, r.Name, reason)
		}
	}
}
