// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func parse(t *testing.T, text string) Schedule {
	t.Helper()
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return s
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ text, after, want string }{
		{"TZ=UTC */5 * * * *", "2026-03-01T10:02:30Z", "2026-03-01T10:05:00Z"},
		{"TZ=UTC 0 2 * * *", "2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z"},
		{"CRON_TZ=Asia/Tokyo 30 4 * * *", "2026-03-01T00:00:00Z", "2026-03-01T19:30:00Z"},
		{"TZ=UTC @daily", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		{"TZ=UTC 0 0 * * 7", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"},
		{"TZ=UTC 0 0 * * sun", "2026-03-02T00:00:00Z", "2026-03-08T00:00:00Z"},
		// Both days given: both must match, as the original's library has it.
		{"TZ=UTC 0 0 13 * 5", "2026-03-14T00:00:00Z", "2026-11-13T00:00:00Z"},
		{"TZ=UTC 0 8 L * *", "2026-02-01T00:00:00Z", "2026-02-28T08:00:00Z"},
		{"TZ=UTC 0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"TZ=UTC 0 0 29 2 1", "2025-01-01T00:00:00Z", "2044-02-29T00:00:00Z"},
		// The hour that spring skips runs right after the gap, at 03:00 local.
		{"TZ=Europe/Berlin 0 2 * * *", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		// The hour that autumn repeats counts once for fixed hours, twice for every hour.
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"TZ=Europe/Berlin 30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"TZ=Europe/Berlin 30 * * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
	} {
		if got := parse(t, c.text).Next(at(t, c.after)); !got.Equal(at(t, c.want)) {
			t.Errorf("Next(%q, %s) = %s, want %s", c.text, c.after, got, c.want)
		}
	}
}

func TestNextIsInTheHostsZone(t *testing.T) {
	next := parse(t, "30 4 * * *").Next(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
	if next.Location() != time.UTC {
		t.Errorf("zone of the answer is %s", next.Location())
	}
	if local := next.In(time.Local); local.Hour() != 4 || local.Minute() != 30 {
		t.Errorf("runs at %s local", local)
	}
}

func TestParseRefuses(t *testing.T) { // D13
	for _, text := range []string{
		"", "   ", "soon", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8",
		"*/0 * * * *", "@reboot", "@every", "@every -1h", "@every 1s", "@sometimes", "TZ=UTC", "CRON_TZ=", "TZ=Mars/Olympus * * * * *",
		"TZ= * * * * *", "0 0 31 2 *", "0 0 30 feb *", strings.Repeat("0,", 2000) + "0 * * * *",
	} {
		_, err := Parse(text)
		if !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
			t.Errorf("Parse(%.40q) = %v, want Invalid with a hint", text, err)
		}
	}
}

func TestPeriod(t *testing.T) {
	monday := at(t, "2026-06-01T12:00:00Z")
	for text, want := range map[string]time.Duration{
		"TZ=UTC */5 * * * *":    5 * time.Minute,
		"TZ=UTC @every 90m":     90 * time.Minute,
		"TZ=UTC 0 2 * * *":      24 * time.Hour,
		"TZ=UTC 0 2 * * 1-5":    72 * time.Hour,               // over the weekend
		"TZ=UTC */5 8-17 * * *": 14*time.Hour + 5*time.Minute, // over night, although ten runs take an hour
		"TZ=UTC 0 0 1 * *":      31 * 24 * time.Hour,
		"TZ=UTC 0 0 1 1 *":      366 * 24 * time.Hour,
		"TZ=UTC 0 4 * * 1,3":    5 * 24 * time.Hour,
	} {
		if got := parse(t, text).Period(monday); got != want {
			t.Errorf("Period(%q) = %s, want %s", text, got, want)
		}
	}
	if got := (Schedule{}).Period(monday); got != 0 {
		t.Errorf("Period of the zero schedule = %s", got)
	}
}

// Whatever a user writes, it is refused or runs later than asked.
func TestAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`((CRON_)?TZ=(UTC|Europe/Berlin|)? ?)?([0-9*,/LW?#@a-z-]{1,5} ?){0,6}`),
			rapid.StringMatching(`([0-9]{1,2}|\*)(/[0-9]{1,2})? ([0-9]{1,2}|\*) ([0-9]{1,2}|\*) ([0-9]{1,2}|\*) ([0-7]|\*)`),
			rapid.String(),
		).Draw(t, "text")
		s, err := Parse(text)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("Parse(%q): %v", text, err)
			}
			return
		}
		from := time.Unix(rapid.Int64Range(1.7e9, 2e9).Draw(t, "from"), 0)
		if next := s.Next(from); !next.After(from) {
			t.Fatalf("Next(%q, %s) = %s", text, from, next)
		}
	})
}
