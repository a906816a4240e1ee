// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// picture is what looking at a whole server costs: its status, the types it has, three lists for each of three
// types, the publications and the counts of packages.
const picture = 13

// TestAsksPulpLittle: what a group sync costs Pulp, counted from the fakes' logs: first at most 6 requests
// a repository, without a change at most 2, polling apart.
func TestAsksPulpLittle(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Copies = 6 })
	repositories := len(f.Defined())
	f.Register(f.Primary)
	wide := func(a *groupsync.Args) { a.MaxConcurrentSyncs = 8 }
	count := func(what string, s *pulpfake.Server, most, besides int) {
		t.Helper()
		if asked, sum := jobtest.Asked(s); sum > most*repositories+besides {
			t.Errorf("%s: %d requests to the %s for %d repositories, at most %d each and %d: %v",
				what, sum, s.Name(), repositories, most, besides, asked)
		}
		if n := jobtest.Polls(s); n > jobtest.More(3)*repositories { // by time, so more where all takes longer
			t.Errorf("%s: the %s was polled %d times", what, s.Name(), n)
		}
		s.ForgetRequests()
	}
	f.Primary.ForgetRequests()
	f.Completed(f.QueueSync(f.Primary, nil, wide))
	count("first sync", f.Primary, 6, 0)
	f.Completed(f.QueueSync(f.Secondary, f.Primary, wide))
	count("first mirror", f.Primary, 2, 0)
	// Three of the six make remote, repository and distribution; the picture is taken before and after, and the names that
	// types we do not know have are asked for once. Whether a deb distribution still follows is looked at once it is
	// published: a third of them.
	count("first mirror", f.Secondary, 6, 2*picture+3+repositories/3)
	f.Same()
	f.Completed(f.QueueSync(f.Primary, nil, wide))
	count("no change", f.Primary, 2, picture/2)
	f.Completed(f.QueueSync(f.Secondary, f.Primary, wide))
	count("no change, mirrored from", f.Primary, 1, 0)
	count("no change", f.Secondary, 2, 0)
	f.Sound()
}

// TestNoChangeIsSkipped: a sync after a good one lets Pulp skip a feed that has not changed; looking at all of
// it again is for runs after a failed one.
func TestNoChangeIsSkipped(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	before := len(f.Primary.TasksStarted("synchronize"))
	f.Sync(f.Primary, nil)
	for _, sync := range f.Primary.TasksStarted("synchronize")[before:] {
		task, err := f.Client(f.Primary).Task(t.Context(), pulp.Href(sync.Href))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(task.Progress, func(p pulp.Progress) bool { return strings.HasSuffix(p.Code, "was_skipped") }) {
			t.Errorf("%s was not skipped: %+v", sync.Subject, task.Progress)
		}
	}
}
