// SPDX-License-Identifier: Apache-2.0

package job

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Slot is the right to sync, until it is released.
type Slot struct {
	limits *Limits
	want   Want

	mu   sync.Mutex
	have []fleet.SyncSlot
	lent []string // names of those that are given back while the sync only waits
}

func (s *Slot) add(slots []fleet.SyncSlot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.have = append(s.have, slots...)
}

// Release gives it back, also after the end of ctx. Doing it twice is fine.
func (s *Slot) Release(ctx context.Context) {
	s.release(ctx, func(fleet.SyncSlot) bool { return true })
}

// release gives back those that are chosen.
func (s *Slot) release(ctx context.Context, chosen func(fleet.SyncSlot) bool) {
	s.mu.Lock()
	var gone []fleet.SyncSlot
	s.have = slices.DeleteFunc(s.have, func(slot fleet.SyncSlot) bool {
		if chosen(slot) {
			gone = append(gone, slot)
		}
		return chosen(slot)
	})
	s.mu.Unlock()
	if len(gone) == 0 {
		return
	}
	s.limits.free(ctx, s.want, gone)
	s.limits.leave(gone)
}

// free gives slots back in the store. Where that fails they count until their task, or its root's lease, is over.
func (l *Limits) free(ctx context.Context, w Want, slots []fleet.SyncSlot) {
	slots = shared(l, slots)
	if len(slots) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freeTime)
	defer cancel()
	names := make([]string, len(slots))
	for i, s := range slots {
		names[i] = s.Name
	}
	if err := l.Shared.FreeSlots(ctx, w.Task, names); err != nil && l.Log != nil {
		l.Log.Warn("slots not given back yet", "task", w.Task, "err", err)
	}
}

func ofUpstream(s fleet.SyncSlot) bool { return strings.HasPrefix(s.Name, "upstream ") }

// lend lets others have the upstream's slot while the server does not answer: a dead server keeps nobody
// else from the upstream.
func (s *Slot) lend(ctx context.Context) { s.lendThose(ctx, ofUpstream) }

// lendAll lets others have all of it while nothing is asked of anybody.
func (s *Slot) lendAll(ctx context.Context) {
	s.lendThose(ctx, func(fleet.SyncSlot) bool { return true })
}

func (s *Slot) lendThose(ctx context.Context, chosen func(fleet.SyncSlot) bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	for _, slot := range s.have {
		if chosen(slot) {
			s.lent = append(s.lent, slot.Name)
		}
	}
	s.mu.Unlock()
	s.release(ctx, chosen)
}

// regain takes back what was lent, waiting for it before anything is asked of Pulp.
func (s *Slot) regain(ctx context.Context, tell func(what string)) error {
	slots := s.taken()
	if len(slots) == 0 {
		return nil
	}
	return s.limits.acquire(ctx, s, slots, tell)
}

// regainNow takes it back though there may be none left: the sync goes on in Pulp already.
func (s *Slot) regainNow(ctx context.Context) {
	slots := s.taken()
	if len(slots) == 0 {
		return
	}
	l := s.limits
	l.mu.Lock()
	for _, slot := range slots {
		l.used[slot.Name]++
	}
	l.mu.Unlock()
	if all := shared(l, slots); len(all) > 0 {
		if _, err := l.Shared.TakeSlots(ctx, s.want.Lease, s.want.Task, all, true); err != nil && l.Log != nil && ctx.Err() == nil {
			l.Log.Warn("slots not taken again", "task", s.want.Task, "err", err)
		}
	}
	s.add(slots)
}

// taken ends the lending and gives what was lent.
func (s *Slot) taken() []fleet.SyncSlot {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lent := s.lent
	s.lent = nil
	if len(lent) == 0 {
		return nil
	}
	return slices.DeleteFunc(s.limits.slots(s.want), func(slot fleet.SyncSlot) bool { return !slices.Contains(lent, slot.Name) })
}
