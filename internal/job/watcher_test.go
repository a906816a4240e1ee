// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// connected gives a connection to a new fake.
func connected(t *testing.T, o pulpfake.Options) (*Server, *pulpfake.Server) {
	t.Helper()
	fake, base := pulpfake.Start(t, o)
	pulps := NewPulps(func(fleet.Server) (*pulp.Client, error) {
		return pulp.New(pulp.Config{
			Base: base, Name: "one", Username: "admin", RequestTimeout: 10 * time.Second, RetryWait: time.Millisecond,
			Password: func(context.Context) (string, error) { return "password", nil },
		})
	}, 10*time.Second)
	t.Cleanup(func() { _ = pulps.Close(context.WithoutCancel(t.Context())) })
	s, err := pulps.Server(fleet.Server{ID: 1, Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	return s, fake
}

// nudges starts Pulp tasks that do nothing.
func nudges(t *testing.T, s *Server, n int) []pulp.Href {
	t.Helper()
	var all []pulp.Href
	for range n {
		href, err := s.Client.Nudge(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, href)
	}
	return all
}

// TestTwoHundredWaits: 200 Pulp tasks are waited for with at most three requests a round, each of them is
// told when it is over, and nothing is asked any more afterwards.
func TestTwoHundredWaits(t *testing.T) {
	t.Parallel()
	s, fake := connected(t, pulpfake.Options{Workers: 4})
	release := fake.Hold(pulpfake.On{Task: "purge"})
	hrefs := nudges(t, s, 200)
	fake.ForgetRequests()
	var seen [200]atomic.Int64
	var wg sync.WaitGroup
	enough := make(chan struct{})
	var once sync.Once
	for i, href := range hrefs {
		wg.Go(func() {
			task, err := s.watcher.watch(t.Context(), href, func(update) {
				if seen[i].Add(1) >= 5 && i == 0 {
					once.Do(func() { close(enough) })
				}
			})
			if err != nil || task.State != pulp.Completed || task.Href != href {
				t.Errorf("wait for %s: %s %v", href, task.State, err)
			}
		})
	}
	<-enough
	rounds := int64(0)
	for i := range seen {
		rounds = max(rounds, seen[i].Load())
	}
	asked := len(fake.Requests())
	if asked > 3*(int(rounds)+1) {
		t.Errorf("%d requests in %d rounds for 200 waits", asked, rounds)
	}
	release()
	wg.Wait()
	waitUntil(t, "the watcher to end", func() bool {
		s.watcher.mu.Lock()
		defer s.watcher.mu.Unlock()
		return !s.watcher.running
	})
}

func waitUntil(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestRoundsMerge: waits that began at different times are soon asked for together, and seldom: the more
// seldom the longer they last. The clock is a number here.
func TestRoundsMerge(t *testing.T) {
	t.Parallel()
	w := &watcher{began: time.Now(), waits: map[*wait]struct{}{}}
	w.ctx, w.cancel = context.WithCancel(t.Context())
	defer w.cancel()
	start := time.Now()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		since := start.Add(-time.Duration(rng.Int64N(int64(30 * time.Second))))
		own := &wait{since: since}
		own.next = start.Add(time.Duration(rng.Int64N(int64(own.interval(start)))))
		w.waits[own] = struct{}{}
	}
	rounds, late := 0, 0
	for now := start; now.Before(start.Add(time.Minute)); {
		due, pause, any := w.due(now)
		switch {
		case !any:
			t.Fatal("no waits")
		case len(due) == 0 && pause <= 0:
			t.Fatal("neither due nor a pause")
		case len(due) == 0:
			now = now.Add(pause)
			continue
		}
		rounds++
		if now.After(start.Add(30 * time.Second)) {
			late++
		}
		for _, own := range due {
			if now.Sub(own.next) > time.Second {
				t.Fatalf("asked for %s late", now.Sub(own.next))
			}
			own.next = w.after(own, now)
		}
		now = now.Add(time.Millisecond)
	}
	if rounds > 80 || late > 10 {
		t.Errorf("%d rounds in a minute, %d of them in its second half", rounds, late)
	}
}

// TestIntervals: how often a Pulp task is asked for.
func TestIntervals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for age, want := range map[time.Duration]time.Duration{
		0: quickest, 500 * time.Millisecond: quickest, 8 * time.Second: 8 * quickest, time.Hour: slowest,
	} {
		if got := (&wait{since: now.Add(-age)}).interval(now); got != want {
			t.Errorf("after %s: every %s, want %s", age, got, want)
		}
	}
}

// TestWaitEnds: a wait ends with the cause of its context's end, and when Pulp has no record of the task.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	s, fake := connected(t, pulpfake.Options{})
	release := fake.Hold(pulpfake.On{Task: "purge"})
	defer release()
	href := nudges(t, s, 1)[0]
	ctx, cancel := context.WithCancelCause(t.Context())
	looked := make(chan struct{})
	var once sync.Once
	go func() { <-looked; cancel(fleet.ErrCanceled) }()
	if _, err := s.watcher.watch(ctx, href, func(update) { once.Do(func() { close(looked) }) }); !errors.Is(err, fleet.ErrCanceled) {
		t.Errorf("canceled: %v", err)
	}
	gone := pulp.Href("/pulp/api/v3/tasks/01a209a2-48c4-7826-bc91-c61f79a198f1/")
	if _, err := s.watcher.watch(t.Context(), gone, func(update) {}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a task that is not there: %v", err)
	}
}

// TestWaitOnSameTask: two who wait for one Pulp task are both told.
func TestWaitOnSameTask(t *testing.T) {
	t.Parallel()
	s, fake := connected(t, pulpfake.Options{})
	release := fake.Hold(pulpfake.On{Task: "purge"})
	href := nudges(t, s, 1)[0]
	var wg sync.WaitGroup
	var looking atomic.Int64
	for range 2 {
		wg.Go(func() {
			first := true
			if _, err := s.watcher.watch(t.Context(), href, func(update) {
				if first {
					first = false
					looking.Add(1)
				}
			}); err != nil {
				t.Error(err)
			}
		})
	}
	waitUntil(t, "both to look", func() bool { return looking.Load() == 2 })
	release()
	wg.Wait()
}

// TestWaitTellsOfOutage: who waits for a Pulp task is told that its server is down, and since when.
func TestWaitTellsOfOutage(t *testing.T) {
	t.Parallel()
	s, fake := connected(t, pulpfake.Options{})
	release := fake.Hold(pulpfake.On{Task: "purge"})
	href := nudges(t, s, 1)[0]
	var told []string
	var mu sync.Mutex
	done := make(chan error, 1)
	go func() {
		_, err := s.watcher.watch(t.Context(), href, func(u update) {
			mu.Lock()
			defer mu.Unlock()
			text := "waiting for " + s.waiting(u.downSince, u.why)
			if u.downSince.IsZero() {
				text = string(u.task.State)
			}
			if !slices.Contains(told, text) {
				told = append(told, text)
			}
		})
		done <- err
	}()
	hears := func(text string) {
		t.Helper()
		waitUntil(t, text, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, text) })
		})
	}
	hears("running")
	fake.Stop()
	hears("waiting for server one, down since ")
	if err := fake.Restart(); err != nil {
		t.Fatal(err)
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Many servers are asked less often each, so that all together are not asked more often than some.
func TestManyServersAreAskedLessOften(t *testing.T) {
	var crowd atomic.Int64
	w := &watcher{began: time.Now(), crowd: &crowd}
	for servers, want := range map[int64]time.Duration{1: quickest, 100: quickest, 101: 2 * quickest, 200: 2 * quickest, 201: 3 * quickest} {
		crowd.Store(servers)
		own := &wait{since: w.began, next: w.began}
		if got := w.after(own, w.began).Sub(w.began); got != want {
			t.Errorf("with %d servers asked again after %s, want %s", servers, got, want)
		}
	}
}
