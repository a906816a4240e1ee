// SPDX-License-Identifier: Apache-2.0

package api

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// originalLayout is how the original writes dates: UTC, seconds, no zone.
const originalLayout = "2006-01-02T15:04:05"

// moment is a date in one of the original's fields; zero is null.
type moment time.Time

// MarshalJSON writes the date as the original does.
func (m moment) MarshalJSON() ([]byte, error) {
	t := time.Time(m)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format(originalLayout) + `"`), nil
}

// Schema describes the date. It has no format date-time, because that one has a zone.
func (moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Nullable: true, Description: "Date in UTC, in seconds, without a zone.",
		Pattern: `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`, Examples: []any{"2026-11-23T09:14:46"},
	}
}

// momentLayouts are the dates that filters understand, besides numbers. Those without a
// zone are UTC.
var momentLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly,
	"2006-01-02T15:04:05.999999999-0700",
}

// parseMoment reads a date of a filter: ISO 8601 with or without time and zone, or
// seconds since 1970 (milliseconds where that would be far in the future, as the original).
func parseMoment(text string) (time.Time, string) {
	given := strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(given, 64); err == nil {
		return fromUnix(seconds, text)
	}
	given = strings.ToUpper(given)
	if len(given) > len(time.DateOnly) && given[len(time.DateOnly)] == ' ' {
		given = given[:len(time.DateOnly)] + "T" + given[len(time.DateOnly)+1:]
	}
	given = strings.Replace(given, " ", "+", 1) // a "+" that was not escaped in the address
	for _, layout := range momentLayouts {
		if t, err := time.Parse(layout, given); err == nil && inRange(t) {
			return t.UTC().Truncate(time.Microsecond), ""
		}
	}
	return time.Time{}, "must be a date such as 2026-11-23, 2026-11-23T09:14:46 or 2026-11-23T09:14:46Z, or seconds since 1970, not " + quote(text)
}

// fromUnix gives the moment of a number.
func fromUnix(seconds float64, text string) (time.Time, string) {
	const milliseconds = 2e10 // in the year 2603
	if math.Abs(seconds) > milliseconds {
		seconds /= 1000
	}
	if math.IsNaN(seconds) || math.Abs(seconds) > 2e11 {
		return time.Time{}, "is not a number of seconds since 1970: " + quote(text)
	}
	whole, part := math.Modf(seconds)
	t := time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC()
	if !inRange(t) {
		return time.Time{}, "is out of range: " + quote(text)
	}
	return t, ""
}

// inRange tells whether the databases have such a date.
func inRange(t time.Time) bool { return t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 }
