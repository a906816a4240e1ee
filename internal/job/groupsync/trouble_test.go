// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestMirrorRefused: metadata that Pulp cannot mirror byte for byte is synced by the second method, and
// that is said.
func TestMirrorRefused(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Secondary.FailNext(pulpfake.On{Task: "synchronize", Repository: "ext-rpm"},
		"This repository uses features which are incompatible with 'mirror' sync. Please sync without mirroring enabled.")
	task := f.Sync(f.Secondary, f.Primary)
	story := f.Story(f.Children(task.ID)["ext-rpm"].ID)
	if !strings.Contains(story, "mirror_content_only") || !strings.Contains(story, "not a byte for byte copy") {
		t.Errorf("the child does not say how it synced:\n%s", story)
	}
	if f.Secondary.Served("repos/ext-rpm", "Packages/b/bear-1.0-1.x86_64.rpm") == nil && f.Secondary.Served("repos/ext-rpm", "Packages/bear-1.0-1.x86_64.rpm") == nil {
		t.Error("the secondary does not serve the package")
	}
	f.Sound()
	f.Secondary.FailTimes(pulpfake.On{Task: "synchronize", Repository: "ext-rpm"}, "it cannot be mirrored today", 2)
	task = f.Failed(f.QueueSync(f.Secondary, f.Primary, func(a *groupsync.Args) { a.Force = true }))
	if !strings.Contains(task.Error.Msg, "it cannot be mirrored today") {
		t.Errorf("where both methods fail the parent says %s", task.Error.Msg)
	}
	f.Tidy()
}

// TestOddRepositories: what is odd on the primary is left out, and stops nothing (D80, D93).
func TestOddRepositories(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c, ctx := f.Client(f.Primary), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.CreateRepository(ctx, "deb/apt", pulp.Fields{"name": "ext-alone"}) // without remote, distribution, description
	must(err)
	lonely, err := c.CreateRepository(ctx, "deb/apt", pulp.Fields{"name": "ext-unpublished"})
	must(err)
	href, err := c.CreateDistribution(ctx, "deb/apt", pulp.Fields{"name": "ext-unpublished", "base_path": "ext-unpublished", "repository": lonely.Href})
	f.Done(c, href, err)
	href, err = c.CreateDistribution(ctx, "rpm/rpm", pulp.Fields{"name": "ext-nothing", "base_path": "ext-nothing"})
	f.Done(c, href, err)
	_, err = c.CreateRepository(ctx, "file/file", pulp.Fields{"name": "ext-unlinked"})
	must(err)
	_, err = c.CreateRemote(ctx, "file/file", pulp.Fields{"name": "ext-unlinked", "url": "http://127.0.0.1:9/PULP_MANIFEST"})
	must(err)
	_, err = c.CreateRepository(ctx, "container/container", pulp.Fields{"name": "ext-container"})
	must(err)
	for _, task := range []fleet.Task{f.Sync(f.Primary, nil), f.Sync(f.Secondary, f.Primary)} {
		if children := f.Children(task.ID); len(children) != 3 {
			t.Errorf("%d children:\n%s", len(children), f.Story(task.ID))
		}
	}
	f.Same()
	f.Tidy()
}

// TestSecondaryLacksPlugin: what a secondary cannot hold is told, repository by repository, and all else is mirrored.
func TestSecondaryLacksPlugin(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Secondary.Lacks = []string{"rpm"} })
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	for _, when := range []string{"first", "again"} {
		task := f.Failed(f.QueueSync(f.Secondary, f.Primary))
		if !strings.Contains(task.Error.Msg, "1 repositories could not be mirrored: ext-rpm: ") || !strings.Contains(task.Error.Msg, "lacks Pulp's plugin for rpm") {
			t.Errorf("%s: %s", when, task.Error.Msg)
		}
		for name, child := range f.Children(task.ID) {
			if child.State != fleet.Completed {
				t.Errorf("%s: %s is %s", when, name, child.State)
			}
		}
		if f.Secondary.Served("repos/ext-file", "a.txt") == nil || f.Secondary.Served("repos/ext-deb", "dists/stable/InRelease") == nil {
			t.Errorf("%s: the others are not served", when)
		}
	}
	f.Sound()
}

// TestUnknownSyncOption: an option that a chosen repository's type does not know is told before Pulp is asked
// for anything (D96).
func TestUnknownSyncOption(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Primary.ForgetRequests()
	task := f.Failed(f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.SyncOptions = map[string]any{"mirorr": true} }))
	if !strings.Contains(task.Error.Msg, `"mirorr"`) || !strings.Contains(task.Error.Detail, "mirror") {
		t.Errorf("error: %+v", task.Error)
	}
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes to Pulp", n)
	}
	optimize := func(a *groupsync.Args) { a.SyncOptions = map[string]any{"optimize": false} }
	f.Completed(f.QueueSync(f.Primary, nil, optimize))
	f.Completed(f.QueueSync(f.Primary, nil, optimize))
	f.Sound()
}

// TestWrongPassword: it is told at once, in clear words, without a storm of logins; and the right one
// is taken up by the next run.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SetPassword("swordfish")
	for _, queue := range []func() fleet.Task{
		func() fleet.Task { return f.QueueRegister(f.Primary) },
		func() fleet.Task { return f.QueueSync(f.Primary, nil) },
	} {
		f.Primary.ForgetRequests()
		task := f.Failed(queue())
		if !strings.Contains(task.Error.Msg, "Invalid username/password") || !strings.Contains(task.Error.Detail, "password configured") {
			t.Errorf("error: %+v", task.Error)
		}
		if strings.Contains(f.Story(task.ID), "swordfish") {
			t.Error("the password is told")
		}
		if n := len(f.Primary.Requests()); n > 6 {
			asked, _ := jobtest.Asked(f.Primary)
			t.Errorf("%d requests: %v", n, asked)
		}
	}
	f.SetPassword("password")
	f.SyncAll()
	f.Same()
}

// TestPasswordChangesInBetween: a password that is changed while sessions end is taken up within a run.
func TestPasswordChangesInBetween(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize"})
	done := f.Go(f.QueueSync(f.Primary, nil))
	f.Until("a sync to run", func() bool { return len(running(f.Primary)) > 0 })
	f.Primary.SetPassword("correct horse")
	f.SetPassword("correct horse")
	f.Primary.EndSessions()
	release()
	if task := done(); task.State != fleet.Completed {
		t.Errorf("the sync is %s: %+v", task.State, task.Error)
	}
	f.Tidy()
}

// running gives the Pulp tasks that are not final.
func running(s *pulpfake.Server) []pulpfake.Task {
	var all []pulpfake.Task
	for _, task := range s.Tasks() {
		if task.Finished.IsZero() {
			all = append(all, task)
		}
	}
	return all
}

// TestTwoSyncsOfOneServer: two root tasks that want the same repositories take turns, the second says for
// whom it waits, and Pulp never gets two syncs of one repository at a time (D134).
func TestTwoSyncsOfOneServer(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: "ext-deb"})
	f.Serve()
	first := f.QueueSync(f.Primary, nil)
	f.Until("the first to sync ext-deb", func() bool { return len(f.Locks(f.Primary)) > 0 && started(f.Primary, "ext-deb") == 1 })
	second := f.QueueSync(f.Primary, nil)
	f.Says(second.ID, fmt.Sprintf("waiting for ext-deb on %s: task %d changes it since", jobtest.Name(f.Primary), first.ID))
	if n := started(f.Primary, "ext-deb"); n != 1 {
		t.Errorf("%d syncs of ext-deb while the first one runs", n)
	}
	release()
	for _, task := range []fleet.Task{first, second} {
		if ended := f.Ended(task); ended.State != fleet.Completed {
			t.Errorf("task %d is %s: %+v\n%s", task.ID, ended.State, ended.Error, f.Story(task.ID))
		}
	}
	last := map[string]pulpfake.Task{}
	for _, task := range f.Primary.TasksStarted("synchronize") {
		if before, ok := last[task.Subject]; ok && task.Created.Before(before.Finished) {
			t.Errorf("a sync of %s was asked for at %s, before the one of %s ended", task.Subject, task.Created, before.Finished)
		}
		last[task.Subject] = task
	}
	f.Tidy()
}

// TestSyncWhileRegistering: a sync that begins while its repository is being registered waits for that, and
// takes it as it is then.
func TestSyncWhileRegistering(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"file"} })
	release := f.Primary.Hold(pulpfake.On{Task: "general_create"})
	f.Serve()
	registration := f.QueueRegister(f.Primary)
	f.Until("the distribution to be made", func() bool { return len(running(f.Primary)) == 1 })
	sync := f.QueueSync(f.Primary, nil)
	f.Says(sync.ID, fmt.Sprintf("waiting for ext-file on %s: task %d changes it since", jobtest.Name(f.Primary), registration.ID))
	release()
	completed(t, f, registration)
	completed(t, f, sync)
	completed(t, f, f.QueueSync(f.Secondary, f.Primary))
	f.Same()
	f.Sound()
}

func started(s *pulpfake.Server, repository string) int {
	n := 0
	for _, task := range s.TasksStarted("synchronize") {
		if task.Subject == repository {
			n++
		}
	}
	return n
}

// TestTwoMirrorsAtOnce: two syncs that mirror the same set of repositories for the first time both end well,
// and everything is made once.
func TestTwoMirrorsAtOnce(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Serve()
	tasks := []fleet.Task{f.QueueSync(f.Secondary, f.Primary), f.QueueSync(f.Secondary, f.Primary)}
	for _, task := range tasks {
		completed(t, f, task)
	}
	if n := len(f.Secondary.TasksStarted("general_create")); n != 3 {
		t.Errorf("%d distributions were asked for", n)
	}
	f.Same()
	f.Sound()
}

// TestUpstreamHangs: an upstream that takes a request and never answers holds up its own repository only, until the
// task's time is over; then its sync is cancelled in Pulp, and the next run finds all in order.
func TestUpstreamHangs(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	served := f.Primary.ServedFiles("repos/ext-rpm")
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "delta", Version: "1.0"})
	release := f.Trees["ext-rpm"].Hang()
	defer release()
	f.Serve()
	task := f.Ended(f.QueueSync(f.Primary, nil, func(a *groupsync.Args) {
		a.MaxRuntime = fmt.Sprint(jobtest.Slower(6 * time.Second).Seconds())
	}))
	if task.State != fleet.Failed || !strings.Contains(task.Error.Msg, "timeout") {
		t.Errorf("the task is %s: %+v", task.State, task.Error)
	}
	for name, child := range f.Children(task.ID) {
		if (child.State == fleet.Failed) != (name == "ext-rpm") {
			t.Errorf("%s is %s: %+v", name, child.State, child.Error)
		}
	}
	f.Until("Pulp to have stopped", func() bool { return len(running(f.Primary)) == 0 })
	if now := f.Primary.ServedFiles("repos/ext-rpm"); !maps.EqualFunc(served, now, sameBytes) {
		t.Errorf("what is served has changed: %d files, now %d", len(served), len(now))
	}
	release()
	if again := f.Ended(f.QueueSync(f.Primary, nil)); again.State != fleet.Completed {
		t.Errorf("the next run is %s: %+v", again.State, again.Error)
	}
	f.Tidy()
}
