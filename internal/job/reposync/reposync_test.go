// SPDX-License-Identifier: Apache-2.0

package reposync_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp"
)

func TestMain(m *testing.M) { jobtest.Main(m) }

// alone queues the sync of one repository by itself.
func alone(t *testing.T, f *jobtest.Fleet, name string, change ...func(*reposync.Args)) fleet.Task {
	t.Helper()
	for _, r := range f.Repositories(f.Primary) {
		if r.Name == name {
			args := reposync.Args{RepositoryID: r.ID, Href: r.Href}
			for _, c := range change {
				c(&args)
			}
			return f.Queue(fleet.NewTask{
				Name: "sync of " + name, Kind: fleet.KindRepoSync, Server: r.Server, Repository: r.ID, MaxRuntime: time.Hour,
				Args: args,
			}, nil)
		}
	}
	t.Fatalf("no repository %s", name)
	return fleet.Task{}
}

// TestAlone: a repository can be synced by itself, and costs no more than looking at it.
func TestAlone(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Copies = 3 })
	f.Register(f.Primary)
	for _, name := range []string{"ext-deb", "ext-rpm", "ext-file"} {
		f.Completed(alone(t, f, name))
		if len(f.Primary.ServedFiles("repos/"+name)) == 0 {
			t.Errorf("%s is not served", name)
		}
	}
	if n := len(f.Primary.TasksStarted("synchronize")); n != 3 {
		t.Errorf("%d syncs", n)
	}
	f.Primary.ForgetRequests()
	f.Completed(alone(t, f, "ext-deb"))
	if asked, n := jobtest.Asked(f.Primary); n > 7 || f.Primary.Writes() != 1 {
		t.Errorf("%d requests without a change: %v", n, asked)
	}
	f.Tidy()
}

// TestAloneAgain: after a sync that did not succeed, Pulp looks at everything again, where it would skip an
// upstream that has not changed since.
func TestAloneAgain(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Completed(alone(t, f, "ext-rpm"))
	f.Trees["ext-rpm"].Empty()
	for range 3 {
		if task := f.Failed(alone(t, f, "ext-rpm")); !strings.Contains(task.Error.Msg, "upstream has no packages") {
			t.Errorf("error: %+v", task.Error)
		}
	}
	f.Tidy()
}

// TestGone: a repository that was deleted or unlinked since is told as that.
func TestGone(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	c, ctx := f.Client(f.Primary), t.Context()
	href := func(name string) pulp.Href {
		text, _ := f.Primary.Object("repositories", name)["pulp_href"].(string)
		return pulp.Href(text)
	}
	task, err := c.DeleteRepository(ctx, href("ext-file"))
	f.Done(c, task, err)
	change, err := c.UpdateRepository(ctx, href("ext-rpm"), pulp.Fields{"remote": nil})
	if change.Task != "" || err != nil {
		f.Done(c, change.Task, err)
	}
	for name, words := range map[string]string{"ext-file": "is not there any more", "ext-rpm": "has no remote to sync from"} {
		if task := f.Failed(alone(t, f, name)); !strings.Contains(task.Error.Msg, words) || !strings.Contains(task.Error.Msg, name) {
			t.Errorf("%s: %+v", name, task.Error)
		}
	}
	f.Register(f.Primary) // brings both back
	f.SyncAll()
	f.Same()
}
