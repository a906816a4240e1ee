// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/client"
)

// load asks the API for work, as people and programs do.
type load struct {
	fleet   *simulatedFleet
	watcher *watcher
	client  *client.Client
	rand    *rand.Rand

	mu         sync.Mutex
	ids        map[string]int64 // of servers, by name
	asked      map[string]int   // requests, by what they asked for
	answered   []int64          // tasks that the API said it had queued
	unanswered int              // requests whose answer did not arrive
	snapshots  int
}

func newLoad(seed uint64, f *simulatedFleet, w *watcher, address string) (*load, error) {
	c, err := client.New(address, client.WithPolling(100*time.Millisecond, 500*time.Millisecond, 30*time.Second))
	return &load{fleet: f, watcher: w, client: c, rand: chance(seed, 2), ids: map[string]int64{}, asked: map[string]int{}}, err
}

// run asks for something now and then until ctx ends, unless much is under way.
func (l *load) run(ctx context.Context) {
	for pause(ctx, between(l.rand, 50*time.Millisecond, 700*time.Millisecond)) == nil {
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		if l.know(limit) == nil {
			busy, err := l.client.Tasks(limit, url.Values{"state__in": {"queued,running"}, "page_size": {"1"}, "task_type__in": {"repo_group_sync,repo_creation_from_git,repo_snapshot,repo_removal"}})
			if err == nil && busy.Total < 3*len(l.fleet.servers) {
				l.one(limit)
			}
		}
		cancel()
	}
}

// know learns the ids of the servers.
func (l *load) know(ctx context.Context) error {
	if len(l.ids) == len(l.fleet.servers) {
		return nil
	}
	servers, err := client.All(ctx, l.client.Servers, nil)
	if err != nil {
		return err
	}
	for _, s := range servers {
		l.ids[s.Name] = s.ID
	}
	if len(l.ids) != len(l.fleet.servers) {
		return errors.New("not all servers are known yet")
	}
	return nil
}

// one asks for one thing.
func (l *load) one(ctx context.Context) {
	server := l.rand.IntN(len(l.fleet.servers))
	if l.rand.IntN(4) == 0 {
		server = l.rand.IntN(l.fleet.primaries)
	}
	runtime := []string{"10m", "10m", "10m", "4s"}[l.rand.IntN(4)]
	switch n := l.rand.IntN(100); {
	case n < 8:
		_, _ = l.ask(ctx, l.rand.IntN(l.fleet.primaries), "register_repos", map[string]any{"max_runtime": runtime})
	case n < 35:
		_, _ = l.ask(ctx, server, "sync_repos", l.sync(server, runtime, "^ext-"))
	case n < 65:
		_, _ = l.ask(ctx, server, "sync_repos", l.sync(server, runtime, "^"+l.any().name+"$"))
	case n < 73:
		l.snapshots++
		_, _ = l.ask(ctx, l.rand.IntN(l.fleet.primaries), "snapshot_repos", map[string]any{
			"max_runtime": runtime, "snapshot_prefix": fmt.Sprintf("c%d", l.rand.IntN(l.snapshots)), "allow_snapshot_reuse": l.rand.IntN(2) == 0,
			"regex_include": fmt.Sprintf("^ext-chaos-..%d$", l.rand.IntN(10)), "regex_exclude": "0$",
		})
	case n < 77:
		_, _ = l.ask(ctx, l.rand.IntN(l.fleet.primaries), "remove_repos", map[string]any{
			"max_runtime": runtime, "dry_run": false, "confirm": 100, "regex_include": fmt.Sprintf("^snap-c%d-", l.rand.IntN(l.snapshots+1)),
		})
	case n < 82:
		r := l.any()
		l.watcher.mayVanish(server, r.name)
		_, _ = l.ask(ctx, server, "remove_repos", map[string]any{
			"max_runtime": runtime, "dry_run": false, "confirm": 100, "regex_include": "^" + r.name + "$",
		})
	default:
		l.cancel(ctx)
	}
}

func (l *load) any() repository {
	return l.fleet.upstream.repositories[l.rand.IntN(len(l.fleet.upstream.repositories))]
}

// sync is the body of a request for a sync of those repositories that a pattern finds.
func (l *load) sync(server int, runtime, pattern string) map[string]any {
	body := map[string]any{"max_runtime": runtime, "max_concurrent_syncs": 1 + l.rand.IntN(8), "regex_include": pattern, "force": l.rand.IntN(4) == 0}
	if primary := l.fleet.source(server); primary != nil {
		body["source_pulp_server_name"] = name(primary)
	}
	return body
}

// ask asks for a job on a server.
func (l *load) ask(ctx context.Context, server int, path string, body any) (client.Task, error) {
	l.mu.Lock()
	l.asked[path]++
	l.mu.Unlock()
	task, err := l.client.Ask(ctx, l.ids[name(l.fleet.servers[server])], path, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	var refused *client.Error
	switch {
	case err == nil:
		l.answered = append(l.answered, task.ID)
	case !errors.As(err, &refused) || refused.Unavailable():
		l.unanswered++
	}
	return task, err
}

// cancel cancels a task that is under way, a parent or a child.
func (l *load) cancel(ctx context.Context) {
	tasks, err := l.client.Tasks(ctx, url.Values{"state__in": {"queued,running"}, "page_size": {"200"}})
	if err != nil || len(tasks.Items) == 0 {
		return
	}
	l.mu.Lock()
	l.asked["cancel"]++
	l.mu.Unlock()
	_, _ = l.client.Cancel(ctx, tasks.Items[l.rand.IntN(len(tasks.Items))].ID)
}

// lost checks that each task which the API said it had queued is there, and that there are not more than were asked for.
func (l *load) lost(ctx context.Context, r *records, found *findings) error {
	there := map[int64]bool{}
	err := r.each(ctx, "SELECT id FROM tasks WHERE parent_id IS NULL AND schedule_id IS NULL", func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		there[id] = true
		return err
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.answered {
		if !there[id] {
			found.add("task %d, which the API said it had queued, is lost", id)
		}
	}
	if most := len(l.answered) + l.unanswered; len(there) > most {
		found.add("there are %d tasks that were asked for, of %d requests for one", len(there), most)
	}
	return err
}

// undisturbed registers and syncs everything once, the primaries first. Whatever does not complete is a finding.
func (l *load) undisturbed(ctx context.Context, found *findings) error {
	if err := l.know(ctx); err != nil {
		return err
	}
	all := func(from, to int, path string, body func(server int) map[string]any) error {
		var wg sync.WaitGroup
		errs := make([]error, len(l.fleet.servers))
		for i := from; i < to; i++ {
			asked := body(i)
			wg.Go(func() {
				task, err := l.ask(ctx, i, path, asked)
				if err != nil {
					errs[i] = err
					return
				}
				done, err := l.client.WaitTask(ctx, task.ID, nil)
				if errs[i] = err; err == nil && done.State != client.StateCompleted {
					found.add("undisturbed %s on server %d: task %d is %s: %s", path, i, done.ID, done.State, shortened(done.Error.Msg))
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
	everything := func(server int) map[string]any {
		body := l.sync(server, "10m", "^ext-")
		body["max_concurrent_syncs"], body["force"] = 6, false
		return body
	}
	register := func(int) map[string]any { return map[string]any{"max_runtime": "10m"} }
	if err := all(0, l.fleet.primaries, "register_repos", register); err != nil {
		return err
	}
	if err := all(0, l.fleet.primaries, "sync_repos", everything); err != nil {
		return err
	}
	return all(l.fleet.primaries, len(l.fleet.servers), "sync_repos", everything)
}

func shortened(text string) string {
	if len(text) > 600 {
		return text[:600] + " …"
	}
	return text
}

// summary tells what was asked for.
func (l *load) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []string
	for what, n := range l.asked {
		parts = append(parts, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
