// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"
	"strings"
	"time"
)

// layout is how the API writes dates: UTC, seconds, no zone.
const layout = "2006-01-02T15:04:05"

// Time is a date of the API. Zero is null.
type Time struct{ time.Time }

// UnmarshalJSON reads a date with or without a zone; without, it is UTC.
func (t *Time) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	if s == "null" || s == "" {
		*t = Time{}
		return nil
	}
	for _, l := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if parsed, err := time.Parse(l, s); err == nil {
			*t = Time{parsed.UTC()}
			return nil
		}
	}
	return fmt.Errorf("%q is not a date", s)
}

// MarshalJSON writes the date as the API does.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format(layout) + `"`), nil
}
