// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var locks = []contract{
	{name: "a lock is one task's, as often as it takes it", check: lockTaken},
	{name: "a lock is freed by its holder only", check: lockReleased},
	{name: "a lock left to a Pulp task is in everybody's way until it is freed", check: lockHanded},
	{name: "of many that take a lock one gets it", check: lockRace},
}

func lockTaken(w *world) {
	ids := w.servers("a.test", "b.test")
	mine, lease := w.claimed("me")
	_, other := w.claimed("you")
	for range 2 {
		if l := value(w.AcquireLock(w.ctx, lease, ids[0], "r"))(w); l != nil {
			w.Fatalf("in the way: %+v", l)
		}
	}
	way := value(w.AcquireLock(w.ctx, other, ids[0], "r"))(w)
	if diff := cmp.Diff(&fleet.Lock{Server: ids[0], Repository: "r", Task: mine.ID}, way, cmpopts.IgnoreFields(fleet.Lock{}, "Since")); diff != "" {
		w.Errorf("in the way (-want +got):\n%s", diff)
	}
	if l := value(w.AcquireLock(w.ctx, other, ids[1], "r"))(w); l != nil {
		w.Errorf("in the way on another server: %+v", l)
	}
	if all := value(w.FindLocks(w.ctx, ids[0]))(w); len(all) != 1 || all[0].Since.IsZero() || !cmp.Equal(all[0], *way) {
		w.Errorf("locks %+v", all)
	}
	if all := value(w.FindLocks(w.ctx, 0))(w); len(all) != 2 {
		w.Errorf("locks on all servers: %+v", all)
	}
}

func lockReleased(w *world) {
	server := w.servers("a.test")[0]
	_, lease := w.claimed("me")
	_, other := w.claimed("you")
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r")))
	w.ok(w.ReleaseLock(w.ctx, other, server, "r"))
	w.ok(w.HandLock(w.ctx, other, server, "r", "/tasks/1/"))
	if all := value(w.FindLocks(w.ctx, server))(w); len(all) != 1 || all[0].PulpTask != "" {
		w.Errorf("locks %+v", all)
	}
	w.ok(w.ReleaseLock(w.ctx, lease, server, "r"))
	w.ok(w.ReleaseLock(w.ctx, lease, server, "r"))
	if l := value(w.AcquireLock(w.ctx, other, server, "r"))(w); l != nil {
		w.Errorf("in the way: %+v", l)
	}
}

func lockHanded(w *world) {
	server := w.servers("a.test")[0]
	task, lease := w.claimed("me")
	_, other := w.claimed("you")
	w.ok(second(w.AcquireLock(w.ctx, lease, server, "r")))
	w.ok(w.HandLock(w.ctx, lease, server, "r", "/tasks/1/"))
	w.ok(w.ReleaseLock(w.ctx, lease, server, "r"))
	w.move(lease, task.ID, fleet.Failed)
	way := value(w.AcquireLock(w.ctx, other, server, "r"))(w)
	if way == nil || way.PulpTask != "/tasks/1/" || way.Task != task.ID {
		w.Fatalf("in the way: %+v", way)
	}
	wrong := *way
	wrong.PulpTask = "/tasks/2/"
	w.ok(w.FreeLock(w.ctx, wrong))
	if l := value(w.AcquireLock(w.ctx, other, server, "r"))(w); l == nil {
		w.Fatal("another lock was freed")
	}
	w.ok(w.FreeLock(w.ctx, *way))
	if l := value(w.AcquireLock(w.ctx, other, server, "r"))(w); l != nil {
		w.Errorf("in the way: %+v", l)
	}
	w.ok(w.FreeLock(w.ctx, *way)) // what was seen before is not the lock there is now
	if all := value(w.FindLocks(w.ctx, server))(w); len(all) != 1 {
		w.Errorf("locks %+v", all)
	}
}

func lockRace(w *world) {
	server := w.servers("a.test")[0]
	leases := make([]fleet.Lease, 6)
	for i := range leases {
		_, leases[i] = w.claimed(fmt.Sprint("owner ", i))
	}
	for round := range 10 {
		var won atomic.Int32
		var wait sync.WaitGroup
		for _, lease := range leases {
			wait.Go(func() {
				l, err := w.AcquireLock(w.ctx, lease, server, "r")
				if err != nil {
					w.Errorf("acquire: %v", err)
				}
				if l == nil {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			w.Fatalf("round %d: %d hold the lock", round, won.Load())
		}
		for _, lease := range leases {
			w.ok(w.ReleaseLock(w.ctx, lease, server, "r"))
		}
	}
}
