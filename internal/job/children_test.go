// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

const kindChild fleet.Kind = "child"

func specs(n int) []fleet.NewTask {
	var all []fleet.NewTask
	for i := range n {
		all = append(all, fleet.NewTask{Name: fmt.Sprintf("child %02d", i), Kind: kindChild})
	}
	return all
}

// TestChildrenConcurrency: children begin in their order, never more at a time than asked for, and every
// slot is used while there is one left to do, however long each takes.
func TestChildrenConcurrency(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			n, most := rng.IntN(25), rng.IntN(9)-1
			took := make([]int, n)
			for i := range took {
				took[i] = rng.IntN(100)
			}
			limit := max(most, 1)
			var mu sync.Mutex
			var order []string
			now, busiest := 0, 0
			m := newMemory()
			r := m.run(t, Definition{Kind: kindChild, Run: func(ctx context.Context, r *Run) error {
				mu.Lock()
				now++
				busiest = max(busiest, now)
				order = append(order, r.Task.Name)
				mine := took[r.Task.ID-2]
				mu.Unlock()
				defer func() { mu.Lock(); now--; mu.Unlock() }()
				return sleep(ctx, time.Duration(mine)*time.Second)
			}})
			told := 0
			children, err := Children(t.Context(), r, specs(n), most, func(running, ended, all int) {
				if all != n || running < 0 || running > limit || ended < 0 || ended+running > n {
					t.Errorf("seed %d: told %d running, %d ended, %d in all", seed, running, ended, all)
				}
				told = ended
			})
			if err != nil || len(children) != n || told != n {
				t.Fatalf("seed %d: %d children, %d told to have ended, %v", seed, len(children), told, err)
			}
			if want := min(n, limit); busiest != want {
				t.Errorf("seed %d: %d at a time, want %d", seed, busiest, want)
			}
			if limit == 1 {
				for i, name := range order {
					if name != specs(n)[i].Name {
						t.Errorf("seed %d: order: %v", seed, order)
						break
					}
				}
			}
			for _, c := range children {
				if c.State != fleet.Completed {
					t.Errorf("seed %d: %s is %s", seed, c.Name, c.State)
				}
			}
		})
	}
}

// TestChildrenGoOn: children that an earlier attempt ended are not run again; those it left running are.
func TestChildrenGoOn(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.children = []fleet.Task{
		{ID: 2, Name: "done", Kind: kindChild, State: fleet.Completed},
		{ID: 3, Name: "failed", Kind: kindChild, State: fleet.Failed},
		{ID: 4, Name: "left", Kind: kindChild, State: fleet.Running},
		{ID: 5, Name: "new", Kind: kindChild, State: fleet.Queued},
		{ID: 6, Name: "canceled", Kind: kindChild, State: fleet.Canceled},
	}
	var ran []string
	r := m.run(t, Definition{Kind: kindChild, Run: func(_ context.Context, r *Run) error { ran = append(ran, r.Task.Name); return nil }})
	if _, err := Children(t.Context(), r, nil, 1, func(int, int, int) {}); err != nil {
		t.Fatal(err)
	}
	if len(ran) != 2 || ran[0] != "left" || ran[1] != "new" {
		t.Errorf("ran: %v", ran)
	}
}

// TestChildFails: a child that fails, in whatever way, stops none of the others, and the parent's error names it
// (D87).
func TestChildFails(t *testing.T) {
	t.Parallel()
	m := newMemory()
	r := m.run(t, Definition{Kind: kindChild, Run: func(_ context.Context, r *Run) error {
		switch r.Task.ID {
		case 2:
			return fault.New(fault.Invalid, "no such url")
		case 3:
			panic("oh")
		case 4:
			return errors.New("SELECT")
		}
		return nil
	}})
	children, err := Children(t.Context(), r, specs(5), 2, func(int, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	why := ChildrenError(children)
	if !fault.Is(why, fault.Invalid) {
		t.Fatalf("error: %v", why)
	}
	for _, words := range []string{"3 of 5", "child 00: failed: no such url", "child 01: failed: internal error", "child 02: failed: internal error"} {
		if !strings.Contains(fault.Message(why), words) {
			t.Errorf("%q is not in: %s", words, fault.Message(why))
		}
	}
	if strings.Contains(fault.Message(why), "SELECT") {
		t.Errorf("too much is told: %s", fault.Message(why))
	}
	if err := ChildrenError(children[3:]); err != nil {
		t.Errorf("where all went well: %v", err)
	}
}

// TestManyFailedChildren: the parent's error does not grow without bound.
func TestManyFailedChildren(t *testing.T) {
	t.Parallel()
	var all []fleet.Task
	for i := range 300 {
		all = append(all, fleet.Task{Name: fmt.Sprint("child ", i), State: fleet.Failed, Error: &fleet.TaskError{Msg: "no"}})
	}
	text := fault.Message(ChildrenError(all))
	if !strings.Contains(text, "300 of 300") || !strings.Contains(text, "and 280 more") || len(text) > 2000 {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// TestChildrenWait: something that does not answer leaves a child as it is, for the next attempt; in the last one it
// fails.
func TestChildrenWait(t *testing.T) {
	t.Parallel()
	for attempt, want := range map[int]fleet.TaskState{1: fleet.Running, MaxAttempts: fleet.Failed} {
		m := newMemory()
		r := m.run(t, Definition{Kind: kindChild, Run: func(context.Context, *Run) error { return fault.New(fault.Unavailable, "no answer") }})
		r.Lease.Epoch, r.Lease.Retries = 100, attempt-1 // however often it was handed on
		children, err := Children(t.Context(), r, specs(1), 1, func(int, int, int) {})
		if children[0].State != want || (err != nil) != (want == fleet.Running) {
			t.Errorf("attempt %d: %s, %v", attempt, children[0].State, err)
		}
	}
}

// TestInterruptChild: a child that runs here is ended with its cause; others are not found.
func TestInterruptChild(t *testing.T) {
	t.Parallel()
	m := newMemory()
	began := make(chan struct{})
	var cause atomic.Value
	r := m.run(t, Definition{Kind: kindChild, Run: func(ctx context.Context, _ *Run) error {
		close(began)
		<-ctx.Done()
		cause.Store(context.Cause(ctx))
		return ctx.Err()
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = Children(t.Context(), r, specs(1), 1, func(int, int, int) {})
	}()
	<-began
	if r.Interrupt(99, fleet.ErrStopping) {
		t.Error("a child that is not there was found")
	}
	if !r.Interrupt(2, fleet.ErrStopping) {
		t.Error("the child was not found")
	}
	<-done
	if err, _ := cause.Load().(error); !errors.Is(err, fleet.ErrStopping) {
		t.Errorf("cause: %v", cause.Load())
	}
}
