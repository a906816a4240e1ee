// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/adopt"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// TestMirrorWaitsForAdoption: a repository that somebody else made on the secondary is not made a mirror without a word; the
// others are, and once it is adopted it is one like them.
func TestMirrorWaitsForAdoption(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c := f.Client(f.Secondary)
	made, err := c.CreateRepository(t.Context(), "file/file", pulp.Fields{"name": "ext-file", "description": "somebody's"})
	if err != nil {
		t.Fatal(err)
	}
	href, err := c.CreateDistribution(t.Context(), "file/file", pulp.Fields{"name": "ext-file", "base_path": "repos/ext-file", "repository": made.Href})
	f.Done(c, href, err)
	task := f.Failed(f.QueueSync(f.Secondary, f.Primary))
	if !strings.Contains(task.Error.Msg, "ext-file was made by somebody else") || !strings.Contains(task.Error.Detail, "pulp-manager adopt "+string(jobtest.Name(f.Secondary))) {
		t.Errorf("error: %+v", task.Error)
	}
	if r := f.Secondary.Object("repositories", "ext-file"); r["description"] != "somebody's" || r["remote"] != nil {
		t.Errorf("changed without a word: %v", r)
	}
	if children := f.Children(task.ID); len(children) != 2 {
		t.Errorf("%d synced:\n%s", len(children), f.Story(task.ID))
	}
	f.Completed(f.Queue(adopt.NewTask(f.Server(f.Secondary), adopt.Args{})))
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}

// TestVanishedIsKept: what the primary has no more is told on the secondary, and stays there (D79).
func TestVanishedIsKept(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	c := f.Client(f.Primary)
	served := f.Secondary.ServedFiles("repos/ext-file")
	for _, class := range []string{"distributions", "repositories"} {
		remove := map[string]func(pulp.Href) (pulp.Href, error){
			"distributions": func(h pulp.Href) (pulp.Href, error) { return c.DeleteDistribution(t.Context(), h) },
			"repositories":  func(h pulp.Href) (pulp.Href, error) { return c.DeleteRepository(t.Context(), h) },
		}[class]
		href, err := remove(pulp.Href(fmt.Sprint(f.Primary.Object(class, "ext-file")["pulp_href"])))
		f.Done(c, href, err)
	}
	task := f.Sync(f.Secondary, f.Primary)
	if story := f.Story(task.ID); !strings.Contains(story, "1 repositories are gone from "+string(jobtest.Name(f.Primary))+" and are kept: ext-file") {
		t.Errorf("story:\n%s", story)
	}
	for _, r := range f.Repositories(f.Secondary) {
		if r.Unwanted.IsZero() == (r.Name == "ext-file") {
			t.Errorf("%s: unwanted since %s", r.Name, r.Unwanted)
		}
	}
	if now := f.Secondary.ServedFiles("repos/ext-file"); len(now) == 0 || len(now) != len(served) {
		t.Errorf("the secondary serves %d files, not %d", len(now), len(served))
	}
}

// TestBasePathMoves: when a repository moves on the primary, the secondary serves it at the old place until it mirrors again,
// whatever a sync in between finds, and then at the new one.
func TestBasePathMoves(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"rpm"} })
	f.SyncAll()
	served := f.Secondary.ServedFiles("repos/ext-rpm")
	d := f.Definition("rpm", "ext-rpm", f.Trees["ext-rpm"].URL(f.UpstreamURL))
	d.BaseURL = "moved/far"
	f.Define(d)
	f.Register(f.Primary)
	f.Failed(f.QueueSync(f.Secondary, nil)) // its remote still reads the old place
	if now := f.Secondary.ServedFiles("repos/ext-rpm"); len(now) != len(served) {
		t.Errorf("after a sync in between the secondary serves %d files, not %d", len(now), len(served))
	}
	f.Sync(f.Secondary, f.Primary)
	if now := f.Secondary.ServedFiles("moved/far/ext-rpm"); len(now) != len(served) {
		t.Errorf("at the new place the secondary serves %d files, not %d", len(now), len(served))
	}
	if path := f.Secondary.Object("distributions", "ext-rpm")["base_path"]; path != "moved/far/ext-rpm" {
		t.Errorf("base path %v", path)
	}
	f.Tidy()
}

// TestMirrorPlaceTaken: a base path that something else has on the secondary is told, and stops none of the others.
func TestMirrorPlaceTaken(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c := f.Client(f.Secondary)
	href, err := c.CreateDistribution(t.Context(), "python/pypi", pulp.Fields{"name": "in-the-way", "base_path": "repos/ext-file/below"})
	f.Done(c, href, err)
	task := f.Failed(f.QueueSync(f.Secondary, f.Primary))
	if !strings.Contains(task.Error.Msg, `base path "repos/ext-file" lies above that of distribution in-the-way`) {
		t.Errorf("error: %s", task.Error.Msg)
	}
	if names := f.Secondary.Names("repositories"); !slices.Equal(names, []string{"ext-deb", "ext-rpm"}) {
		t.Errorf("repositories: %v", names)
	}
}
