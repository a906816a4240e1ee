// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestUpstreamTrouble: whatever happens upstream, what was served is served on, the child and the parent
// fail and say why, also in the next run while it lasts, and all is well again once upstream is (D85–D87).
func TestUpstreamTrouble(t *testing.T) {
	t.Parallel()
	troubles := []struct {
		name    string
		trouble func(*pulpfake.Tree)
		better  func(*pulpfake.Tree)
		words   map[fleet.RepositoryType]string // by type; "": all
	}{
		{
			"gone empty",
			func(tree *pulpfake.Tree) { tree.Empty() },
			func(tree *pulpfake.Tree) {
				tree.Put(pulpfake.Package{Name: "alpha", Version: "1.0"}, pulpfake.Package{Name: "delta", Version: "1.0"})
			},
			map[fleet.RepositoryType]string{"deb": "empty", "rpm": "upstream has no packages", "file": "upstream has no files"},
		},
		{
			"not found", func(tree *pulpfake.Tree) { tree.Fail(404) }, func(tree *pulpfake.Tree) { tree.Fail(0) },
			map[fleet.RepositoryType]string{"deb": "Could not find a Release file", "": "404"},
		},
		{
			"broken", func(tree *pulpfake.Tree) { tree.Fail(500) }, func(tree *pulpfake.Tree) { tree.Fail(0) },
			map[fleet.RepositoryType]string{"": "500"},
		},
		{
			"a page for browsers", func(tree *pulpfake.Tree) { tree.HTML(true) }, func(tree *pulpfake.Tree) { tree.HTML(false) },
			map[fleet.RepositoryType]string{"deb": "missing the required field", "rpm": "primary.xml", "file": "manifest"},
		},
		{
			"damaged files",
			func(tree *pulpfake.Tree) {
				tree.Put(pulpfake.Package{Name: "delta", Version: "1.0", Body: "new"})
				tree.Corrupt("delta_1.0_amd64.deb")
				if len(tree.File("PULP_MANIFEST")) > 0 {
					tree.Corrupt("delta")
				}
				if len(tree.File("repodata/repomd.xml")) > 0 {
					tree.Corrupt(".rpm")
				}
			},
			func(tree *pulpfake.Tree) { tree.Corrupt("") },
			map[fleet.RepositoryType]string{"": "failed validation due to checksum"},
		},
	}
	for _, trouble := range troubles {
		for _, kind := range []fleet.RepositoryType{"deb", "rpm", "file"} {
			t.Run(trouble.name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				f := jobtest.New(t)
				f.Register(f.Primary)
				f.Sync(f.Primary, nil)
				name := "ext-" + string(kind)
				served := f.Primary.ServedFiles("repos/" + name)
				words := trouble.words[kind]
				if words == "" {
					words = trouble.words[""]
				}
				trouble.trouble(f.Trees[name])
				for range 2 {
					task := f.Failed(f.QueueSync(f.Primary, nil))
					if !strings.Contains(task.Error.Msg, name) || !strings.Contains(task.Error.Msg, words) || task.Error.Detail == "" {
						t.Errorf("the parent says %+v, not %q", task.Error, words)
					}
					for other, child := range f.Children(task.ID) {
						if (child.State == fleet.Failed) != (other == name) {
							t.Errorf("%s is %s: %+v", other, child.State, child.Error)
						}
					}
					if now := f.Primary.ServedFiles("repos/" + name); !maps.EqualFunc(served, now, sameBytes) {
						t.Errorf("what is served has changed: %d files, now %d", len(served), len(now))
					}
				}
				if h := f.Health(f.Primary, name); h != fleet.Amber {
					t.Errorf("its health is %q", h)
				}
				trouble.better(f.Trees[name])
				f.Sync(f.Primary, nil)
				f.Sync(f.Secondary, f.Primary)
				f.Same()
				f.Sound()
			})
		}
	}
}

func sameBytes(a, b []byte) bool { return string(a) == string(b) }

// TestAskedForButNotThere: what a deb repository asks for and upstream lacks is told, though Pulp says
// "completed"; nothing of it is served (D81).
func TestAskedForButNotThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		option, value, good, words string
	}{
		{"components", "main contrib", "main", `no component "contrib"`},
		{"architectures", "amd64 sparc", "amd64", `no architecture "sparc"`},
		{"releases", "stable nosuch", "stable", "Could not find a Release file"},
	} {
		t.Run(c.option, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t)
			define := func(value string) {
				d := f.Definition("deb", "ext-deb", f.Trees["ext-deb"].URL(f.UpstreamURL))
				d.Options = map[string]any{c.option: value}
				f.Define(d)
				f.Register(f.Primary)
			}
			define(c.value)
			for range 2 {
				task := f.Failed(f.QueueSync(f.Primary, nil))
				if !strings.Contains(task.Error.Msg, c.words) {
					t.Errorf("the parent says %s", task.Error.Msg)
				}
				if files := f.Primary.ServedFiles("repos/ext-deb"); len(files) > 0 {
					t.Errorf("%d files are served", len(files))
				}
			}
			define(c.good)
			f.Sync(f.Primary, nil)
			if f.Primary.Served("repos/ext-deb", "dists/stable/InRelease") == nil {
				t.Error("nothing is served after the correction")
			}
			served := f.Primary.ServedFiles("repos/ext-deb")
			define(c.value)
			f.Failed(f.QueueSync(f.Primary, nil))
			if now := f.Primary.ServedFiles("repos/ext-deb"); !maps.EqualFunc(served, now, sameBytes) {
				t.Errorf("what is served has changed: %d files, now %d", len(served), len(now))
			}
		})
	}
}

// TestUnservedIsNotMirrored: what the primary does not serve yet makes nothing of the secondary fail, and is
// mirrored once it is served (D80).
func TestUnservedIsNotMirrored(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Trees["ext-rpm"].Fail(404)
	f.Failed(f.QueueSync(f.Primary, nil))
	task := f.Sync(f.Secondary, f.Primary)
	if _, ok := f.Children(task.ID)["ext-rpm"]; ok || f.Secondary.Object("repositories", "ext-rpm") != nil {
		t.Errorf("what the primary does not serve is mirrored:\n%s", f.Story(task.ID))
	}
	f.Trees["ext-rpm"].Fail(0)
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}

// TestPrimaryEmptied: a primary that serves nothing any more, by whatever mishap, does not empty its
// secondaries.
func TestPrimaryEmptied(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	served := map[string]map[string][]byte{}
	for _, d := range f.Defined() {
		served[d.Name] = f.Secondary.ServedFiles("repos/" + d.Name)
		f.Empty(f.Primary, d)
	}
	for range 2 {
		task := f.Failed(f.QueueSync(f.Secondary, f.Primary))
		for _, d := range f.Defined() {
			// Of a deb distribution that follows its repository, superseded metadata stays readable for three days.
			if d.Type != "deb" && !strings.Contains(task.Error.Msg, d.Name) {
				t.Errorf("the parent does not name %s: %s", d.Name, task.Error.Msg)
			}
			if now := f.Secondary.ServedFiles("repos/" + d.Name); !maps.EqualFunc(served[d.Name], now, sameBytes) {
				t.Errorf("%s: what is served has changed: %d files, now %d", d.Name, len(served[d.Name]), len(now))
			}
		}
	}
}

// TestUpstreamRefuses: an upstream that cannot be reached, or that does not answer in time, fails its repository
// with Pulp's words and what to do; the others are synced.
func TestUpstreamRefuses(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Define(f.Definition("file", "ext-refused", "http://127.0.0.1:1/PULP_MANIFEST"))
	f.Register(f.Primary)
	task := f.Failed(f.QueueSync(f.Primary, nil))
	child := f.Children(task.ID)["ext-refused"]
	if child.State != fleet.Failed || !strings.Contains(child.Error.Msg, "Cannot connect to host") || !strings.Contains(child.Error.Detail, "firewall") {
		t.Errorf("the child is %s: %+v", child.State, child.Error)
	}
	if !strings.Contains(task.Error.Msg, "1 of 4") || !strings.Contains(task.Error.Msg, "ext-refused") {
		t.Errorf("the parent: %+v", task.Error)
	}
	f.Tidy()
}
