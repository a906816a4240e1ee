// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/store"
)

const (
	stateTime     = 15 * time.Second
	stateRoots    = 8  // at work at a time
	stateChildren = 50 // of each, 8 at a time
)

// states measures how many tasks change their state in a second, with all else that a sync writes about itself: for each repository two
// changes of state, six writes of stages, two recorded requests and what became of them.
func states(ctx context.Context, o options, r *result) error {
	databases := []struct{ name, url string }{{"SQLite", ""}}
	if o.postgres != "" {
		databases = append(databases, struct{ name, url string }{"PostgreSQL", o.postgres})
	}
	for _, database := range databases {
		dir, err := os.MkdirTemp("", "pulp-manager-bench-")
		if err != nil {
			return err
		}
		s, err := store.Open(ctx, store.Options{DataDir: dir, DatabaseURL: database.url})
		if err != nil {
			return err
		}
		before := ownProcessorTime()
		changes, writes, err := stateChanges(ctx, s)
		spent := ownProcessorTime() - before
		if err := errors.Join(err, s.Close(), os.RemoveAll(dir)); err != nil {
			return err
		}
		r.add(figure{
			Name: "changes of tasks' states a second, " + database.name, Measured: changes, Goal: 500, AtLeast: true, Free: database.url != "",
			Note: fmt.Sprintf("%.0f transactions a second in all; %.2f ms of the process's processor time a change, its part of the transactions included", writes,
				float64(spent.Microseconds())/1000/(changes*stateTime.Seconds())),
		})
	}
	return nil
}

// tally counts what was written.
type tally struct{ changes, writes atomic.Int64 }

// stateChanges gives the changes of state and the transactions a second.
func stateChanges(ctx context.Context, s *store.Store) (changes, writes float64, err error) {
	fleetOfOne := fleet.Configuration{Hash: "1", Servers: []fleet.ConfiguredServer{{Server: fleet.Server{Name: "pulp.example.com", Username: "admin"}}}}
	if _, err := s.Apply(ctx, fleetOfOne, true); err != nil {
		return 0, 0, err
	}
	server, err := s.ServerByName(ctx, "pulp.example.com")
	if err != nil {
		return 0, 0, err
	}
	limit, cancel := context.WithTimeout(ctx, stateTime)
	defer cancel()
	var t tally
	var wg sync.WaitGroup
	errs := make([]error, stateRoots)
	began := time.Now()
	for i := range stateRoots {
		wg.Go(func() {
			for limit.Err() == nil && errs[i] == nil {
				errs[i] = t.root(ctx, s, server.ID, fmt.Sprintf("owner-%d", i))
			}
		})
	}
	wg.Wait()
	took := time.Since(began).Seconds()
	return float64(t.changes.Load()) / took, float64(t.writes.Load()) / took, errors.Join(errs...)
}

// root lives the life of a group sync in the store.
func (t *tally) root(ctx context.Context, s *store.Store, server fleet.ServerID, owner string) error {
	task, err := s.Enqueue(ctx, fleet.NewTask{Name: "repo sync", Kind: fleet.KindRepoGroupSync, Args: map[string]any{}, Server: server, MaxRuntime: time.Hour})
	if err != nil {
		return err
	}
	_, lease, err := s.Claim(ctx, task.ID, owner, owner, "1")
	if err != nil {
		return err
	}
	specs := make([]fleet.NewTask, stateChildren)
	for i := range specs {
		specs[i] = fleet.NewTask{Name: fmt.Sprintf("repo sync ext-%d", i), Kind: fleet.KindRepoSync, Args: map[string]any{}, Server: server}
	}
	children, err := s.CreateChildren(ctx, lease, task.ID, specs)
	if err != nil {
		return err
	}
	t.note(2, 3)
	var wg sync.WaitGroup
	errs := make([]error, len(children))
	slots := make(chan struct{}, 8)
	for i, child := range children {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = t.child(ctx, s, lease, server, child.ID)
		})
	}
	wg.Wait()
	_, err = s.Transition(ctx, lease, task.ID, fleet.Completed, nil)
	t.note(1, 1)
	return errors.Join(append(errs, err)...)
}

// child lives the life of a repository's sync: three stages, two of which ask Pulp for something.
func (t *tally) child(ctx context.Context, s *store.Store, lease fleet.Lease, server fleet.ServerID, id fleet.TaskID) error {
	if _, err := s.Transition(ctx, lease, id, fleet.Running, nil); err != nil {
		return err
	}
	t.note(1, 1)
	for i, name := range []string{"sync repo", "remove banned packages", "publish repo"} {
		stage, err := s.SaveStage(ctx, lease, fleet.Stage{Task: id, Name: name, State: fleet.StageRunning, Detail: map[string]any{"msg": "it goes on"}})
		if err != nil {
			return err
		}
		if i != 1 {
			row, err := s.RecordRequest(ctx, lease, fleet.PulpRequest{
				Task: id, Stage: stage.ID, Server: server, Step: name, Attempt: 1, Correlation: fmt.Sprintf("%d-%d", id, i), State: fleet.RequestOpen,
			})
			if err != nil {
				return err
			}
			row.Href, row.State, row.Outcome = "/pulp/api/v3/tasks/1/", fleet.RequestDone, []byte("{}")
			if err := s.UpdateRequest(ctx, row); err != nil {
				return err
			}
			t.note(0, 2)
		}
		stage.State, stage.Result = fleet.StageCompleted, []byte("{}")
		if _, err := s.SaveStage(ctx, lease, stage); err != nil {
			return err
		}
		t.note(0, 2)
	}
	_, err := s.Transition(ctx, lease, id, fleet.Completed, nil)
	t.note(1, 1)
	return err
}

func (t *tally) note(changes, writes int64) {
	t.changes.Add(changes)
	t.writes.Add(writes)
}
