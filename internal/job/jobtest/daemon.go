// SPDX-License-Identifier: Apache-2.0

package jobtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
	"github.com/pulp/pulp-manager/internal/worker"
)

// Serve starts the engine with the fleet's worker, as the daemon does. Stop is called by the test's end
// at the latest.
func (f *Fleet) Serve() (stop func()) {
	f.t.Helper()
	return f.ServeWith(f.Worker)
}

// ServeWith starts an engine with a worker.
func (f *Fleet) ServeWith(w *worker.Worker) (stop func()) {
	f.t.Helper()
	stop, err := Serve(f.t.Context(), f.Store, w)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(stop)
	return stop
}

// Serve starts an engine that hands tasks to a worker, with all that the worker does beside. Stop hands
// back what is under way.
func Serve(ctx context.Context, s *store.Store, w *worker.Worker) (stop func(), err error) {
	engine, err := s.Engine(store.EngineConfig{Work: func(ctx context.Context, task fleet.TaskID, jobID string) error {
		err := w.Work(ctx, task, jobID)
		var again *worker.Again
		if errors.As(err, &again) {
			return store.HandBack{After: again.After}
		}
		return err
	}})
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := engine.Start(ctx); err != nil {
		return nil, err
	}
	loops, end := context.WithCancel(ctx)
	var looping sync.WaitGroup
	looping.Go(func() { w.Run(loops) })
	return sync.OnceFunc(func() {
		limit, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		w.Stop()
		_ = engine.Stop(limit)
		end()
		looping.Wait()
	}), nil
}
