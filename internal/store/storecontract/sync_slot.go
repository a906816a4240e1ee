// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var syncSlots = []contract{
	{name: "a slot is taken by as many tasks as there are, and freed", check: slotTaken},
	{name: "all slots or none", check: slotsTogether},
	{name: "a slot counts no longer than the lease of its root", lease: shortLease, check: slotOfDead},
	{name: "of many that take slots no more get one than there are", check: slotRace},
	{name: "a slot is taken under a lease only", check: slotFenced},
}

// running makes a running part of a task.
func (w *world) runningChild(lease fleet.Lease, name string) fleet.TaskID {
	w.Helper()
	part := w.children(lease, fleet.NewTask{Name: name, Kind: fleet.KindRepoSync, MaxRuntime: time.Hour})[0]
	return w.move(lease, part.ID, fleet.Running).ID
}

// takes takes one slot of a name, of which there are so many.
func (w *world) takes(lease fleet.Lease, task fleet.TaskID, name string, most int) bool {
	w.Helper()
	full := value(w.TakeSlots(w.ctx, lease, task, []fleet.SyncSlot{{Name: name, Most: most}}, false))(w)
	if full != nil && (full.Name != name || full.Most != most) {
		w.Errorf("full: %+v", full)
	}
	return full == nil
}

func slotTaken(w *world) {
	_, lease := w.claimed("me")
	_, other := w.claimed("you")
	mine, yours := w.runningChild(lease, "a"), w.runningChild(other, "b")
	for range 2 {
		if !w.takes(lease, mine, "server x", 1) {
			w.Fatal("the only slot is not taken")
		}
	}
	if w.takes(other, yours, "server x", 1) {
		w.Error("two have the only slot")
	}
	if !w.takes(other, yours, "server y", 1) {
		w.Error("a slot of another name is not free")
	}
	if full := value(w.TakeSlots(w.ctx, other, yours, []fleet.SyncSlot{{Name: "server x", Most: 1}}, true))(w); full != nil {
		w.Errorf("by force: %+v", full)
	}
	w.ok(w.FreeSlots(w.ctx, yours, []string{"server x", "server z"}))
	w.ok(w.FreeSlots(w.ctx, mine, []string{"server x"}))
	if !w.takes(other, yours, "server x", 1) {
		w.Error("a slot that was given back is not free")
	}
	w.move(other, yours, fleet.Completed)
	if !w.takes(lease, mine, "server x", 1) {
		w.Error("a slot of a task that is over is not free")
	}
}

func slotsTogether(w *world) {
	_, lease := w.claimed("me")
	_, other := w.claimed("you")
	mine, yours := w.runningChild(lease, "a"), w.runningChild(other, "b")
	if !w.takes(lease, mine, "upstream u", 1) {
		w.Fatal("the only slot is not taken")
	}
	both := []fleet.SyncSlot{{Name: "upstream u", Most: 1}, {Name: "server x", Most: 1}}
	if full := value(w.TakeSlots(w.ctx, other, yours, both, false))(w); full == nil || full.Name != "upstream u" {
		w.Errorf("full: %+v", full)
	}
	if !w.takes(lease, mine, "server x", 1) {
		w.Error("one of two slots was taken")
	}
}

func slotOfDead(w *world) {
	task, lease := w.claimed("me")
	mine := w.runningChild(lease, "a")
	if !w.takes(lease, mine, "server x", 1) {
		w.Fatal("the only slot is not taken")
	}
	w.pause(2 * shortLease)
	// A part of a task whose lease has not run out is needed to take one: leases are short here.
	_, other := w.claimed("you")
	yours := w.runningChild(other, "b")
	w.until("the slot to be free", func() bool {
		if _, err := w.Renew(w.ctx, "you"); err != nil {
			w.Fatal(err)
		}
		return w.takes(other, yours, "server x", 1)
	})
	w.ok(w.FreeSlots(w.ctx, yours, []string{"server x"}))
	_, again := w.claim(task.ID, "me again") // what it had is its own again
	w.ok(second(w.Renew(w.ctx, "me again")))
	if !w.takes(again, mine, "server x", 1) {
		w.Error("a task that is taken up again has lost its slot")
	}
}

func slotRace(w *world) {
	const tasks, most = 12, 3
	leases, parts := make([]fleet.Lease, tasks), make([]fleet.TaskID, tasks)
	for i := range leases {
		_, leases[i] = w.claimed(fmt.Sprint("owner ", i))
		parts[i] = w.runningChild(leases[i], "part")
	}
	for round := range 5 {
		var won atomic.Int32
		var wait sync.WaitGroup
		for i, lease := range leases {
			wait.Go(func() {
				full, err := w.TakeSlots(w.ctx, lease, parts[i], []fleet.SyncSlot{{Name: "server x", Most: most}, {Name: "upstream u", Most: tasks}}, false)
				if err != nil {
					w.Errorf("take: %v", err)
				} else if full == nil {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() != most {
			w.Fatalf("round %d: %d have a slot, want %d", round, won.Load(), most)
		}
		for _, part := range parts {
			w.ok(w.FreeSlots(w.ctx, part, []string{"server x", "upstream u"}))
		}
	}
}

func slotFenced(w *world) {
	_, lease := w.claimed("me")
	mine := w.runningChild(lease, "a")
	lease.Epoch++
	_, err := w.TakeSlots(w.ctx, lease, mine, []fleet.SyncSlot{{Name: "server x", Most: 1}}, false)
	w.same(err, fleet.ErrLeaseLost)
}
