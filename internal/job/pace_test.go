// SPDX-License-Identifier: Apache-2.0

package job

import (
	"container/heap"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// TestNextWindow: what becomes of the concurrency, by what is seen.
func TestNextWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		window float64
		most   int
		seen   sight
		want   float64
	}{
		{"workers take all, somebody waits", 3, 8, sight{workers: 4, running: 3, wanted: true}, 4},
		{"nobody waits for room", 3, 8, sight{workers: 4, running: 3}, 3},
		{"as many as may be", 8, 8, sight{workers: 40, wanted: true}, 8},
		{"some wait for a worker", 4, 8, sight{workers: 2, running: 2, queued: 2, stuck: 2, wanted: true}, 4},
		{"the queue is long", 8, 8, sight{workers: 2, running: 2, queued: 6, stuck: 6, wanted: true}, 6},
		{"not less than run", 8, 8, sight{workers: 2, running: 7, queued: 6, stuck: 6}, 7},
		{"trouble", 6, 8, sight{workers: 8, running: 6, troubled: true, wanted: true}, 4},
		{"never less than one", 1, 8, sight{troubled: true}, 1},
		{"the bound was lowered", 9, 4, sight{}, 4},
	} {
		if got := nextWindow(c.window, c.most, c.seen); got != c.want {
			t.Errorf("%s: %.2f, want %.2f", c.name, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 50)
		most := rapid.IntRange(1, 50).Draw(t, "most")
		s := sight{n.Draw(t, "workers"), n.Draw(t, "running"), n.Draw(t, "queued"), n.Draw(t, "stuck"), rapid.Bool().Draw(t, "trouble"), rapid.Bool().Draw(t, "wanted")}
		if got := nextWindow(rapid.Float64Range(1, 60).Draw(t, "window"), most, s); got < 1 || got > float64(most) {
			t.Fatalf("%f of at most %d", got, most)
		}
	})
}

// simulated is a Pulp server with workers, in numbers: it runs Pulp tasks first come first served, and the slower the more
// it has at once, where it thrashes.
type simulated struct {
	workers  int
	thrashes int // beyond so many tasks at once its requests get slow; 0: never
	syncs    []time.Duration
	publish  []time.Duration
	poll     time.Duration // until we see that a Pulp task has ended, and have sent the next request
}

// outcome is what a simulated group sync came to.
type outcome struct {
	wall    time.Duration
	waiting float64 // Pulp tasks that waited for a worker, on average
	window  int     // at the end
	atOnce  float64 // Pulp tasks at once, on average
}

type simEvent struct {
	at   time.Duration
	kind int // 0: a task ends, 1: we have seen it, 2: the window is adapted
	repo int
}

type simEvents []simEvent

func (e simEvents) Len() int           { return len(e) }
func (e simEvents) Less(i, j int) bool { return e[i].at < e[j].at }
func (e simEvents) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *simEvents) Push(x any)        { *e = append(*e, x.(simEvent)) }
func (e *simEvents) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// run syncs all repositories, children of them at a time; fixed syncs at a time, or 0: as many as the server bears.
func (s simulated) run(children, fixed int) outcome {
	now, free, begun, syncing, inChildren := time.Duration(0), s.workers, 0, 0, 0
	stage := make([]int, len(s.syncs)) // 0: sync, 1: publish, 2: over
	since := map[int]time.Duration{}   // repositories whose Pulp task waits
	var queue, wanting []int
	var events simEvents
	window := float64(fixed)
	if fixed == 0 {
		window = firstWindow(s.workers, children)
		heap.Push(&events, simEvent{paceEach, 2, 0})
	}
	wanted, over, waited, ran := false, 0, 0.0, 0.0
	take := func() {
		for free > 0 && len(queue) > 0 {
			repo := queue[0]
			queue, free = queue[1:], free-1
			delete(since, repo)
			takes := s.syncs[repo]
			if stage[repo] == 1 {
				takes = s.publish[repo]
			}
			heap.Push(&events, simEvent{now + takes, 0, repo})
		}
	}
	post := func(repo int) { queue = append(queue, repo); since[repo] = now; take() }
	admit := func() {
		for inChildren < children && begun < len(s.syncs) {
			wanting, inChildren, begun = append(wanting, begun), inChildren+1, begun+1
		}
		for len(wanting) > 0 && syncing < int(window) {
			repo := wanting[0]
			wanting, syncing = wanting[1:], syncing+1
			post(repo)
		}
		wanted = wanted || len(wanting) > 0
	}
	admit()
	for over < len(s.syncs) {
		e := heap.Pop(&events).(simEvent)
		waited += float64(len(queue)) * (e.at - now).Seconds()
		ran += float64(s.workers-free) * (e.at - now).Seconds()
		now = e.at
		switch e.kind {
		case 0:
			free++
			take()
			heap.Push(&events, simEvent{now + s.poll, 1, e.repo})
		case 1:
			if stage[e.repo]++; stage[e.repo] == 1 {
				syncing--
				post(e.repo)
			} else {
				over, inChildren = over+1, inChildren-1
			}
			admit()
		case 2:
			seen := sight{workers: s.workers, running: s.workers - free, queued: len(queue), wanted: wanted}
			for _, at := range since {
				if now-at >= settled {
					seen.stuck++
				}
			}
			seen.troubled = s.thrashes > 0 && seen.running+seen.queued > s.thrashes
			window, wanted = nextWindow(window, children, seen), false
			admit()
			heap.Push(&events, simEvent{now + paceEach, 2, 0})
		}
	}
	return outcome{now, waited / now.Seconds(), int(window), (waited + ran) / now.Seconds()}
}

// between makes so many times between two bounds.
func between(rng *rand.Rand, n int, least, most time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = least + time.Duration(rng.Int64N(int64(most-least)))
	}
	return all
}

// TestFewWorkers: with two Pulp workers and 200 repositories a sync takes no more than 5 % longer than with the best
// fixed concurrency, whatever the lengths of Pulp's tasks, and few of them wait; with many workers all that may go on does.
func TestFewWorkers(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name    string
		workers int
		scale   time.Duration
	}{{"short", 2, 200 * time.Millisecond}, {"middling", 2, time.Second}, {"long", 2, time.Minute}, {"one worker", 1, time.Second}, {"many workers", 32, time.Second}} {
		s := simulated{workers: c.workers, poll: 150 * time.Millisecond, syncs: between(rng, 200, c.scale/2, 4*c.scale), publish: between(rng, 200, c.scale/5, c.scale)}
		const children = 16
		best, bestAt := time.Duration(0), 0
		for fixed := 1; fixed <= children; fixed++ {
			if wall := s.run(children, fixed).wall; best == 0 || wall < best {
				best, bestAt = wall, fixed
			}
		}
		all, got := s.run(children, children), s.run(children, 0)
		t.Logf("%s: %s, best %s with %d, waiting %.1f (with all %d: %.1f)", c.name, got.wall, best, bestAt, got.waiting, children, all.waiting)
		if ratio := got.wall.Seconds() / best.Seconds(); ratio > 1.05 {
			t.Errorf("%s: %s, with %d at a time %s: %.3f times", c.name, got.wall, bestAt, best, ratio)
		}
		if c.workers <= 2 && got.waiting > 4 {
			t.Errorf("%s: %.1f Pulp tasks wait, with all at once %.1f", c.name, got.waiting, all.waiting)
		}
		if c.workers == 32 && got.window != children {
			t.Errorf("%s: %d at a time, want all %d", c.name, got.window, children)
		}
	}
}

// TestBacksOff: a server that gets slow beyond some load is given no more than that, most of the time.
func TestBacksOff(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	s := simulated{workers: 16, thrashes: 6, poll: 150 * time.Millisecond, syncs: between(rng, 200, time.Second/2, 4*time.Second), publish: between(rng, 200, time.Second/5, time.Second)}
	got, all := s.run(16, 0), s.run(16, 16)
	if got.atOnce > 8 || all.atOnce < 12 {
		t.Errorf("%.1f at once, though it thrashes beyond 6; as many as it takes without: %.1f", got.atOnce, all.atOnce)
	}
}

// TestTrouble: requests that fail or take much longer than others of their kind did are trouble; ones that are as
// ever, or a little slower on a busy machine, are not.
func TestTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		took   time.Duration
		status int
		less   bool
	}{
		{"as ever", 20 * time.Millisecond, 200, false},
		{"a little slower", 200 * time.Millisecond, 200, false},
		{"slow", 2 * time.Second, 200, true},
		{"refused", 20 * time.Millisecond, 429, true},
		{"failed", 20 * time.Millisecond, 503, true},
		{"wrong", 20 * time.Millisecond, 404, false},
	} {
		p, now := newPace(slog.New(slog.DiscardHandler)), time.Now()
		l := &Limits{PerServer: 8, used: map[string]int{}, waited: map[string]bool{}}
		p.bound(l, "server x", 8)
		before := p.room()
		ask := func(took time.Duration, status int) {
			for i := range 10 {
				id := "01a209a2-48c4-7826-bc91-c61f79a198f" + string(rune('0'+i))
				p.exchanged(pulp.Observation{Method: "GET", Path: "/pulp/api/v3/repositories/deb/apt/" + id + "/", Status: status, Duration: took})
			}
		}
		ask(20*time.Millisecond, 200)
		p.looked(now, 2, 0, 0)
		ask(c.took, c.status)
		p.looked(now.Add(2*paceEach), 2, 0, 0)
		if after := p.room(); after < before != c.less {
			t.Errorf("%s: from %d to %d", c.name, before, after)
		}
		ask(c.took, c.status)
		p.looked(now.Add(4*paceEach), 2, 0, 0)
		if after := p.room(); c.less && after < before*2/3 {
			t.Errorf("%s: again less, before what was done can have had an effect: %d", c.name, after)
		}
	}
	if kinds := []string{requestKind(pulp.Observation{Method: "GET", Path: "/a/12/b/"}), requestKind(pulp.Observation{Method: "GET", Path: "/a/7/b/"})}; len(slices.Compact(kinds)) != 1 {
		t.Errorf("kinds %v", kinds)
	}
}
