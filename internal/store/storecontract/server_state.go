// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var serverStates = []contract{
	{name: "a server is looked at by one, in each interval", check: probeClaimed},
	{name: "what a server told is kept while it does not answer", check: probeSaved},
	{name: "what processes tell of a server is summed up, until they are silent", check: usesSummed},
}

func probeClaimed(w *world) {
	ids := w.servers("a.test", "b.test", "c.test")
	var mu sync.Mutex
	var claimed []fleet.ServerID
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, err := w.ClaimProbes(w.ctx, time.Hour, 10)
			if err != nil {
				w.Errorf("claim: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			claimed = append(claimed, got...)
		})
	}
	wait.Wait()
	slices.Sort(claimed)
	if !slices.Equal(claimed, ids) {
		w.Errorf("claimed %v, want each of %v once", claimed, ids)
	}
	w.servers("a.test", "c.test", "d.test")
	if got := value(w.ClaimProbes(w.ctx, time.Millisecond, 10))(w); len(got) != 1 {
		w.Errorf("claimed %v, want the new one", got)
	}
	w.pause(5 * time.Millisecond)
	if got := value(w.ClaimProbes(w.ctx, time.Hour, 1))(w); len(got) != 1 {
		w.Errorf("claimed %v, want the one that is due", got)
	}
	if got := value(w.ServerStates(w.ctx))(w); len(got) != 3 || !got[ids[0]].Checked.IsZero() {
		w.Errorf("states: %+v", got)
	}
}

func probeSaved(w *world) {
	id := w.servers("a.test")[0]
	free := int64(5)
	told := fleet.ServerState{
		Server: id, Reachable: true, Versions: map[string]string{"core": "3.123.1"}, Workers: 2, TasksWaiting: 3, TasksRunning: 1,
		OldestWaiting: time.Now().UTC().Add(-time.Minute).Truncate(time.Microsecond), StorageFree: &free, ResponseTime: 20 * time.Millisecond,
	}
	w.is(w.SaveProbe(w.ctx, told), fault.NotFound)
	w.ok(second(w.ClaimProbes(w.ctx, time.Hour, 10)))
	w.ok(w.SaveProbe(w.ctx, told))
	first := value(w.ServerStates(w.ctx))(w)[id]
	want := told
	want.Use = fleet.ServerUse{Server: id, Breaker: fleet.BreakerClosed}
	ignore := cmpopts.IgnoreFields(fleet.ServerState{}, "Checked", "Since")
	if diff := cmp.Diff(want, first, ignore); diff != "" || first.Checked.IsZero() || first.Since.IsZero() {
		w.Fatalf("state (-want +got):\n%s", diff)
	}
	w.ok(w.SaveProbe(w.ctx, told))
	if again := value(w.ServerStates(w.ctx))(w)[id]; !again.Since.Equal(first.Since) || again.Checked.Before(first.Checked) {
		w.Errorf("since %s, was %s", again.Since, first.Since)
	}
	w.ok(w.SaveProbe(w.ctx, fleet.ServerState{Server: id, Problem: "cannot connect"}))
	want.Reachable, want.Problem = false, "cannot connect"
	down := value(w.ServerStates(w.ctx))(w)[id]
	if diff := cmp.Diff(want, down, ignore); diff != "" || !down.Since.After(first.Since) {
		w.Errorf("state while it does not answer (-want +got):\n%s", diff)
	}
	told.Workers = 0
	w.ok(w.SaveProbe(w.ctx, told))
	idle := value(w.ServerStates(w.ctx))(w)[id]
	w.ok(w.SaveProbe(w.ctx, told))
	if still := value(w.ServerStates(w.ctx))(w)[id]; idle.NoWorkerSince.IsZero() || !still.NoWorkerSince.Equal(idle.NoWorkerSince) {
		w.Errorf("without a worker since %s, was %s", still.NoWorkerSince, idle.NoWorkerSince)
	}
}

func usesSummed(w *world) {
	ids := w.servers("a.test", "b.test")
	since := time.Now().Add(-time.Minute)
	w.ok(w.SaveServerUses(w.ctx, "one", []fleet.ServerUse{
		{Server: ids[0], Breaker: fleet.BreakerClosed, Syncs: 2, Concurrency: 4},
		{Server: ids[1], Breaker: fleet.BreakerClosed, Syncs: 1, Concurrency: 1},
	}))
	w.ok(w.SaveServerUses(w.ctx, "two", []fleet.ServerUse{
		{Server: ids[0], Breaker: fleet.BreakerOpen, Since: since, Why: "refused", Waiting: 7, Syncs: 1, Concurrency: 3},
	}))
	got := value(w.ServerStates(w.ctx))(w)[ids[0]].Use
	want := fleet.ServerUse{Server: ids[0], Breaker: fleet.BreakerOpen, Why: "refused", Waiting: 7, Syncs: 3, Concurrency: 7}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(fleet.ServerUse{}, "Since")); diff != "" || got.Since.Sub(since).Abs() > 10*time.Second {
		w.Errorf("use, since %s (-want +got):\n%s", got.Since, diff)
	}
	w.ok(w.SaveServerUses(w.ctx, "two", nil))
	if got := value(w.ServerStates(w.ctx))(w)[ids[0]].Use; got.Breaker != fleet.BreakerClosed || got.Syncs != 2 {
		w.Errorf("use after one is silent: %+v", got)
	}
}
