// SPDX-License-Identifier: Apache-2.0

package reposync_test

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestOvertakenWhileAway: a run that is taken up again after others have synced and served a later version does not serve its
// own, older one in its place.
func TestOvertakenWhileAway(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Completed(alone(t, f, "ext-file"))
	f.Trees["ext-file"].Put(pulpfake.Package{Name: "second.txt", Body: "second"})
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-file"})
	stop := f.Serve()
	task := alone(t, f, "ext-file")
	f.Says(task.ID, "task_href")
	stop()
	release()
	if err := f.Primary.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.CloseStore()
	f.OpenStore()
	for _, l := range f.Locks(f.Primary) { // as where the database failed just as the sync was over: freed, and nothing noted
		if err := f.Store.FreeLock(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	f.Trees["ext-file"].Put(pulpfake.Package{Name: "third.txt", Body: "third"})
	f.Completed(alone(t, f, "ext-file"))
	listed := func() bool { // files that are no longer listed are served on for days
		return strings.Contains(string(f.Primary.Served("repos/ext-file", "PULP_MANIFEST")), "third.txt")
	}
	if !listed() {
		t.Fatal("the run in between does not serve what is new")
	}
	done := f.Completed(task)
	if !listed() {
		t.Error("the later version is not served any more")
	}
	if story := f.Story(done.ID); !strings.Contains(story, "left to another run") {
		t.Errorf("story:\n%s", story)
	}
	f.Tidy()
}
