// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

func TestMakespan(t *testing.T) {
	const s = time.Second
	one := []step{{1 * s, false}, {3 * s, true}, {1 * s, false}, {2 * s, true}}
	for _, test := range []struct {
		name                 string
		chains               [][]step
		concurrency, workers int
		want                 time.Duration
	}{
		{"nothing", nil, 2, 1, 0},
		{"one chain is its sum", [][]step{one}, 2, 1, 7 * s},
		{"one after the other", [][]step{one, one, one}, 1, 9, 21 * s},
		{"all at once", [][]step{one, one, one}, 3, 3, 7 * s},
		{"more slots than chains", [][]step{one, one}, 9, 9, 7 * s},
		{"in order, not by length", [][]step{{{1 * s, true}}, {{1 * s, true}}, {{5 * s, true}}}, 2, 2, 6 * s},
		// 1–4 and 4–7 the first Pulp tasks; 7–9 the second task of the first, 9–11 that of the second.
		{"one worker", [][]step{one, one}, 2, 1, 11 * s},
		{"a waiting Pulp task keeps no request waiting", [][]step{{{4 * s, true}}, {{1 * s, false}, {1 * s, true}}, {{3 * s, false}}}, 3, 1, 5 * s},
	} {
		if got := makespan(test.chains, test.concurrency, test.workers); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestFleetTimes(t *testing.T) {
	a, again, b := fleetTimes{seed: 1}, fleetTimes{seed: 1}, fleetTimes{seed: 2}
	sync := "pulp_rpm.app.tasks.synchronizing.synchronize"
	if a.pulpTask(sync, "x") != again.pulpTask("synchronize", "x") || a.pulpTask(sync, "x") == a.pulpTask(sync, "y") || a.pulpTask(sync, "x") == b.pulpTask(sync, "x") {
		t.Error("times of syncs do not depend on seed and repository alone")
	}
	if d := a.pulpTask(sync, "x"); d < 500*time.Millisecond || d >= 4*time.Second {
		t.Errorf("a sync takes %s", d)
	}
	if d := a.pulpTask("pulp_deb.app.tasks.publishing.publish_verbatim", "x"); d < 200*time.Millisecond || d >= time.Second {
		t.Errorf("a publication takes %s", d)
	}
	if d := a.pulpTask("pulpcore.app.tasks.base.general_create", "x"); d != 0 {
		t.Errorf("anything else takes %s", d)
	}
}
