// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"strconv"
	"testing"
	"time"
)

func TestRarely(t *testing.T) {
	var m Rarely
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	if m.Seen("a", now) || !m.Seen("a", now.Add(59*time.Second)) || m.Seen("a", now.Add(time.Minute)) {
		t.Error("what happens is not told once a minute")
	}
	for i := range 3 * rareAtMost {
		m.Seen(strconv.Itoa(i), now)
	}
	if len(m.last) != rareAtMost {
		t.Errorf("%d things remembered", len(m.last))
	}
	if !m.Seen("new", now) || m.Seen("new", now.Add(2*time.Minute)) {
		t.Error("old things are kept, or too many new ones told")
	}
}
