// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/store/storecontract"
)

// postgres gives the URL of an empty database and of one that does not exist; nothing
// where there is no server to test with.
func postgres(t *testing.T) (empty, missing string, ok bool) {
	t.Helper()
	server := os.Getenv(storecontract.PostgresVariable)
	if server == "" {
		return "", "", false
	}
	empty = storecontract.Postgres(t, server, "")
	return empty, empty + "_missing", true
}

// Several processes that start on an empty database migrate it once (D11).
func TestProcessesMigrateOnce(t *testing.T) {
	url, missing, ok := postgres(t)
	if !ok {
		return
	}
	var wait sync.WaitGroup
	stores := make([]*store.Store, 5)
	for i := range stores {
		wait.Go(func() {
			s, err := store.Open(t.Context(), store.Options{DatabaseURL: url})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			stores[i] = s
		})
	}
	wait.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		if _, err := s.FindTasks(t.Context(), fleet.Query{}); err != nil || s.Dialect() != store.PostgreSQL {
			t.Errorf("list: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := store.Open(t.Context(), store.Options{DatabaseURL: missing})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "does not exist") {
		t.Errorf("a database that is not there: %v", err)
	}
}

// A process without an engine queues; another one works.
func TestProcessesShareWork(t *testing.T) {
	url, _, ok := postgres(t)
	if !ok {
		return
	}
	api, worker := openAt(t, url), openAt(t, url)
	taken := make(chan fleet.TaskID, 20)
	e, err := worker.Engine(store.EngineConfig{Work: func(_ context.Context, id fleet.TaskID, _ string) error {
		taken <- id
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	slow := 0
	for range 10 {
		start := time.Now()
		task, err := api.Enqueue(t.Context(), fleet.NewTask{Name: "x", Kind: fleet.KindRegister, MaxRuntime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-taken; got != task.ID {
			t.Errorf("taken %d, want %d", got, task.ID)
		}
		if time.Since(start) > 500*time.Millisecond { // half of what polling alone would take
			slow++
		}
	}
	if slow > 2 { // other programs run on the machine too
		t.Errorf("%d of 10 tasks waited for a poll", slow)
	}
}

func openAt(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DatabaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
