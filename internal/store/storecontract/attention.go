// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var attention = []contract{
	{name: "a running task of which nothing changes is stuck", check: stuckFound},
	{name: "the task that waits longest in the queue is found", check: oldestFound},
}

func stuckFound(w *world) {
	parent, lease := w.claimed("me")
	child := w.runningChild(lease, "part")
	w.stage(lease, child, "sync repo")
	if stuck := value(w.StuckTasks(w.ctx, time.Minute))(w); len(stuck) != 0 {
		w.Fatalf("stuck: %+v", stuck)
	}
	w.pause(20 * time.Millisecond)
	if stuck := value(w.StuckTasks(w.ctx, 10*time.Millisecond))(w); len(stuck) != 2 || stuck[0].ID != parent.ID || stuck[1].ID != child {
		w.Fatalf("stuck: %+v", stuck)
	}
	_, err := w.SaveStage(w.ctx, lease, fleet.Stage{Task: child, Name: "sync repo", State: fleet.StageRunning, Detail: map[string]any{"msg": "on"}})
	w.ok(err)
	if stuck := value(w.StuckTasks(w.ctx, 5*time.Second))(w); len(stuck) != 0 {
		w.Errorf("stuck though a stage of a part has changed: %+v", stuck)
	}
	w.move(lease, child, fleet.Completed)
	w.move(lease, parent.ID, fleet.Completed)
	if stuck := value(w.StuckTasks(w.ctx, 0))(w); len(stuck) != 0 {
		w.Errorf("stuck though over: %+v", stuck)
	}
}

func oldestFound(w *world) {
	if id, waited, err := w.OldestQueued(w.ctx); err != nil || id != 0 || waited != 0 {
		w.Fatalf("of an empty queue: %d %s %v", id, waited, err)
	}
	first := w.queued("first")
	w.pause(20 * time.Millisecond)
	second := w.queued("second")
	if id, waited, err := w.OldestQueued(w.ctx); err != nil || id != first.ID || waited < 10*time.Millisecond || waited > time.Minute {
		w.Errorf("oldest: %d for %s, %v", id, waited, err)
	}
	w.claim(first.ID, "me")
	if id, _, err := w.OldestQueued(w.ctx); err != nil || id != second.ID {
		w.Errorf("oldest: %d, %v", id, err)
	}
}
