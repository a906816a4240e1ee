// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// What is not as we set it, not wanted, or waits is told in one list, with the moment it was first so.
func TestDrift(t *testing.T) {
	first, later := time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC), time.Date(2026, 11, 2, 2, 3, 4, 0, time.UTC)
	for _, test := range []struct {
		of   fleet.Repository
		want string
	}{
		{fleet.Repository{}, `[] null`},
		{
			fleet.Repository{Drift: []string{"url was changed"}, DriftDate: later, Unwanted: first},
			`["url was changed","neither a definition nor a mirrored server has it any more"] "2026-11-01T02:03:04Z"`,
		},
		{fleet.Repository{Waiting: []string{"url: x → y"}}, `["waits to be adopted: url: x → y"] null`},
	} {
		shown, err := showRepository(test.of)
		if err != nil {
			t.Fatal(err)
		}
		drift, _ := json.Marshal(shown.Drift)
		date, _ := json.Marshal(shown.DriftDate)
		if diff := cmp.Diff(test.want, string(drift)+" "+string(date)); diff != "" {
			t.Error(diff)
		}
	}
	if shown, _ := showRepository(fleet.Repository{Packages: 7, PackagesVersion: "/v/1/"}); shown.Packages == nil || *shown.Packages != 7 {
		t.Errorf("packages %v", shown.Packages)
	}
}
