// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
)

// allowed has a row for each state a task is in and a column for each it may go to, in the order
// of TaskStates.
var allowed = [7][7]bool{
	//               queued running completed failed canceled failed_to_start skipped
	/* queued */ {false, true, false, false, true, true, true},
	/* running */ {false, false, true, true, true, false, false},
	/* completed */ {},
	/* failed */ {},
	/* canceled */ {},
	/* failed_to_start */ {},
	/* skipped */ {},
}

func TestTaskStates(t *testing.T) {
	order := []TaskState{"queued", "running", "completed", "failed", "canceled", "failed_to_start", "skipped"}
	if len(TaskStates) != len(order) {
		t.Fatalf("states %v, want %v", TaskStates, order)
	}
	for i, from := range order {
		if TaskStates[i] != from {
			t.Fatalf("state %d is %q, want %q", i, TaskStates[i], from)
		}
		final := true
		for j, to := range order {
			if got := from.May(to); got != allowed[i][j] {
				t.Errorf("%s may go to %s: %v", from, to, got)
			}
			final = final && !allowed[i][j]
		}
		if from.Final() != final {
			t.Errorf("%s is final: %v", from, from.Final())
		}
		if want := from == "completed" || from == "skipped"; from.Good() != want {
			t.Errorf("%s is good: %v", from, from.Good())
		}
	}
	if TaskState("").May(Running) || TaskState("bogus").May(Running) || Queued.May("bogus") {
		t.Error("an unknown state is part of the order")
	}
}
