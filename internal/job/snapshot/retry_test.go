// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestRetry: a retry makes the snapshots that are missing, of the very versions that the first try looked at; those that it
// made are not in its way.
func TestRetry(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Primary.FailNext(pulpfake.On{Task: "publish", Repository: "snap-a-ext-rpm"}, "out of luck")
	first := f.Failed(queue(f, f.Primary))
	before := f.Primary.ServedFiles("repos/ext-rpm")
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "later", Version: "1.0"})
	f.Sync(f.Primary, nil) // the source goes on meanwhile
	again, err := f.Store.Retry(t.Context(), first.ID, snapshot.Definition(snapshot.Settings{}).Keeps)
	if err != nil {
		t.Fatal(err)
	}
	f.Completed(again)
	for _, name := range []string{"ext-deb", "ext-file"} {
		if c := child(t, f, again, name); c.State != fleet.Skipped || c.DoneIn != child(t, f, first, name).ID {
			t.Errorf("%s: %+v", name, c)
		}
		sameAs(t, f.Primary, name, "snap-a-"+name)
	}
	if got := f.Primary.ServedFiles("repos/snap-a-ext-rpm"); len(got) != len(before) {
		t.Errorf("%d files, want the %d of the version that was looked at first", len(got), len(before))
	}
	f.Tidy()
}

// TestPublishedBefore: what a run has published and then failed to serve is served by the next one, not published again. (Of
// a deb repository the next run makes another version.)
func TestPublishedBefore(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Primary.FailTimes(pulpfake.On{Task: "general_create"}, "something new", -1) // distributions: repositories are made at once
	f.Failed(queue(f, f.Primary, reuse, only("^ext-(rpm|file)$")))
	f.Primary.Heal()
	f.Completed(queue(f, f.Primary, reuse, only("^ext-(rpm|file)$")))
	times := map[string]int{}
	for _, task := range f.Primary.TasksStarted("publish") {
		times[task.Subject]++
	}
	for _, name := range []string{"ext-rpm", "ext-file"} {
		if n := times["snap-a-"+name]; n != 1 {
			t.Errorf("%s was published %d times", name, n)
		}
	}
	for _, name := range []string{"ext-rpm", "ext-file"} {
		sameAs(t, f.Primary, name, "snap-a-"+name)
	}
	f.Tidy()
}
