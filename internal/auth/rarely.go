// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"sync"
	"time"
)

// Rarely tells what happened within the last minute already. It is for what strangers can make happen as often as they
// like and should not fill a log with. The zero value is ready.
type Rarely struct {
	mu   sync.Mutex
	last map[string]time.Time
}

const (
	rarely     = time.Minute
	rareAtMost = 1024 // things that are remembered
)

// Seen tells whether a thing happened within the last minute, and if not remembers that it did now. More than 1024 things
// a minute count as seen: they tell nothing more.
func (m *Rarely) Seen(what string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.last[what]; ok && now.Sub(last) < rarely {
		return true
	}
	if len(m.last) >= rareAtMost {
		for old, at := range m.last {
			if now.Sub(at) >= rarely {
				delete(m.last, old)
			}
		}
	}
	if len(m.last) >= rareAtMost {
		return true
	}
	if m.last == nil {
		m.last = map[string]time.Time{}
	}
	m.last[what] = now
	return false
}
