// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// synced gives the repositories of which Pulp ran a sync since so many Pulp tasks, sorted.
func synced(s *pulpfake.Server, since int) []string {
	var names []string
	for _, task := range s.TasksStarted("synchronize")[since:] {
		names = append(names, task.Subject)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func syncs(s *pulpfake.Server) int { return len(s.TasksStarted("synchronize")) }

// mirrorAgain mirrors the secondary and fails the test unless it really syncs just these.
func mirrorAgain(t *testing.T, f *jobtest.Fleet, what string, want []string, change ...func(*groupsync.Args)) fleet.Task {
	t.Helper()
	before := syncs(f.Secondary)
	task := f.Completed(f.QueueSync(f.Secondary, f.Primary, change...))
	if got := synced(f.Secondary, before); !slices.Equal(got, want) {
		t.Errorf("%s: synced %v, want %v\n%s", what, got, want, f.Story(task.ID))
	}
	return task
}

var all3 = []string{"ext-deb", "ext-file", "ext-rpm"}

// both is what a mirroring without a change costs both servers together, of three types: of each server its
// status, the types it has, two or three lists a type and the publications, and of the primary who signed.
const both = 27

// TestUnchangedCostsNothing: what a primary serves unchanged starts no Pulp task on the secondary; each
// repository still has a child that says so and counts as a successful sync.
func TestUnchangedCostsNothing(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	before := f.Repositories(f.Secondary)
	pulpTasks := len(f.Primary.Tasks()) + len(f.Secondary.Tasks())
	f.Primary.ForgetRequests()
	f.Secondary.ForgetRequests()
	task := f.Sync(f.Secondary, f.Primary)
	if n := len(f.Primary.Tasks()) + len(f.Secondary.Tasks()) - pulpTasks; n != 0 {
		t.Errorf("%d Pulp tasks", n)
	}
	sum := 0
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		asked, n := jobtest.Asked(s)
		if sum += n; sum > both || s.Writes() > 0 {
			t.Errorf("%s: %d requests: %v", s.Name(), n, asked)
		}
	}
	children := f.Children(task.ID)
	for _, r := range before {
		child := children[r.Name]
		stages, err := f.Store.Stages(t.Context(), child.ID)
		if err != nil || child.State != fleet.Completed || len(stages) != 1 || stages[0].Name != "sync repo" || stages[0].State != fleet.StageCompleted {
			t.Fatalf("%s: %+v, %+v, %v", r.Name, child, stages, err)
		}
		text, _ := stages[0].Detail["msg"].(string)
		if !strings.HasPrefix(text, "unchanged since 20") || !strings.Contains(text, string(jobtest.Name(f.Primary))+" serves what was mirrored then") {
			t.Errorf("%s says %q", r.Name, text)
		}
	}
	for i, r := range f.Repositories(f.Secondary) {
		if r.Health != fleet.Green || r.LastAttemptState != fleet.Completed || !r.LastSuccess.After(before[i].LastSuccess) || !r.LastAttempt.After(before[i].LastAttempt) {
			t.Errorf("%+v\nbefore %+v", r, before[i])
		}
	}
	f.Same()
	f.Sound()
}

// hand changes something on a server by hand.
type hand func(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server, name string)

func patch(class string, body pulp.Fields) hand {
	return func(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server, name string) {
		c := f.Client(s)
		href, _ := s.Object(class, name)["pulp_href"].(string)
		var change pulp.Change
		var err error
		switch class {
		case "remotes":
			change, err = c.UpdateRemote(t.Context(), pulp.Href(href), body)
		case "repositories":
			change, err = c.UpdateRepository(t.Context(), pulp.Href(href), body)
		default:
			change, err = c.UpdateDistribution(t.Context(), pulp.Href(href), body)
		}
		if change.Task != "" || err != nil {
			f.Done(c, change.Task, err)
		}
	}
}

// republish publishes the newest version again, as somebody does by hand, and points to it what is pinned.
func republish(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server, name string) {
	kind := strings.TrimPrefix(name, "ext-")
	path := map[string]string{"deb": "deb/apt", "rpm": "rpm/rpm", "file": "file/file"}[kind]
	body := pulp.Fields{"repository": s.Object("repositories", name)["pulp_href"]}
	if kind == "deb" {
		body["structured"] = true
	}
	c := f.Client(s)
	href, err := c.CreatePublication(t.Context(), path, body)
	publication, _ := f.Done(c, href, err).CreatedPublication()
	if kind != "deb" {
		patch("distributions", pulp.Fields{"publication": publication})(t, f, s, name)
	}
}

func modify(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server, name string) {
	c := f.Client(s)
	repository, _ := s.Object("repositories", name)["pulp_href"].(string)
	href, err := c.Modify(t.Context(), pulp.Href(repository), pulp.Fields{"remove_content_units": []string{"*"}})
	f.Done(c, href, err)
}

func deletePublications(t *testing.T, f *jobtest.Fleet, s *pulpfake.Server, name string) {
	c := f.Client(s)
	repository, _ := s.Object("repositories", name)["pulp_href"].(string)
	list, err := c.List(t.Context(), "publications/", url.Values{"repository": {repository}})
	if err != nil || len(list) == 0 {
		t.Fatalf("publications of %s: %v %v", name, list, err)
	}
	for _, p := range list {
		if err := c.DeletePublication(t.Context(), p.Href()); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// TestChangedIsSynced: whatever is other than the last good sync saw it or left it is really synced, on its
// own; afterwards the secondary serves what the primary does, and the next run has nothing to do.
func TestChangedIsSynced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		primary bool
		change  hand
		only    []string // names; each where there are none
		repairs bool     // mirroring puts it right, and then there is nothing to sync
	}{
		{name: "the primary publishes the same version again", primary: true, change: republish},
		{name: "a remote's field that nobody manages", change: patch("remotes", pulp.Fields{"total_timeout": 77})},
		{name: "a secret of the remote", change: patch("remotes", pulp.Fields{"proxy_url": "http://127.0.0.1:1", "proxy_username": "u", "proxy_password": "p"})},
		{name: "a remote's field that is mirrored", change: patch("remotes", pulp.Fields{"policy": "on_demand"})},
		{name: "the remote is unlinked", change: patch("repositories", pulp.Fields{"remote": nil}), repairs: true},
		{name: "a field of the repository", change: patch("repositories", pulp.Fields{"retain_repo_versions": 7})},
		{name: "a version made by hand", change: modify},
		{name: "the publications deleted", change: deletePublications},
		{name: "published again on the secondary", change: republish},
		{
			name: "the distribution points nowhere", only: []string{"ext-file", "ext-rpm"},
			change: patch("distributions", pulp.Fields{"publication": nil}),
		},
		{
			name: "the distribution follows no repository", only: []string{"ext-deb"}, repairs: true,
			change: patch("distributions", pulp.Fields{"repository": nil}),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t)
			f.SyncAll()
			names := c.only
			if names == nil {
				names = all3
			}
			s := f.Secondary
			if c.primary {
				s = f.Primary
			}
			for _, name := range names {
				c.change(t, f, s, name)
				if c.repairs {
					mirrorAgain(t, f, name, nil)
				} else {
					mirrorAgain(t, f, name, []string{name})
				}
			}
			mirrorAgain(t, f, "afterwards", nil)
			f.Same()
		})
	}
}

// TestAskedForIsSynced: one who asks for it, or with options, gets real syncs; and options once given
// are not what the next run asks for.
func TestAskedForIsSynced(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	mirrorAgain(t, f, "nothing asked", nil)
	force := func(a *groupsync.Args) { a.Force = true }
	mirrorAgain(t, f, "forced", all3, force)
	mirrorAgain(t, f, "after a forced one", nil)
	optimize := func(a *groupsync.Args) { a.SyncOptions = map[string]any{"optimize": false} }
	mirrorAgain(t, f, "with options", all3, optimize)
	mirrorAgain(t, f, "with the same options", all3, optimize)
	mirrorAgain(t, f, "without them", all3)
	mirrorAgain(t, f, "without them again", nil)
	f.Same()
}

// TestFullSyncInterval: after a while everything is really synced all the same.
func TestFullSyncInterval(t *testing.T) {
	t.Parallel()
	var interval atomic.Int64
	interval.Store(int64(time.Hour))
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Unchanged.FullSyncInterval = func() time.Duration { return time.Duration(interval.Load()) }
	})
	f.SyncAll()
	mirrorAgain(t, f, "within the interval", nil)
	interval.Store(int64(time.Microsecond))
	mirrorAgain(t, f, "after it", all3)
	interval.Store(0)
	mirrorAgain(t, f, "without one", all3)
	interval.Store(int64(time.Hour))
	mirrorAgain(t, f, "within it again", nil)
}

// TestFailedIsSynced: a sync that fails, or whose publication does, says nothing about what is there, and
// neither does what is canceled: the next run syncs.
func TestFailedIsSynced(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	force := func(a *groupsync.Args) { a.Force = true }
	f.Secondary.FailNext(pulpfake.On{Task: "synchronize", Repository: "ext-file"}, "out of luck")
	f.Failed(f.QueueSync(f.Secondary, f.Primary, force))
	mirrorAgain(t, f, "after a failed sync", []string{"ext-file"})
	mirrorAgain(t, f, "after that", nil)

	f.Trees["ext-deb"].Put(pulpfake.Package{Name: "gamma", Version: "3.0"})
	f.Sync(f.Primary, nil)
	f.Secondary.FailNext(pulpfake.On{Task: "publish", Repository: "ext-deb"}, "out of ink")
	f.Failed(f.QueueSync(f.Secondary, f.Primary))
	mirrorAgain(t, f, "after a failed publication", []string{"ext-deb"})
	mirrorAgain(t, f, "after that", nil)
	f.Same()
	f.Sound()
}

// TestCanceledIsSynced: a run that is canceled in the middle leaves what it did not finish to the next.
func TestCanceledIsSynced(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	release := f.Secondary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	f.Serve()
	task := f.QueueSync(f.Secondary, f.Primary, func(a *groupsync.Args) { a.Force = true })
	f.Until("two syncs to run", func() bool { return len(running(f.Secondary)) == 2 })
	var begun []string
	for _, r := range running(f.Secondary) {
		begun = append(begun, r.Subject)
	}
	slices.Sort(begun)
	f.Cancel(task.ID)
	confirmed(f, task.ID)
	release()
	for _, want := range [][]string{begun, nil} {
		before := syncs(f.Secondary)
		completed(t, f, f.QueueSync(f.Secondary, f.Primary))
		if got := synced(f.Secondary, before); !slices.Equal(got, want) {
			t.Errorf("synced %v, want %v", got, want)
		}
	}
	f.Tidy()
}

// TestChangeDuringSync: what the primary publishes while the secondary syncs is not what the sync was made
// from: the next run sees it.
func TestChangeDuringSync(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	release := f.Secondary.Hold(pulpfake.On{Task: "synchronize"})
	defer release()
	wait := f.Go(f.QueueSync(f.Secondary, f.Primary, func(a *groupsync.Args) { a.Force = true }))
	f.Until("two syncs to run", func() bool { return len(running(f.Secondary)) == 2 })
	for _, name := range all3 {
		republish(t, f, f.Primary, name)
	}
	release()
	if task := wait(); task.State != fleet.Completed {
		t.Fatalf("%+v", task)
	}
	mirrorAgain(t, f, "the next run", all3)
	mirrorAgain(t, f, "after that", nil)
	f.Same()
}

// TestWithoutItsSource: a secondary that is synced without looking at its source is synced for real.
func TestWithoutItsSource(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	before := syncs(f.Secondary)
	for range 2 { // without a source nothing is known of it
		f.Sync(f.Secondary, nil)
	}
	if n := syncs(f.Secondary) - before; n != 6 {
		t.Errorf("%d syncs, want 6", n)
	}
	mirrorAgain(t, f, "with the source again", all3)
	mirrorAgain(t, f, "after that", nil)
}

// TestManyUnchanged: a hundred repositories without a change (test/bench has a thousand) cost both servers
// no more requests than three do, and no Pulp task.
func TestManyUnchanged(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Types, w.Copies = []fleet.RepositoryType{"file"}, jobtest.Fewer(100)-1
	})
	wide := func(a *groupsync.Args) { a.MaxConcurrentSyncs = 8 }
	f.Register(f.Primary)
	f.Completed(f.QueueSync(f.Primary, nil, wide))
	f.Completed(f.QueueSync(f.Secondary, f.Primary, wide))
	f.Primary.ForgetRequests()
	f.Secondary.ForgetRequests()
	tasks := len(f.Primary.Tasks()) + len(f.Secondary.Tasks())
	task := f.Completed(f.QueueSync(f.Secondary, f.Primary, wide))
	if n := len(f.Primary.Tasks()) + len(f.Secondary.Tasks()) - tasks; n != 0 {
		t.Errorf("%d Pulp tasks", n)
	}
	if n := len(f.Primary.Requests()) + len(f.Secondary.Requests()); n > both {
		asked, _ := jobtest.Asked(f.Secondary)
		t.Errorf("%d requests: %v", n, asked)
	}
	if children := f.Children(task.ID); len(children) != jobtest.Fewer(100) {
		t.Errorf("%d children", len(children))
	}
}

// TestSuitesAskedOnce: of a repository that was uploaded to, the primary is asked for its suites only until they
// have been mirrored; without that, a thousand of them would cost a thousand requests each time.
func TestSuitesAskedOnce(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"deb"} })
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c := f.Client(f.Primary)
	change, err := c.UpdateRepository(t.Context(), pulp.Href(f.Primary.Object("repositories", "ext-deb")["pulp_href"].(string)), pulp.Fields{"remote": nil})
	f.Done(c, change.Task, err)
	suites := func() int {
		t.Helper()
		f.Primary.ForgetRequests()
		f.Sync(f.Secondary, f.Primary)
		n := 0
		for _, r := range f.Primary.Requests() {
			if strings.Contains(r.Path, "content/deb/releases/") {
				n++
			}
		}
		return n
	}
	if first, again := suites(), suites(); first != 1 || again != 0 {
		t.Errorf("asked %d times, then %d times", first, again)
	}
	f.Same()
	remote := pulp.Href(f.Secondary.Object("remotes", "ext-deb")["pulp_href"].(string))
	ours := f.Client(f.Secondary)
	change, err = ours.UpdateRemote(t.Context(), remote, pulp.Fields{"distributions": "by-hand"})
	f.Done(ours, change.Task, err)
	if n := suites(); n != 1 {
		t.Errorf("asked %d times after the remote was changed by hand", n)
	}
	f.Same()
}
