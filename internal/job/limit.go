// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Limits bounds how many syncs go on at a time: over all group syncs, by server and by upstream host. Less than that go on
// at a server that is slow or has few workers (pace.go).
type Limits struct {
	PerServer   int // 0: no bound
	PerUpstream int
	// Shared makes the bounds hold over all processes; nil: this one is the only one.
	Shared fleet.SyncSlots
	Log    *slog.Logger // may be nil

	mu     sync.Mutex
	used   map[string]int
	queue  []*claim // oldest first
	paces  map[string]*pace
	waited map[string]bool // names that somebody has waited for since they were looked at last
}

// How often a slot that other processes have is asked for.
const (
	firstSlotTry = 100 * time.Millisecond
	lastSlotTry  = 2 * time.Second
	freeTime     = 10 * time.Second // to give one back
)

// Want is what a sync needs to go on.
type Want struct {
	Server   *Server
	Upstream string // host; empty: none that counts
	Lease    fleet.Lease
	Task     fleet.TaskID
}

// slots gives the slots that it needs, the server's first.
func (l *Limits) slots(w Want) []fleet.SyncSlot {
	all := []fleet.SyncSlot{{Name: "server " + string(w.Server.Name), Most: l.PerServer}}
	if w.Upstream != "" && l.PerUpstream > 0 {
		all = append(all, fleet.SyncSlot{Name: "upstream " + w.Upstream, Most: l.PerUpstream})
	}
	return all
}

// Acquire waits for a slot at a server and at an upstream host, if there is one. It takes both at once or none, so
// that who waits for one keeps nobody from the other. Tell is called before a wait with what is waited for; it may be nil.
func (l *Limits) Acquire(ctx context.Context, w Want, tell func(what string)) (*Slot, error) {
	if tell == nil {
		tell = func(string) {}
	}
	s := &Slot{limits: l, want: w}
	if err := l.acquire(ctx, s, l.slots(w), tell); err != nil {
		return nil, err
	}
	return s, nil
}

// claim is somebody who waits for slots of this process.
type claim struct {
	slots    []fleet.SyncSlot
	admitted chan struct{}
}

// acquire takes slots here and, where they are shared, in the store.
func (l *Limits) acquire(ctx context.Context, s *Slot, slots []fleet.SyncSlot, tell func(string)) error {
	if err := l.enter(ctx, s.want, slots, tell); err != nil {
		return err
	}
	if err := l.share(ctx, s.want, slots, tell); err != nil {
		l.leave(slots)
		return err
	}
	s.add(slots)
	return nil
}

func (l *Limits) enter(ctx context.Context, w Want, slots []fleet.SyncSlot, tell func(string)) error {
	c := &claim{slots: slots, admitted: make(chan struct{})}
	l.mu.Lock()
	if l.used == nil {
		l.used, l.paces, l.waited = map[string]int{}, map[string]*pace{}, map[string]bool{}
	}
	if p := w.Server.pace; p != nil {
		l.paces["server "+string(w.Server.Name)] = p
		p.bound(l, "server "+string(w.Server.Name), l.PerServer)
	}
	l.queue = append(l.queue, c)
	l.admit()
	full, most := l.full(c)
	l.mu.Unlock()
	select {
	case <-c.admitted:
		return nil
	default:
		tell(fmt.Sprintf("a slot: %d syncs at a time for %s", most, full))
	}
	select {
	case <-c.admitted:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-c.admitted: // in this very moment
		l.give(slots)
	default:
		l.queue = slices.DeleteFunc(l.queue, func(other *claim) bool { return other == c })
	}
	l.admit()
	return context.Cause(ctx)
}

// most is how many slots of a name there are now; 0: no bound. The caller holds mu.
func (l *Limits) most(s fleet.SyncSlot) int {
	if p := l.paces[s.Name]; p != nil {
		return p.room()
	}
	return s.Most
}

// admit lets in who waits and for whom there is room, oldest first. The caller holds mu.
func (l *Limits) admit() {
	l.queue = slices.DeleteFunc(l.queue, func(c *claim) bool {
		if name, _ := l.full(c); name != "" {
			l.waited[name] = true
			return false
		}
		for _, s := range c.slots {
			l.used[s.Name]++
		}
		close(c.admitted)
		return true
	})
}

// full gives what somebody waits for; empty: there is room. The caller holds mu.
func (l *Limits) full(c *claim) (name string, most int) {
	for _, s := range c.slots {
		if most := l.most(s); most > 0 && l.used[s.Name] >= most {
			return s.Name, most
		}
	}
	return "", 0
}

// give frees slots of this process. The caller holds mu.
func (l *Limits) give(slots []fleet.SyncSlot) {
	for _, s := range slots {
		if l.used[s.Name]--; l.used[s.Name] == 0 {
			delete(l.used, s.Name)
		}
	}
}

func (l *Limits) leave(slots []fleet.SyncSlot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.give(slots)
	l.admit()
}

// changed lets in who waits after there is more room. It tells how many have slots of a name, and whether anybody has waited
// for one since it was asked last.
func (l *Limits) changed(name string) (used int, waited bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waited = l.waited[name]
	delete(l.waited, name)
	l.admit() // notes who still waits
	return l.used[name], waited
}

// inUse counts the slots of a name that are taken here.
func (l *Limits) inUse(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used[name]
}

// share takes slots in the store, which other processes take them from too.
func (l *Limits) share(ctx context.Context, w Want, slots []fleet.SyncSlot, tell func(string)) error {
	slots = shared(l, slots)
	if len(slots) == 0 {
		return nil
	}
	for pause, told := firstSlotTry, false; ; pause = min(2*pause, lastSlotTry) {
		full, err := l.Shared.TakeSlots(ctx, w.Lease, w.Task, slots, false)
		if err != nil || full == nil {
			return err
		}
		if !told {
			told = true
			tell(fmt.Sprintf("a slot: %d syncs at a time for %s, over all processes", full.Most, full.Name))
		}
		if err := sleep(ctx, jitter(pause)); err != nil {
			return err
		}
	}
}

// shared gives the slots that are bounded over all processes.
func shared(l *Limits, slots []fleet.SyncSlot) []fleet.SyncSlot {
	if l.Shared == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(slots), func(s fleet.SyncSlot) bool { return s.Most <= 0 })
}
