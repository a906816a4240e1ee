// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestDeletedDuringRun: somebody deletes what is served while a sync runs. What cannot be read then is not called
// completed; afterwards all of it is there again.
func TestDeletedDuringRun(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		class, name, words string // what the failed child says
	}{
		{"distributions", "ext-deb", "was deleted in the middle of this run"},
		{"distributions", "ext-rpm", "was deleted in the middle of this run"},
		{"distributions", "ext-file", "was deleted in the middle of this run"},
		{"repositories", "ext-deb", "the version that its sync made is gone"},
		{"repositories", "ext-file", "the version that its sync made is gone"},
	} {
		t.Run(test.class+" "+test.name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t)
			f.SyncAll()
			f.Trees["ext-deb"].Put(pulpfake.Package{Name: "gamma", Version: "3.0"})
			f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
			f.Trees["ext-file"].Put(pulpfake.Package{Name: "b.txt", Body: "b"})
			release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: test.name})
			done := f.Go(f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.RegexInclude = &test.name }))
			f.Until("the sync to run", func() bool { return len(running(f.Primary)) > 0 })
			c := f.Client(f.Primary)
			href := pulp.Href(f.Primary.Object(test.class, test.name)["pulp_href"].(string))
			remove := c.DeleteDistribution
			if test.class == "repositories" {
				remove = c.DeleteRepository
			}
			task, err := remove(t.Context(), href)
			if err != nil {
				t.Fatal(err)
			}
			release()
			f.Done(c, task, nil)
			ended := done()
			child := f.Children(ended.ID)[test.name]
			if ended.State != fleet.Failed || child.State != fleet.Failed || !strings.Contains(child.Error.Msg, test.words) || child.Error.Detail == "" {
				t.Errorf("%s", f.Story(ended.ID))
			}
			f.SyncAll()
			f.Same()
			f.Tidy()
		})
	}
}

// TestPublicationDeletedDuringRun: a publication that is gone is made again, by this run or by the next.
func TestPublicationDeletedDuringRun(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	for _, name := range all3 {
		release := f.Primary.Hold(pulpfake.On{Task: "synchronize", Repository: name})
		done := f.Go(f.QueueSync(f.Primary, nil))
		f.Until("the sync to run", func() bool { return len(running(f.Primary)) > 0 })
		c := f.Client(f.Primary)
		version := f.Primary.Object("repositories", name)["latest_version_href"].(string)
		publications, err := c.Publications(t.Context(), "", map[string][]string{"repository_version": {version}})
		if err != nil || len(publications) != 1 {
			t.Fatalf("%s: %d publications, %v", name, len(publications), err)
		}
		if err := c.DeletePublication(t.Context(), publications[0].Href); err != nil {
			t.Fatal(err)
		}
		release()
		done()
		f.Sync(f.Primary, nil)
	}
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Tidy()
}
