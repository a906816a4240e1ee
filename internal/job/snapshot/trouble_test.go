// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestAsked: what a person asks for is checked before a task is made; the prefix gets its beginning.
func TestAsked(t *testing.T) {
	t.Parallel()
	server := fleet.Server{ID: 1, Name: "pulp1", SnapshotSupported: true}
	asked := snapshot.Definition(snapshot.Settings{}).Ask
	long := strings.Repeat("x", 300)
	bad := "["
	for _, x := range []struct {
		body snapshot.Request
		says string // empty: fine
		with string
	}{
		{snapshot.Request{MaxRuntime: "1h", Prefix: "jan"}, "", "snap-jan"},
		{snapshot.Request{MaxRuntime: "1h", Prefix: "snap-jan-"}, "", "snap-jan-"},
		{snapshot.Request{MaxRuntime: "soon", Prefix: "jan"}, "max_runtime", ""},
		{snapshot.Request{MaxRuntime: "1h"}, "snapshot_prefix", ""},
		{snapshot.Request{MaxRuntime: "1h", Prefix: "a,b"}, "snapshot_prefix", ""},
		{snapshot.Request{MaxRuntime: "1h", Prefix: "a/b"}, "snapshot_prefix", ""},
		{snapshot.Request{MaxRuntime: "1h", Prefix: "jan 2026"}, "snapshot_prefix", ""},
		{snapshot.Request{MaxRuntime: "1h", Prefix: long}, "snapshot_prefix", ""},
		{snapshot.Request{MaxRuntime: "1h", Prefix: "jan", RegexInclude: &bad}, "[", ""},
	} {
		task, err := asked.NewTask(server, fleet.Repository{}, x.body)
		if x.says != "" {
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%+v: %v", x.body, err)
			}
			continue
		}
		if args, ok := task.Args.(snapshot.Args); err != nil || !ok || args.Prefix != x.with || task.Name != "snapshot repos pulp1" {
			t.Errorf("%+v: %+v %v", x.body, task, err)
		}
	}
	server.SnapshotSupported = false // D97
	if _, err := asked.NewTask(server, fleet.Repository{}, snapshot.Request{MaxRuntime: "1h", Prefix: "jan"}); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), "snapshot_support") {
		t.Errorf("not supported: %v", err)
	}
}

// TestNoLongerSupported: a server that lost its support while the task waited fails it, at once (D97).
func TestNoLongerSupported(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	task := queue(f, f.Primary)
	if _, err := f.Store.Apply(t.Context(), fleet.Configuration{Hash: "2", Servers: []fleet.ConfiguredServer{
		{Server: fleet.Server{Name: jobtest.Name(f.Primary), Username: "admin"}}, {Server: fleet.Server{Name: jobtest.Name(f.Secondary), Username: "admin"}},
	}}, true); err != nil {
		t.Fatal(err)
	}
	if done := f.Failed(task); !strings.Contains(done.Error.Msg, "not meant for snapshots") || len(f.Primary.Requests()) > 0 {
		t.Errorf("error: %+v", done.Error)
	}
	f.Tidy()
}

// TestTrouble: one that serves nothing, one whose base path is taken and one whose name would be too long fail with
// their reasons; the others are made, and the parent names each that failed (D98, D99).
func TestTrouble(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	long := "ext-" + strings.Repeat("x", 248)
	f.Define(f.Definition("file", "ext-unserved", f.UpstreamURL+"/nothing/"), f.Definition("file", long, f.UpstreamURL+"/nothing/"))
	f.Register(f.Primary)
	c := f.Client(f.Primary)
	started, err := c.CreateDistribution(t.Context(), "file/file", pulp.Fields{"name": "squatter", "base_path": "repos/snap-a-ext-rpm"})
	f.Done(c, started, err)
	publication, err := c.CreatePublication(t.Context(), "file/file", pulp.Fields{"repository": href(f.Primary, "repositories", long)})
	made, _ := f.Done(c, publication, err).CreatedPublication()
	change, err := c.UpdateDistribution(t.Context(), href(f.Primary, "distributions", long), pulp.Fields{"publication": made})
	if change.Task != "" || err != nil {
		f.Done(c, change.Task, err)
	}
	task := f.Failed(queue(f, f.Primary))
	for _, words := range []string{
		"3 of 5 did not succeed", "snapshot ext-unserved: failed: repository ext-unserved serves nothing",
		`snapshot ext-rpm: failed: snap-a-ext-rpm: base path "repos/snap-a-ext-rpm" is taken by distribution squatter`,
		fmt.Sprintf("has %d characters, more than 255", len("snap-a-"+long)),
	} {
		if !strings.Contains(task.Error.Msg, words) {
			t.Errorf("error %q does not say %q", task.Error.Msg, words)
		}
	}
	if c := child(t, f, task, "ext-unserved"); c.State != fleet.Failed || c.Error == nil || !strings.Contains(c.Error.Detail, "sync or publish it first") {
		t.Errorf("child: %+v", c)
	}
	sameAs(t, f.Primary, "ext-deb", "snap-a-ext-deb")
	sameAs(t, f.Primary, "ext-file", "snap-a-ext-file")
	if f.Primary.Object("repositories", "snap-a-ext-rpm") != nil || f.Primary.Object("repositories", "snap-a-ext-unserved") != nil {
		t.Error("what cannot be served was made all the same")
	}
	if n := len(f.Locks(f.Primary)); n > 0 {
		t.Errorf("%d locks", n)
	}
	if none := f.Failed(queue(f, f.Primary, only("^nosuch$"))); !strings.Contains(none.Error.Msg, "no repository is chosen") {
		t.Errorf("nothing chosen: %+v", none.Error)
	}
}

// TestServedVersion: what is in the newest version and not served is not in the snapshot (D106); an internal
// repository is taken, too (D102).
func TestServedVersion(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Define(f.Definition("file", "int-file", ""))
	f.Register(f.Primary)
	c, ctx := f.Client(f.Primary), t.Context()
	internal := href(f.Primary, "repositories", "int-file")
	started, err := c.Modify(ctx, internal, pulp.Fields{"base_version": f.Primary.Object("repositories", "ext-file")["latest_version_href"]})
	f.Done(c, started, err)
	started, err = c.CreatePublication(ctx, "file/file", pulp.Fields{"repository": internal})
	f.Done(c, started, err)
	started, err = c.Modify(ctx, internal, pulp.Fields{"remove_content_units": []string{"*"}})
	f.Done(c, started, err)
	started, err = c.Modify(ctx, href(f.Primary, "repositories", "ext-rpm"), pulp.Fields{"remove_content_units": []string{"*"}})
	f.Done(c, started, err)
	f.Completed(queue(f, f.Primary, only("rpm|int-")))
	sameAs(t, f.Primary, "ext-rpm", "snap-a-ext-rpm")
	sameAs(t, f.Primary, "int-file", "snap-a-int-file")
}

// TestVersionGone: a version that is deleted between the decision and the work is told as that.
func TestVersionGone(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c, once := f.Client(f.Primary), sync.Once{}
	f.Primary.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		if r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/modify/") || strings.HasSuffix(r.URL.Path, "/copy/")) {
			once.Do(func() {
				for _, name := range []string{"ext-deb", "ext-rpm"} {
					started, err := c.DeleteRepository(t.Context(), href(f.Primary, "repositories", name))
					f.Done(c, started, err)
				}
			})
		}
		return pulpfake.None
	})
	task := f.Failed(queue(f, f.Primary, only("deb|rpm")))
	for _, name := range []string{"ext-deb", "ext-rpm"} {
		if c := child(t, f, task, name); c.Error == nil || !strings.Contains(c.Error.Msg, "of "+name+", which it served when the snapshot began, is no longer") {
			t.Errorf("%s: %+v", name, c.Error)
		}
	}
}

// TestCopyMeetsOthers: what somebody else puts into the snapshot while it is made does not stay in it.
func TestCopyMeetsOthers(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Copies = 1 })
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c, met := f.Client(f.Primary), false
	foreign := f.Primary.Object("repositories", "ext-deb-0")["latest_version_href"]
	f.Primary.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/deb/copy/") && !met {
			met = true
			started, err := c.Modify(t.Context(), href(f.Primary, "repositories", "snap-a-ext-deb"), pulp.Fields{"base_version": foreign})
			f.Done(c, started, err)
		}
		return pulpfake.None
	})
	f.Completed(queue(f, f.Primary, only("^ext-deb$")))
	sameAs(t, f.Primary, "ext-deb", "snap-a-ext-deb")
	if !met {
		t.Error("nobody else was met")
	}
}

// TestConcurrency: as many at a time as the configuration says, or a few where it does not (D105).
func TestConcurrency(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{0: 2, 1: 1, 3: 3} {
		f := jobtest.New(t, func(w *jobtest.World) { w.Snapshots = limit; w.Primary.Workers = 8 })
		f.Register(f.Primary)
		f.Sync(f.Primary, nil)
		release := f.Primary.Hold(pulpfake.On{Task: "publish"})
		wait := f.Go(queue(f, f.Primary))
		f.Until("publications to wait", func() bool { return len(waiting(f.Primary, "publish")) >= want })
		if n := len(waiting(f.Primary, "publish")); n != want {
			t.Errorf("limit %d: %d at a time, want %d", limit, n, want)
		}
		release()
		if done := wait(); done.State != fleet.Completed {
			t.Errorf("limit %d: %s", limit, f.Story(done.ID))
		}
	}
}

// TestTwoAtOnce: of two tasks for the same names the second waits for the first, and then finds them taken.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	release := f.Primary.Hold(pulpfake.On{Task: "publish"})
	defer release()
	f.Serve()
	first := queue(f, f.Primary)
	f.Until("the first to publish", func() bool { return len(waiting(f.Primary, "publish")) == 2 })
	second, third := queue(f, f.Primary, only("file")), queue(f, f.Primary, only("file"), reuse)
	f.Says(third.ID, fmt.Sprintf("waiting for snap-a-ext-file on %s: task %d changes it", jobtest.Name(f.Primary), first.ID))
	release()
	if done := f.Ended(first); done.State != fleet.Completed {
		t.Errorf("the first is %s", f.Story(first.ID))
	}
	if done := f.Ended(second); done.State != fleet.Failed || !strings.Contains(done.Error.Msg, "exist already: snap-a-ext-file") {
		t.Errorf("the second is %s", f.Story(second.ID))
	}
	if done := f.Ended(third); done.State != fleet.Completed {
		t.Errorf("the third is %s", f.Story(third.ID))
	}
	f.Tidy()
}
