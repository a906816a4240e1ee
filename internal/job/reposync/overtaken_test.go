// SPDX-License-Identifier: Apache-2.0

package reposync_test

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
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

// TestPublishedByOneThatFailed: what another run has published and then failed to serve, after a group looked at the server, is served
// by the group, not published again.
func TestPublishedByOneThatFailed(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
	publish, deb := f.Primary.Hold(pulpfake.On{Task: "publish"}), f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	f.Primary.FailNext(pulpfake.On{Task: "general_update"}, "something new")
	before := len(f.Primary.TasksStarted("publish"))
	defer f.Serve()()
	first := alone(t, f, "ext-rpm")
	f.Until("it is being published", func() bool { return len(f.Primary.TasksStarted("publish")) > before })
	synced := len(f.Primary.TasksStarted("synchronize"))
	group := f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.MaxConcurrentSyncs = 1 })
	f.Until("the group's first part syncs", func() bool { return len(f.Primary.TasksStarted("synchronize")) > synced })
	publish()
	if ended := f.Ended(first); ended.State != fleet.Failed {
		t.Fatalf("the first run is %s", ended.State)
	}
	deb()
	if ended := f.Ended(group); ended.State != fleet.Completed {
		t.Errorf("the group is %s: %+v", ended.State, ended.Error)
	}
	if n := len(f.Primary.TasksStarted("publish")) - before; n != 1 {
		t.Errorf("published %d times", n)
	}
	if !strings.Contains(f.Story(group.ID), "completed") {
		t.Error(f.Stories())
	}
	f.Tidy()
}
