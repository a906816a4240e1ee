// SPDX-License-Identifier: Apache-2.0

package removerepositories_test

import (
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
)

// TestKilled: everything chosen is gone in the end, each part deleted once.
func TestKilled(t *testing.T) {
	t.Parallel()
	jobtest.Killed(t, func(t *testing.T) (*jobtest.Fleet, fleet.Task) {
		t.Helper()
		f := synced(t, true, func(w *jobtest.World) { w.Request = 2 * time.Second })
		return f, queue(f, f.Primary, args("^ext-(deb|rpm)$", confirm(2)))
	}, func(f *jobtest.Fleet) map[string]string {
		left := map[string]string{}
		for _, part := range parts(f.Primary, "") {
			left[part] = "is there"
		}
		for _, row := range f.Repositories(f.Primary) {
			left["in the store: "+row.Name] = row.Href
		}
		for name := range left {
			left[name] = "is there"
		}
		return left
	})
}
