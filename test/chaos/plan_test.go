// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"
)

// TestPlan: a seed's plan is the same each time, another's is another; all of it is within the time; each kind of fault comes.
func TestPlan(t *testing.T) {
	const lasts = 10 * time.Minute
	a := planOf(1, lasts, 20, true)
	if !slices.Equal(a, planOf(1, lasts, 20, true)) || slices.Equal(a, planOf(2, lasts, 20, true)) {
		t.Error("plans do not depend on the seed alone")
	}
	kinds := map[kind]int{}
	for _, e := range a {
		kinds[e.kind]++
		if e.at < 0 || e.at > lasts || e.lasts <= 0 || e.at+e.lasts > lasts || e.server < 0 || e.server >= 20 {
			t.Errorf("%+v", e)
		}
	}
	for _, w := range weights {
		if kinds[w.kind] == 0 {
			t.Errorf("%s never comes in %d events", w.kind, len(a))
		}
	}
	for _, e := range planOf(1, lasts, 20, false) {
		if e.kind == database {
			t.Fatal("SQLite has no connections to cut")
		}
	}
}
