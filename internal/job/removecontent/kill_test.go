// SPDX-License-Identifier: Apache-2.0

package removecontent_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
)

// TestKilled: the package is gone from what clients see in the end, whether the process was killed before the
// change, between it and publishing, or after; and nothing is published twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	short := func(w *jobtest.World) { w.Request = 2 * time.Second }
	for name, story := range map[string]struct {
		repository, unit string
		force            bool
	}{"deb": {"ext-deb", "alpha", false}, "rpm, forced": {"ext-rpm", "cat", true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jobtest.Killed(t, func(t *testing.T) (*jobtest.Fleet, fleet.Task) {
				t.Helper()
				s := newShop(t, short)
				return s.Fleet, s.queueBehind(story.repository, story.unit, story.force)
			}, func(f *jobtest.Fleet) map[string]string {
				s := &shop{Fleet: f, t: t}
				return map[string]string{"clients see": fmt.Sprint(s.view(f.Primary, story.repository))}
			})
		})
	}
}

// queueBehind queues a removal behind the three tasks that a process of jobtest's sees to first.
func (s *shop) queueBehind(repository, unit string, force bool) fleet.Task {
	s.t.Helper()
	s.Sync(s.Secondary, s.Primary)
	return s.queue(s.Primary, repository, s.unit(s.Primary, repository, unit), force)
}
