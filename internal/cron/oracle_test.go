// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/cron/crontest"
)

// zones are ordinary ones and those that put their clocks forward at midnight, by half an hour, or often.
var zones = []string{"Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Cairo", "Pacific/Chatham"}

var texts = []string{
	"@daily", "@hourly", "@weekly", "@monthly", "@yearly", "30 2 * * *", "*/15 2 * * *", "45 1,2,3 * * 1-5", "0 */2 * * *", "15 0 * * *",
	"*/30 1-3 * * *", "20 * * * 0", "*/10 * * * *", "0 12 L * *", "30 0 1,15 3,4,9,10,11 *", "0 0 29 2 *", "5 3 13 * 5", "0 1 * * 7",
}

// A year in many zones is what a look at every minute of it gives.
func TestNextIsTheOracles(t *testing.T) {
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	runs := 0
	for _, zone := range zones {
		for _, text := range texts {
			cron := "TZ=" + zone + " " + text
			var got []time.Time
			s := parse(t, cron)
			for at := s.Next(from.Add(-time.Second)); at.Before(to); at = s.Next(at) {
				got = append(got, at)
			}
			runs += len(got)
			if diff := cmp.Diff(crontest.Due(cron, from, to), got); diff != "" {
				t.Errorf("%s: (-oracle +got)\n%s", cron, diff)
			}
		}
	}
	if runs < 300_000 {
		t.Errorf("only %d runs", runs)
	}
}

// Texts and moments that nobody chose.
func TestNextOfAnythingIsTheOracles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := func(label, pattern string) string { return rapid.StringMatching(pattern).Draw(t, label) }
		text := part("minute", `(\*|[0-5]?[0-9]|\*/[1-9]|[0-9],[2-5][0-9])`) + " " + part("hour", `(\*|1?[0-9]|2[0-3]|\*/[2-9]|[0-4]-[5-9])`) + " " +
			part("day", `(\*|\*|[1-9]|L|1-1[0-9])`) + " " + part("month", `(\*|[1-9]|3,10)`) + " " + part("weekday", `(\*|\*|[0-6]|1-5)`)
		cron := "TZ=" + rapid.SampledFrom(zones).Draw(t, "zone") + " " + text
		s, err := Parse(cron)
		if err != nil {
			t.Fatalf("Parse(%q): %v", cron, err)
		}
		from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).AddDate(0, rapid.IntRange(0, 11).Draw(t, "month"), rapid.IntRange(0, 30).Draw(t, "day"))
		to := from.AddDate(0, 0, 3)
		want := crontest.Due(cron, from, to)
		var got []time.Time
		for at := s.Next(from.Add(-time.Second)); !at.IsZero() && at.Before(to); at = s.Next(at) {
			got = append(got, at)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: (-oracle +got)\n%s", cron, diff)
		}
	})
}
