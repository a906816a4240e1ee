// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"
)

// TestJudge: what grows steadily misses its goal, what only swings or fills at the beginning does not.
func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name   string
		value  func(n int) float64
		misses bool
	}{
		{"steady", func(int) float64 { return 100 }, false},
		{"swinging", func(n int) float64 { return 100 + 20*math.Sin(float64(n)) }, false},
		{"filling at the beginning", func(n int) float64 { return math.Min(100, 10*float64(n)) }, false},
		{"leaking", func(n int) float64 { return 100 + float64(n) }, true},
		{"leaking slowly among swings", func(n int) float64 { return 100 + 0.2*float64(n) + 5*math.Sin(float64(n)) }, true},
	} {
		s := sampler{}
		for n := range 200 {
			s.at = append(s.at, float64(n))
			s.values = append(s.values, []float64{test.value(n), 10, 10, 50, 20, float64(n)})
		}
		r := &result{}
		s.judge("here", "hour", 1, r)
		missed := strings.Join(r.missed(), "; ")
		if strings.Contains(missed, "goroutines") != test.misses || (!test.misses && missed != "") {
			t.Errorf("%s: missed %q", test.name, missed)
		}
	}
}
