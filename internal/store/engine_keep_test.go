// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// The engine's cleaner finds jobs that are over on both databases, also those that we ended, and no others. The task's row stays as it is.
func TestFinishedJobsAreRemoved(t *testing.T) {
	for name, open := range storecontract.Databases(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t, 0)
			working := make(chan fleet.TaskID)
			engine, err := s.Engine(store.EngineConfig{Work: func(ctx context.Context, id fleet.TaskID, _ string) error {
				working <- id
				if id == 1 {
					return nil
				}
				<-ctx.Done()
				return context.Cause(ctx)
			}})
			if err != nil {
				t.Fatal(err)
			}
			if err := engine.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := s.Enqueue(t.Context(), fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour}); err != nil {
					t.Fatal(err)
				}
				<-working
			}
			states := func() []string {
				all, err := store.Read[string](t.Context(), s, "SELECT CAST(state AS text) FROM river_job ORDER BY id")
				if err != nil {
					t.Fatal(err)
				}
				return all
			}
			for deadline := time.Now().Add(20 * time.Second); states()[0] != "completed"; {
				if time.Now().After(deadline) {
					t.Fatalf("jobs are %v", states())
				}
			}
			if _, err := s.Reclaim(t.Context()); err != nil { // which takes the second for dead
				t.Fatal(err)
			}
			if got := states(); got[1] != "discarded" {
				t.Errorf("jobs are %v", got)
			}
			if n, err := store.CleanJobs(t.Context(), s, time.Now().Add(-time.Minute)); err != nil || n != 0 {
				t.Errorf("%d removed too early, %v", n, err)
			}
			if n, err := store.CleanJobs(t.Context(), s, time.Now().Add(time.Minute)); err != nil || n != 2 || len(states()) != 0 {
				t.Errorf("%d removed, %v left, %v", n, states(), err)
			}
			if err := engine.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			if task, err := s.Task(t.Context(), 2); err != nil || task.State != fleet.Queued {
				t.Errorf("%+v, %v", task, err)
			}
		})
	}
}
