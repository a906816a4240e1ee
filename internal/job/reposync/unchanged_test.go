// SPDX-License-Identifier: Apache-2.0

package reposync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// outside is a fleet whose daemon asks upstreams itself; banned is the pattern in force.
func outside(t *testing.T, probed *bool, banned *string) *jobtest.Fleet {
	return jobtest.New(t, func(w *jobtest.World) {
		w.Unchanged.ProbeUpstream = func() bool { return *probed }
		w.Unchanged.Banned = func() string { return *banned }
		w.Unchanged.FullSyncInterval = func() time.Duration { return time.Hour }
	})
}

// TestUnchangedUpstream: where we may ask the upstream ourselves, one that has not changed costs Pulp
// nothing, and anything else a sync.
func TestUnchangedUpstream(t *testing.T) {
	t.Parallel()
	probed, banned := true, ""
	f := outside(t, &probed, &banned)
	f.Register(f.Primary)
	all := []string{"ext-deb", "ext-file", "ext-rpm"}
	sync := func(what string, want ...string) {
		t.Helper()
		before := len(f.Primary.TasksStarted("synchronize"))
		task := f.Sync(f.Primary, nil)
		var got []string
		for _, s := range f.Primary.TasksStarted("synchronize")[before:] {
			got = append(got, s.Subject)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: synced %v, want %v\n%s", what, got, want, f.Story(task.ID))
		}
		if n := strings.Count(f.Story(task.ID), "its upstream serves what was synced then"); n != 3-len(want) {
			t.Errorf("%s: %d say that they are unchanged:\n%s", what, n, f.Story(task.ID))
		}
	}
	sync("first", all...)
	tasks := len(f.Primary.Tasks())
	sync("unchanged")
	if n := len(f.Primary.Tasks()) - tasks; n != 0 {
		t.Errorf("%d Pulp tasks", n)
	}
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
	sync("one changed", "ext-rpm")
	f.Trees["ext-deb"].Touch()
	sync("one re-dated", "ext-deb")
	sync("unchanged again")
	banned = "^wolf"
	sync("another pattern of banned packages", all...)
	sync("the same pattern")
	c := f.Client(f.Primary)
	href, _ := f.Primary.Object("remotes", "ext-file")["pulp_href"].(string)
	patch := func(body pulp.Fields) {
		change, err := c.UpdateRemote(t.Context(), pulp.Href(href), body)
		if change.Task != "" || err != nil {
			f.Done(c, change.Task, err)
		}
	}
	patch(pulp.Fields{"username": "me", "password": "secret"})
	sync("a login that is Pulp's", "ext-file")
	sync("and is not known to us", "ext-file")
	patch(pulp.Fields{"username": nil, "password": nil})
	sync("without it", "ext-file")
	sync("without it, unchanged")
	probed = false
	sync("not to be probed", all...)
	probed = true
	sync("to be probed again", all...)
	sync("unchanged at last")
	if len(f.Primary.ServedFiles("repos/ext-rpm")) == 0 {
		t.Error("nothing is served")
	}
}

// TestFailedUpstream: what failed is synced again although the upstream is as it was; so is what was
// taken away meanwhile.
func TestFailedUpstream(t *testing.T) {
	t.Parallel()
	probed, banned := true, ""
	f := outside(t, &probed, &banned)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
	f.Primary.FailNext(pulpfake.On{Task: "publish", Repository: "ext-rpm"}, "out of ink")
	f.Failed(f.QueueSync(f.Primary, nil))
	before := len(f.Primary.TasksStarted("synchronize"))
	f.Sync(f.Primary, nil)
	if n := len(f.Primary.TasksStarted("synchronize")) - before; n != 1 {
		t.Errorf("%d syncs after a failed publication", n)
	}
	f.Trees["ext-rpm"].Fail(500)
	if task := f.Failed(f.QueueSync(f.Primary, nil)); !strings.Contains(task.Error.Msg, "500") {
		t.Errorf("an upstream that fails: %+v", task.Error)
	}
	f.Trees["ext-rpm"].Fail(0)
	f.Sync(f.Primary, nil)
	before = len(f.Primary.TasksStarted("synchronize"))
	f.Sync(f.Primary, nil)
	if n := len(f.Primary.TasksStarted("synchronize")) - before; n != 0 {
		t.Errorf("%d syncs without a change", n)
	}
}
