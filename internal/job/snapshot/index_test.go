// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// indices are the types whose distributions name a version.
func indices(w *jobtest.World) { w.Types = []fleet.RepositoryType{"python", "container"} }

// wheels fails the test unless a server serves just these files of a repository.
func wheels(t *testing.T, s *pulpfake.Server, name string, want ...string) {
	t.Helper()
	var got []string
	for file := range s.ServedFiles("repos/" + name) {
		got = append(got, strings.TrimSuffix(file, "-py3-none-any.whl"))
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s of %s serves %q, want %q", name, s.Name(), got, want)
	}
}

// TestSnapshotOfIndex: the snapshot of a Python index is served by its version, stays when its source goes on, and
// equals it again when used again, removals included (D103). A registry's repository is told as left out.
func TestSnapshotOfIndex(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.SyncAll()
	snap := "snap-a-ext-python"
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		task := f.Completed(queue(f, s))
		says(t, f, task, "ext-container (container)")
		says(t, f, task, "snapshot repos: completed map[msg:1/1]")
		sameAs(t, s, "ext-python", snap)
		d := s.Object("distributions", snap)
		if d["repository"] != nil || d["repository_version"] != string(href(s, "repositories", snap))+"versions/1/" || d["remote"] != nil {
			t.Errorf("it serves %v, %v, %v", d["repository"], d["repository_version"], d["remote"])
		}
		if href(s, "repositories", "snap-a-ext-container") != "" || len(s.Names("publications")) > 0 {
			t.Errorf("%s has more than asked for", s.Name())
		}
	}
	s := f.Primary
	f.Trees["ext-python"].Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	f.Sync(s, nil)
	wheels(t, s, snap, "alpha-1.0", "beta-1.0")
	f.Completed(queue(f, s, reuse))
	wheels(t, s, snap, "alpha-1.0", "beta-1.0", "gamma-1.0")

	// Taken out by hand, and served: an additive sync keeps what upstream no longer has.
	f.Trees["ext-python"].Remove("alpha")
	c := f.Client(s)
	version := s.Object("repositories", "ext-python")["latest_version_href"].(string)
	units, err := c.Content(t.Context(), "python/packages", map[string][]string{"name": {"alpha"}, "repository_version": {version}})
	if err != nil || len(units) != 1 {
		t.Fatalf("%v %v", units, err)
	}
	started, err := c.Modify(t.Context(), href(s, "repositories", "ext-python"), pulp.Fields{"remove_content_units": []pulp.Href{units[0].Href()}})
	f.Done(c, started, err)
	f.Sync(s, nil) // serves the newest version
	wheels(t, s, "ext-python", "beta-1.0", "gamma-1.0")
	wheels(t, s, snap, "alpha-1.0", "beta-1.0", "gamma-1.0")
	f.Completed(queue(f, s, reuse))
	wheels(t, s, snap, "beta-1.0", "gamma-1.0")

	s.ForgetRequests()
	says(t, f, f.Completed(queue(f, s, reuse)), "unchanged: "+snap+" serves what ext-python serves already")
	if n := s.Writes(); n > 0 {
		t.Errorf("%d writes without a change", n)
	}
	wheels(t, f.Secondary, snap, "alpha-1.0", "beta-1.0")
	f.Tidy()
}

// TestSnapshotOfUploaded: a Python index without a remote, whose distribution follows it, is snapshotted as it is.
func TestSnapshotOfUploaded(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.Define(f.Definition("python", "int-python", ""))
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c := f.Client(f.Primary)
	units, err := c.Content(t.Context(), "python/packages", map[string][]string{"name": {"beta"}})
	if err != nil || len(units) != 1 {
		t.Fatalf("%v %v", units, err)
	}
	add := func(u pulp.Href, how string) {
		t.Helper()
		started, err := c.Modify(t.Context(), href(f.Primary, "repositories", "int-python"), pulp.Fields{how: []pulp.Href{u}})
		f.Done(c, started, err)
	}
	add(units[0].Href(), "add_content_units")
	f.Completed(queue(f, f.Primary, only("^int-")))
	wheels(t, f.Primary, "snap-a-int-python", "beta-1.0")
	add(units[0].Href(), "remove_content_units")
	wheels(t, f.Primary, "int-python")
	wheels(t, f.Primary, "snap-a-int-python", "beta-1.0")
}

// TestSnapshotOfContainer: where only what cannot be snapshotted is chosen, the task fails and says so.
func TestSnapshotOfContainer(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	task := queue(f, f.Primary, func(a *snapshot.Args) { a.Prefix = "snap-b" }, only("container"))
	if ended := f.Failed(task); !strings.Contains(ended.Error.Msg, "no repository is chosen for a snapshot; excluded: ext-container (container)") {
		t.Errorf("says %+v", ended.Error)
	}
}
