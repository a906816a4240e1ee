// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"
	"time"
)

// An interval is a duration, or 0.
func TestInterval(t *testing.T) {
	if d := Defaults().Pulp; d.FullSyncInterval != 24*time.Hour || d.ProbeUpstream {
		t.Errorf("defaults: %s, %t", d.FullSyncInterval, d.ProbeUpstream)
	}
	v := interval(func(s *Settings) *time.Duration { return &s.Pulp.FullSyncInterval })
	for text, want := range map[string]time.Duration{"0": 0, "90": 90 * time.Second, "12h": 12 * time.Hour} {
		s := Defaults()
		if err := v.set(&s, text); err != nil || s.Pulp.FullSyncInterval != want {
			t.Errorf("%s: %s, %v", text, s.Pulp.FullSyncInterval, err)
		}
	}
	for _, text := range []string{"", "-1", "soon", "0h", "1w"} {
		s := Defaults()
		if err := v.set(&s, text); err == nil || s.Pulp.FullSyncInterval != 24*time.Hour {
			t.Errorf("%q was taken for %s", text, s.Pulp.FullSyncInterval)
		}
	}
}
