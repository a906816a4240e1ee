// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// failing cannot prune.
type failing struct{ fleet.Prunings }

func (failing) Prune(context.Context, fleet.Retention) (fleet.Pruned, error) {
	return fleet.Pruned{Tasks: 3}, fault.New(fault.Unavailable, "the disk is full")
}

func TestPrunerPrunesOnceInAWhile(t *testing.T) {
	s := storecontract.SQLite(t, 0)
	var log strings.Builder
	every := time.Hour
	p := Pruner{Prunings: s, Log: slog.New(slog.NewTextHandler(&log, nil)), Retention: func() (fleet.Retention, time.Duration) {
		return fleet.Retention{Entries: 2}, every
	}}
	for range 5 {
		if err := s.Record(t.Context(), fleet.AuditEntry{Action: "login"}); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	for range 4 { // several processes
		wait.Go(func() {
			if err := p.Tick(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	state, err := s.Pruning(t.Context())
	if err != nil || state.Removed.Audit != 3 || state.Ended.IsZero() || !state.Failing.IsZero() || time.Until(state.Due) < 50*time.Minute {
		t.Errorf("afterwards: %+v, %v", state, err)
	}
	if n := strings.Count(log.String(), "old rows removed"); n != 1 || !strings.Contains(log.String(), "audit=3") {
		t.Errorf("log: %s", log.String())
	}
}

func TestPrunerNotesWhyItFails(t *testing.T) {
	s := storecontract.SQLite(t, 0)
	p := Pruner{Prunings: failing{s}, Log: slog.New(slog.DiscardHandler), Retention: func() (fleet.Retention, time.Duration) {
		return fleet.Retention{}, time.Nanosecond
	}}
	var since time.Time
	for i := range 2 {
		if err := p.Tick(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		state, err := s.Pruning(t.Context())
		if err != nil || state.Failing.IsZero() || state.Problem != "the disk is full" || !state.Ended.IsZero() || i == 1 && !state.Failing.Equal(since) {
			t.Errorf("try %d, after %v: %+v, %v", i, since, state, err)
		}
		since = state.Failing
	}
	p.Prunings = s
	if err := p.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state, err := s.Pruning(t.Context()); err != nil || !state.Failing.IsZero() || state.Problem != "" || state.Ended.IsZero() {
		t.Errorf("in the end: %+v, %v", state, err)
	}
}
