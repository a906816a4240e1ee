// SPDX-License-Identifier: Apache-2.0

package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// instant is a date in a field that the original does not have: RFC 3339 in UTC; zero is null.
type instant time.Time

// MarshalJSON writes the date.
func (i instant) MarshalJSON() ([]byte, error) {
	t := time.Time(i)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.UTC().Format(time.RFC3339Nano) + `"`), nil
}

// Schema describes the date.
func (instant) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Nullable: true, Format: "date-time", Description: "Date in UTC.", Examples: []any{"2026-11-23T09:14:46Z"},
	}
}
