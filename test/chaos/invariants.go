// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// rested tells whether nothing is under way: no task that is not over, no request that is not known to be.
func rested(ctx context.Context, r *records) (bool, error) {
	broken, err := r.obey(ctx, settled)
	return len(broken) == 0 && err == nil, err
}

// invariants checks the store and all servers once everything has come to rest. Complete tells that all
// repositories have been synced.
func (f *simulatedFleet) invariants(ctx context.Context, r *records, complete bool, found *findings) error {
	for _, rules := range []map[string]string{rules, settled} {
		broken, err := r.obey(ctx, rules)
		if err != nil {
			return err
		}
		for _, text := range broken {
			found.add("%s", text)
		}
	}
	requests, err := r.requests(ctx)
	if err != nil {
		return err
	}
	locks, err := r.locks(ctx)
	if err != nil {
		return err
	}
	for _, s := range f.servers {
		once(s, requests, found)
		heldBy(s, locks, found)
		if err := s.Check(); err != nil {
			for line := range strings.Lines(err.Error()) {
				if !complete && strings.HasSuffix(strings.TrimSpace(line), "points at nothing") {
					continue // it has been made, and not been synced yet
				}
				found.add("%s", strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// once checks that each recorded request has at most one Pulp task, and each Pulp task about a repository of ours a request.
func once(s *pulpfake.Server, requests map[string]pulpRequest, found *findings) {
	started := map[string]int{}
	for _, task := range s.Tasks() {
		started[task.Correlation]++
		if _, ok := requests[task.Correlation]; !ok && (strings.HasPrefix(task.Subject, "ext-") || strings.HasPrefix(task.Subject, "snap-")) {
			found.add("%s: Pulp task %s of %s belongs to no recorded request", s.Name(), task.Name, task.Subject)
		}
	}
	for correlation, n := range started {
		if q := requests[correlation]; n > 1 && q.id != 0 {
			found.add("%s: %d Pulp tasks for request %d (%s) of task %d", s.Name(), n, q.id, q.step, q.task)
		}
	}
}

// heldBy checks that no lock is held by a task that is over, unless it names a Pulp task that is not.
func heldBy(s *pulpfake.Server, locks []lock, found *findings) {
	var unfinished []string
	for _, task := range s.Tasks() {
		if task.Finished.IsZero() {
			unfinished = append(unfinished, task.Href)
		}
	}
	for _, l := range locks {
		if l.server != name(s) || l.state == "queued" || l.state == "running" || slices.Contains(unfinished, l.pulpTask) {
			continue
		}
		what := "no Pulp task"
		if l.pulpTask != "" {
			what = "Pulp task " + l.pulpTask + ", which is over"
		}
		found.add("%s: the lock of %s is held by task %d, which is %s, for %s", s.Name(), l.repository, l.task, l.state, what)
	}
}

// equal checks, after an undisturbed round of syncs, that every server has and serves what upstream has now, secondaries the very bytes of
// their primary, and that nothing is there that belongs to nothing.
func (f *simulatedFleet) equal(w *watcher, found *findings) {
	for i, s := range f.servers {
		for _, r := range f.upstream.repositories {
			if got, want := w.check(i, r), f.upstream.newest(r); got != want {
				found.add("%s: generation %d is served after an undisturbed round, upstream has %d", key(i, r.name), got, want)
			}
			if primary := f.source(i); primary != nil {
				if err := sameFiles(r, primary.ServedFiles(r.basePath()), s.ServedFiles(r.basePath())); err != nil {
					found.add("%s: %v", key(i, r.name), err)
				}
			}
		}
		want := wanted(s.Names("repositories"))
		if len(want) != len(f.upstream.repositories) {
			found.add("%s has %d repositories from upstream, not %d", s.Name(), len(want), len(f.upstream.repositories))
		}
		for _, class := range []string{"remotes", "distributions"} {
			if names := wanted(s.Names(class)); !slices.Equal(names, want) {
				found.add("%s: its %s are not those of its repositories: %v", s.Name(), class, difference(names, want))
			}
		}
	}
}

func wanted(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "ext-") })
}

func difference(a, b []string) []string {
	in := func(all []string) func(string) bool { return func(x string) bool { return slices.Contains(all, x) } }
	return slices.Concat(slices.DeleteFunc(slices.Clone(a), in(b)), slices.DeleteFunc(slices.Clone(b), in(a)))
}

// sameFiles tells where a secondary does not serve the very files of its primary.
func sameFiles(r repository, primary, secondary map[string][]byte) error {
	if len(primary) == 0 {
		return fmt.Errorf("the primary serves nothing")
	}
	for file, body := range primary {
		if r.kind == "deb" && secondary[file] == nil && !strings.HasPrefix(file, "pool/") && file != heads["deb"] {
			continue // the secondary mirrors what the Release file lists
		}
		if r.kind == "container" && secondary[file] == nil && digestPattern.MatchString(file) {
			continue // the secondary mirrors what tags name; that each is whole was read
		}
		if !bytes.Equal(body, secondary[file]) {
			return fmt.Errorf("%s has %d bytes on the primary, %d here, or they differ", file, len(body), len(secondary[file]))
		}
	}
	return nil
}
