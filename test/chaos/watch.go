// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// findings are the broken invariants, each once.
type findings struct {
	mu   sync.Mutex
	all  []string
	tell func(string)
}

// add notes a broken invariant.
func (f *findings) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.all, text) {
		f.all = append(f.all, text)
		if f.tell != nil {
			f.tell(text)
		}
	}
}

func (f *findings) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

// watcher reads all repositories over and over, and remembers what was served.
type watcher struct {
	fleet    *simulatedFleet
	findings *findings

	mu      sync.Mutex
	seen    map[string]int  // newest generation served, by server and repository
	removed map[string]bool // which somebody asked to remove
	reads   int
}

func newWatcher(f *simulatedFleet, found *findings) *watcher {
	return &watcher{fleet: f, findings: found, seen: map[string]int{}, removed: map[string]bool{}}
}

func key(server int, name string) string { return fmt.Sprintf("server-%02d %s", server, name) }

// mayVanish notes that a repository is about to be removed by order.
func (w *watcher) mayVanish(server int, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removed[key(server, name)] = true
}

// run reads one repository after the other until ctx ends.
func (w *watcher) run(ctx context.Context, every time.Duration) {
	for {
		for _, r := range w.fleet.upstream.repositories {
			for i := range w.fleet.servers {
				if pause(ctx, every) != nil {
					return
				}
				w.check(i, r)
			}
		}
	}
}

// check reads one repository: it is whole, and never older than before. It gives the generation, 0 for none.
func (w *watcher) check(server int, r repository) int {
	at := key(server, r.name)
	v, err := look(w.fleet.servers[server], r)
	if err != nil {
		w.findings.add("%s: %v", at, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	before := w.seen[at]
	switch {
	case !v.served && before > 0 && !w.removed[at]:
		w.findings.add("%s: nothing is served any more, generation %d was", at, before)
	case v.served && err == nil && v.newest < before && !w.removed[at]:
		w.findings.add("%s: generation %d is served after %d", at, v.newest, before)
	case v.newest > w.fleet.upstream.newest(r):
		w.findings.add("%s: generation %d is served, upstream has only %d", at, v.newest, w.fleet.upstream.newest(r))
	}
	w.seen[at] = max(before, v.newest)
	return v.newest
}
