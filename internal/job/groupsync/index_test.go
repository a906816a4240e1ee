// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// indices are the types whose distributions name a version.
func indices(w *jobtest.World) { w.Types = []fleet.RepositoryType{"python", "container"} }

// served gives the paths that a server serves of a repository.
func served(s *pulpfake.Server, name string) []string {
	var paths []string
	for path := range s.ServedFiles("repos/" + name) {
		if !strings.Contains(path, "sha256:") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// D83: python and container repositories are registered, synced, served, mirrored and served again; nothing
// changed means that nothing is sent; what goes upstream goes from the primary only when it mirrors, and what
// goes from the primary goes from the secondary.
func TestPythonAndContainer(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.SyncAll()
	f.Same()
	f.Sound()
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		if got := served(s, "ext-python"); !slices.Equal(got, []string{"alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"}) {
			t.Errorf("%s serves %v", s.Name(), got)
		}
		if got := served(s, "ext-container"); !slices.Equal(got, []string{"manifests/1", "manifests/2", "tags/list"}) {
			t.Errorf("%s serves %v", s.Name(), got)
		}
		for _, name := range []string{"ext-python", "ext-container"} {
			if d := s.Object("distributions", name); d["repository"] != nil || d["repository_version"] == nil {
				t.Errorf("%s: %s serves %v, %v", s.Name(), name, d["repository"], d["repository_version"])
			}
		}
	}
	if remote := f.Secondary.Object("remotes", "ext-container"); remote["username"] != "admin" || remote["password"] != "password" || remote["upstream_name"] != "repos/ext-container" {
		t.Errorf("the mirror's remote: %v", remote)
	}

	f.Primary.ForgetRequests()
	f.Secondary.ForgetRequests()
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		asked, _ := jobtest.Asked(s)
		for what := range asked {
			if strings.HasPrefix(what, "PATCH") || (strings.HasPrefix(what, "POST") && !strings.HasSuffix(what, "/sync/")) {
				t.Errorf("nothing changed, but %s was asked %s", s.Name(), what)
			}
		}
	}

	f.Trees["ext-python"].Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	f.Trees["ext-container"].Put(pulpfake.Package{Name: "3"})
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	if got := served(f.Secondary, "ext-python"); len(got) != 3 {
		t.Errorf("the secondary serves %v", got)
	}

	for _, name := range []string{"ext-python", "ext-container"} {
		f.Trees[name].Remove("alpha", "1")
	}
	f.Completed(f.QueueSync(f.Primary, nil, func(a *groupsync.Args) { a.SyncOptions = map[string]any{"mirror": true} }))
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
	if got := served(f.Secondary, "ext-container"); !slices.Equal(got, []string{"manifests/2", "manifests/3", "tags/list"}) {
		t.Errorf("after the removal the secondary serves %v", got)
	}
	if got := served(f.Secondary, "ext-python"); !slices.Equal(got, []string{"beta-1.0-py3-none-any.whl", "gamma-1.0-py3-none-any.whl"}) {
		t.Errorf("after the removal the secondary serves %v", got)
	}
}

// TestIndexGoneEmpty: an upstream that has gone empty, or is not what it was, is told though Pulp says
// "completed"; what was served before is served on. D83
func TestIndexGoneEmpty(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		trouble func(*pulpfake.Tree)
		words   map[string]string
	}{
		{"empty", func(tree *pulpfake.Tree) { tree.Empty() }, map[string]string{"ext-python": "upstream has no packages", "ext-container": "upstream has no tags"}},
		{"not found", func(tree *pulpfake.Tree) { tree.Fail(404) }, map[string]string{"ext-python": "404", "ext-container": "404"}},
		{"a page", func(tree *pulpfake.Tree) { tree.HTML(true) }, map[string]string{"ext-python": "upstream has no packages", "ext-container": "Expecting value"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, indices)
			f.SyncAll()
			before := map[string][]string{}
			for name, tree := range f.Trees {
				before[name] = served(f.Primary, name)
				c.trouble(tree)
			}
			root := f.Failed(f.QueueSync(f.Primary, nil))
			for name, child := range f.Children(root.ID) {
				if child.State != fleet.Failed || !strings.Contains(child.Error.Msg, c.words[name]) {
					t.Errorf("%s: %s %+v", name, child.State, child.Error)
				}
				if got := served(f.Primary, name); !slices.Equal(got, before[name]) {
					t.Errorf("%s: served %v, before %v", name, got, before[name])
				}
			}
			f.Sync(f.Secondary, f.Primary)
			f.Same()
			f.Tidy()
		})
	}
}

// TestAskedForOfIndex: what a definition asks for and upstream lacks is told, though Pulp says "completed", on
// the first sync and on one that changes nothing. D83
func TestAskedForOfIndex(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	define := func(includes, tags []any) {
		for _, d := range f.Defined() {
			switch d.Type {
			case "python":
				d.Options["includes"] = includes
			default:
				d.Options["include_tags"] = tags
			}
			f.Define(d)
		}
		f.Register(f.Primary)
	}
	failing := func() {
		t.Helper()
		root := f.Failed(f.QueueSync(f.Primary, nil))
		for name, child := range f.Children(root.ID) {
			if child.State != fleet.Failed || !strings.Contains(child.Error.Msg, "nosuch") {
				t.Errorf("%s: %s %+v", name, child.State, child.Error)
			}
		}
	}
	define([]any{"alpha", "nosuchpkg>=1"}, []any{"1", "nosuch*"})
	failing()
	if got := append(served(f.Primary, "ext-python"), served(f.Primary, "ext-container")...); len(got) != 0 {
		t.Errorf("served without what was asked for: %v", got)
	}
	define([]any{"alpha"}, []any{"1"})
	f.Sync(f.Primary, nil)
	define([]any{"alpha", "nosuchpkg"}, []any{"1", "nosuch"})
	failing()
	if got := served(f.Primary, "ext-container"); !slices.Equal(got, []string{"manifests/1", "tags/list"}) {
		t.Errorf("served: %v", got)
	}
}

// TestMirrorLosesNothing: a project that the primary did not tell of, whatever Pulp says, does not go from what
// the secondary serves; the next sync brings it. D83
func TestMirrorLosesNothing(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.SyncAll()
	f.Trees["ext-python"].Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	f.Sync(f.Primary, nil)
	f.Primary.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		if strings.HasSuffix(r.URL.Path, "/pypi/beta/json") {
			return pulpfake.BadGateway
		}
		return pulpfake.None
	})
	root := f.Failed(f.QueueSync(f.Secondary, f.Primary))
	child := f.Children(root.ID)["ext-python"]
	if child.State != fleet.Failed || !strings.Contains(child.Error.Msg, "did not bring: beta-1.0-py3-none-any.whl") {
		t.Errorf("%s %+v", child.State, child.Error)
	}
	if got := served(f.Secondary, "ext-python"); !slices.Equal(got, []string{"alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"}) {
		t.Errorf("the secondary serves %v", got)
	}
	f.Primary.Inject(nil)
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}

// TestPushed: what a client pushed is mirrored like anything else, and with a changed password the mirror logs
// in anew; an unchanged one is not sent again. D83
func TestPushed(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = nil })
	f.Primary.Push("team/hello", "1", "one")
	sync := func() { t.Helper(); f.Sync(f.Secondary, f.Primary) }
	same := func(tags int) {
		t.Helper()
		theirs, ours := f.Primary.ServedFiles("team/hello"), f.Secondary.ServedFiles("team/hello")
		if len(ours) != len(theirs) || len(ours) != 1+4*tags {
			t.Errorf("%d files on the primary, %d on the secondary", len(theirs), len(ours))
		}
		for path, body := range theirs {
			if string(ours[path]) != string(body) {
				t.Errorf("%s differs", path)
			}
		}
	}
	sync()
	same(1)
	f.Primary.Push("team/hello", "2", "two")
	f.Secondary.ForgetRequests()
	sync()
	same(2)
	if asked, _ := jobtest.Asked(f.Secondary); asked["PATCH remotes/container/container/{}/"] != 0 {
		t.Errorf("an unchanged password was sent again: %v", asked)
	}
	f.Primary.SetPassword("other")
	f.Secondary.SetPassword("other")
	f.SetPassword("other")
	sync()
	if remote := f.Secondary.Object("remotes", "team/hello"); remote["password"] != "other" {
		t.Errorf("the remote's password is %v", remote["password"])
	}
	if d := f.Primary.Object("distributions", "team/hello"); d["repository"] == nil || d["repository_version"] != nil {
		t.Errorf("the primary's distribution no longer follows: %v", d)
	}
	same(2)
}

// TestDefinitionGainsURL: a repository that was filled by hand serves on what it serves when its definition gets a
// url, until what the first sync brought has been looked at. D83
func TestDefinitionGainsURL(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	for _, d := range f.Defined() {
		d.URL = ""
		f.Define(d)
	}
	f.Register(f.Primary)
	for _, name := range []string{"ext-python", "ext-container"} {
		if d := f.Primary.Object("distributions", name); d["repository"] == nil {
			t.Errorf("%s: by hand, but its distribution does not follow it", name)
		}
	}
	f.Primary.Push("repos/ext-container", "by-hand", "x")
	for _, d := range f.Defined() {
		d.URL = f.Trees[d.Name].URL(f.UpstreamURL)
		if d.Type == "container" {
			d.Options["include_tags"] = []any{"1", "nosuch"}
		}
		f.Define(d)
	}
	f.Register(f.Primary)
	if d := f.Primary.Object("distributions", "ext-container"); d["repository"] != nil || !strings.HasSuffix(d["repository_version"].(string), "/versions/1/") {
		t.Errorf("it serves %v, %v", d["repository"], d["repository_version"])
	}
	f.Failed(f.QueueSync(f.Primary, nil))
	if got := served(f.Primary, "ext-container"); !slices.Equal(got, []string{"manifests/by-hand", "tags/list"}) {
		t.Errorf("served after a sync that did not bring all: %v", got)
	}
	if got := served(f.Primary, "ext-python"); len(got) != 2 {
		t.Errorf("served: %v", got)
	}
	f.Sound()
}

// TestIndicesUnchanged: what a primary serves unchanged of these types starts no Pulp task on the secondary
// either.
func TestIndicesUnchanged(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, indices)
	f.SyncAll()
	before := len(f.Primary.Tasks()) + len(f.Secondary.Tasks())
	task := f.Sync(f.Secondary, f.Primary)
	if n := len(f.Primary.Tasks()) + len(f.Secondary.Tasks()) - before; n != 0 {
		t.Errorf("%d Pulp tasks\n%s", n, f.Story(task.ID))
	}
	for name, child := range f.Children(task.ID) {
		if child.State != fleet.Completed {
			t.Errorf("%s is %s", name, child.State)
		}
	}
	f.Same()
}
