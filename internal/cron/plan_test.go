// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
)

func plan(t interface {
	Helper()
	Fatalf(string, ...any)
}, r Rules,
) Plan {
	t.Helper()
	p, err := ParsePlan(r)
	if err != nil {
		t.Fatalf("ParsePlan(%+v): %v", r, err)
	}
	return p
}

func TestWindows(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ window, at, until string }{ // until is empty: not in it
		{"Mon-Fri 08:00-18:00", "2026-11-27T06:59:59Z", ""}, // Berlin is an hour ahead in winter
		{"Mon-Fri 08:00-18:00", "2026-11-27T07:00:00Z", "2026-11-27T17:00:00Z"},
		{"mon-fri 08:00-18:00 UTC", "2026-11-27T07:00:00Z", ""},
		{"Mon-Fri 08:00-18:00", "2026-11-27T17:00:00Z", ""},
		{"Mon-Fri 08:00-18:00", "2026-11-28T09:00:00Z", ""}, // a Saturday
		{"Fri-Mon", "2026-11-29T12:00:00Z", "2026-11-29T23:00:00Z"},
		{"Sat,Sun UTC", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"},
		{"22:00-04:00 UTC", "2026-11-28T03:00:00Z", "2026-11-28T04:00:00Z"},
		{"Fri 22:00-04:00 UTC", "2026-11-28T03:00:00Z", "2026-11-28T04:00:00Z"}, // the night after Friday
		{"Sat 22:00-04:00 UTC", "2026-11-28T03:00:00Z", ""},
		{"00:00-24:00 UTC", "2026-11-28T03:00:00Z", "2026-11-29T00:00:00Z"},
		{"2026-12-20..2027-01-03", "2027-01-03T22:59:00Z", "2027-01-03T23:00:00Z"},
		{"2026-12-20..2027-01-03", "2027-01-03T23:00:00Z", ""},
		{"2026-12-24 UTC", "2026-12-24T00:00:00Z", "2026-12-25T00:00:00Z"},
		// Over the change of the clocks, both ends are what clocks show.
		{"Sun 01:00-04:00", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"},
		{"Sun 01:00-04:00", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"},
	} {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Errorf("ParseWindow(%q): %v", c.window, err)
			continue
		}
		until, in := w.Until(at(t, c.at), berlin)
		if in != (c.until != "") || in && !until.Equal(at(t, c.until)) {
			t.Errorf("%q at %s: until %s, %v, want %s", c.window, c.at, until, in, c.until)
		}
	}
	for _, text := range []string{
		"", " ", "Someday", "Mon-", "Mon-Fri 8-18", "25:00-26:00", "08:00-24:01", "08:61-09:00", "08:00-08:00", "2026-13-01", "2026-12-20..2026-12-19", "2026-12-20..", "Mon Tue",
		"Mon 08:00-18:00 Mars/Olympus", "Mon 08:00-18:00 Local", "Mon 08:00-18:00 UTC UTC",
	} {
		if _, err := ParseWindow(text); !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
			t.Errorf("ParseWindow(%q) = %v, want Invalid with a hint", text, err)
		}
	}
}

// Whatever the rules, runs keep their order, none is lost, none is before it is due or beyond the next by its jitter, and none is
// in a blackout.
func TestPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := Rules{
			Cron:   "TZ=" + rapid.SampledFrom(zones).Draw(t, "zone") + " " + rapid.SampledFrom(texts).Draw(t, "text"),
			Jitter: time.Duration(rapid.SampledFrom([]int{0, 0, 1, 59, 600, 7200, 86400}).Draw(t, "jitter")) * time.Second,
			Seed:   rapid.Int64Range(1, 1e6).Draw(t, "seed"), Drop: rapid.Bool().Draw(t, "drop"),
			Blackouts: rapid.SliceOfN(rapid.SampledFrom([]string{
				"Mon-Fri 08:00-18:00", "Sat", "22:00-02:30 Asia/Tokyo", "2026-12-20..2027-01-03", "2026-03-29 UTC", "Sun 01:00-02:45",
			}), 0, 3).Draw(t, "blackouts"),
		}
		p, err := ParsePlan(rules)
		if err != nil {
			if !rules.Drop {
				t.Fatalf("%+v: %v", rules, err)
			}
			return // all that is due is dropped
		}
		moment := time.Unix(rapid.Int64Range(1.77e9, 1.8e9).Draw(t, "at"), 0).UTC()
		done := moment
		for range 20 {
			run := p.Coming(moment, done)
			if run.Due.IsZero() {
				t.Fatalf("%+v: nothing after %s", rules, moment)
			}
			if !run.At.After(moment) || run.At.Before(run.Due) || !run.Due.After(done) {
				t.Fatalf("%+v: run %+v after %s", rules, run, moment)
			}
			if next := p.Next(run.Due); !next.IsZero() && run.Blackout == "" && run.At.Sub(run.Due) >= min(rules.Jitter+1, next.Sub(run.Due)) {
				t.Fatalf("%+v: run %+v is put off beyond %s", rules, run, next)
			}
			if window, _ := p.Held(run.At); (window != "") != run.Dropped {
				t.Fatalf("%+v: run %+v is in %q", rules, run, window)
			}
			for due := p.Next(done); due.Before(run.Due); due = p.Next(due) { // what is passed over has been, or is held until the moment
				if between := p.Run(due); between.At.After(moment) {
					t.Fatalf("%+v: run %+v is lost between %s and %+v", rules, between, moment, run)
				}
			}
			moment, done = run.At, run.Due
		}
	})
}

// Jitter is the same whenever it is worked out, another one for each schedule and run, and spread over all of its span.
func TestJitter(t *testing.T) {
	rules := Rules{Cron: "TZ=UTC 0 * * * *", Jitter: time.Hour}
	due := at(t, "2026-06-01T12:00:00Z")
	var tenths [10]int
	for seed := range int64(1000) {
		rules.Seed = seed
		by := plan(t, rules).Run(due).At.Sub(due)
		if again := plan(t, rules).Run(due).At.Sub(due); again != by || by%time.Second != 0 {
			t.Fatalf("%s, then %s", by, again)
		}
		tenths[by*10/time.Hour]++
	}
	for i, n := range tenths {
		if n < 60 || n > 140 {
			t.Errorf("%d of 1000 in tenth %d", n, i)
		}
	}
	p := plan(t, rules)
	if a, b := p.Run(due).At.Sub(due), p.Run(due.Add(time.Hour)).At.Sub(due.Add(time.Hour)); a == b {
		t.Errorf("two runs are put off by %s", a)
	}
}

// Rarer than a week, a month or a year is no matter.
func TestRareRuns(t *testing.T) {
	for text, want := range map[string]string{
		"0 3 1 */3 *": "2026-04-01T03:00:00Z", "@monthly": "2026-04-01T00:00:00Z", "@yearly": "2027-01-01T00:00:00Z",
		"0 3 29 2 *": "2028-02-29T03:00:00Z", "0 3 L 2 0": "2027-02-28T03:00:00Z",
	} {
		p := plan(t, Rules{Cron: "TZ=UTC " + text, Blackouts: []string{"2026-03-20..2026-03-25"}})
		now := at(t, "2026-03-15T00:00:00Z")
		if got := p.After(now, now).At; !got.Equal(at(t, want)) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		if due := p.After(now, now).Due; p.Missed(due, due, due.Add(10*time.Minute)) || !p.Missed(due, due, due.Add(10*time.Minute+time.Second)) {
			t.Errorf("%s: grace is not ten minutes", text)
		}
	}
	often := plan(t, Rules{Cron: "TZ=UTC */5 * * * *"})
	if due := at(t, "2026-03-15T00:00:00Z"); often.Missed(due, due, due.Add(150*time.Second)) || !often.Missed(due, due, due.Add(151*time.Second)) {
		t.Error("grace of five minutes is not half of them")
	}
}
