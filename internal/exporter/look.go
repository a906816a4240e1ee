// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"context"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// lookTime is how long looking at the store may take, whoever waits for it.
const lookTime = 30 * time.Second

// look is what was seen of the store for one scrape, or for some at once. Nobody changes it.
type look struct {
	fleet.Vitals
	ok            bool // false: the store could not be asked
	seconds       float64
	perRepository bool
	processes     bool
	repositories  []repository
}

// repository is one of a hundred thousand: as little as says everything.
type repository struct {
	name      string
	server    int32 // index in Servers
	health    fleet.Health
	remote    bool
	rated     float64 // seconds ago; never: -1
	succeeded float64 // seconds ago; never: -1
	overdue   float64 // seconds; -1: nothing is expected of it
}

// look asks the store.
func (h *handler) look(ctx context.Context) *look {
	began := time.Now()
	settings := h.Settings()
	seen := &look{processes: settings.Processes}
	err := h.fill(ctx, seen, settings.PerRepository)
	seen.ok, seen.seconds = err == nil, time.Since(began).Seconds()
	if err != nil {
		h.Log.Warn("the store cannot be asked for metrics", "err", err)
		return &look{seconds: seen.seconds}
	}
	return seen
}

func (h *handler) fill(ctx context.Context, seen *look, per PerRepository) (err error) {
	if seen.Vitals, err = h.Fleet.Vitals(ctx); err != nil {
		return err
	}
	all := 0
	for _, s := range seen.Servers {
		for _, n := range s.Repositories {
			all += n
		}
	}
	seen.perRepository = per == On || per != Off && all <= AutoMost
	if !seen.perRepository {
		return nil
	}
	expect := func(fleet.ServerID, string) float64 { return 0 }
	if h.Expect != nil {
		expect = h.Expect(&seen.Vitals)
	}
	index := make(map[fleet.ServerID]int32, len(seen.Servers))
	for i, s := range seen.Servers {
		index[s.ID] = int32(i) //nolint:gosec // there are not that many servers
	}
	seen.repositories = make([]repository, 0, all)
	return h.Fleet.EachRepository(ctx, func(r fleet.RepositoryVitals) error {
		at, known := index[r.Server]
		if !known {
			return nil // it has come in the meantime
		}
		seen.repositories = append(seen.repositories, repository{
			name: r.Name, server: at, health: kept(r.Health), remote: r.Remote,
			rated: ago(seen.Now, r.HealthDate), succeeded: ago(seen.Now, r.LastSuccess), overdue: overdue(seen.Now, r, expect(r.Server, r.Name)),
		})
		return nil
	})
}

// kept gives one text for all that are the same.
func kept(h fleet.Health) fleet.Health {
	for _, known := range fleet.Healths {
		if h == known {
			return known
		}
	}
	return ""
}

// ago gives how long ago a moment was, in seconds, whole days and all (D122), by the clock that wrote it (D27); -1: never.
func ago(now, then time.Time) float64 {
	if then.IsZero() {
		return -1
	}
	return max(now.Sub(then).Seconds(), 0)
}

// overdue gives for how long a repository should have succeeded once more; 0: it is in time, -1: nothing is expected of it.
func overdue(now time.Time, r fleet.RepositoryVitals, expected float64) float64 {
	if !r.Remote || expected <= 0 {
		return -1
	}
	last := r.LastSuccess
	if last.IsZero() {
		last = r.Created
	}
	return max(ago(now, last)-expected, 0)
}

// looks lets one scrape at a time look at the store. Those who come meanwhile get what it sees.
type looks struct {
	mu  sync.Mutex
	now *sharedLook // nil: nobody looks
}

type sharedLook struct {
	done chan struct{}
	seen *look
}

// join gives what is seen of the store; nil where the caller goes away before. Who looks does so to the end, for the others.
func (l *looks) join(ctx context.Context, do func(context.Context) *look) *look {
	l.mu.Lock()
	mine := l.now
	if mine == nil {
		mine = &sharedLook{done: make(chan struct{})}
		l.now = mine
		go l.lead(context.WithoutCancel(ctx), mine, do)
	}
	l.mu.Unlock()
	select {
	case <-mine.done:
		return mine.seen
	case <-ctx.Done():
		return nil
	}
}

func (l *looks) lead(ctx context.Context, mine *sharedLook, do func(context.Context) *look) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	mine.seen = do(ctx)
	l.mu.Lock()
	l.now = nil
	l.mu.Unlock()
	close(mine.done)
}
