// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// removing makes the primary's registration remove what no definition names, at most so many at once (0: as by default).
func removing(most int) func(*jobtest.World) {
	return func(w *jobtest.World) {
		w.Configure = func(c *fleet.Configuration) {
			c.Servers[0].Server.Registration = &fleet.Registration{
				Schedule: "0 0 1 1 *", MaxRuntime: "1h", OnMissing: fleet.RemoveMissing, OnMissingCap: most,
			}
		}
	}
}

// with makes internal definitions beside those of the fleet, and registers all.
func with(f *jobtest.Fleet, names ...string) {
	for _, name := range names {
		f.Define(f.Definition("file", name, ""))
	}
	f.Register(f.Primary)
}

// TestMissingIsTold: by default what no definition names any more is told and kept (D79).
func TestMissingIsTold(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	with(f, "int-a", "int-b")
	f.Undefine("int-a")
	f.Primary.ForgetRequests()
	task := f.Register(f.Primary)
	if story := f.Story(task.ID); !strings.Contains(story, "1 are in no definition any more and are kept (on_missing): int-a") {
		t.Errorf("story:\n%s", story)
	}
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
	unwanted := func() (names []string) {
		for _, r := range f.Repositories(f.Primary) {
			if !r.Unwanted.IsZero() {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if got := unwanted(); !slices.Equal(got, []string{"int-a"}) {
		t.Errorf("unwanted: %v", got)
	}
	with(f, "int-a")
	if got := unwanted(); len(got) > 0 {
		t.Errorf("defined again, yet unwanted: %v", got)
	}
}

// TestMissingIsRemoved: where the configuration says so it is removed with all its parts; what others made, what is a
// snapshot, and a remote that another repository names, stay.
func TestMissingIsRemoved(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, removing(0))
	with(f, "int-a", "int-snapshot")
	byHand(t, f, "by-hand", "http://127.0.0.1:9/PULP_MANIFEST")
	patch(t, f, "repositories", "int-snapshot", pulp.Fields{"pulp_labels": map[string]string{"pulp_manager": "x", "pulp_manager_snapshot": "y"}})
	shared := f.Primary.Object("remotes", "ext-file")["pulp_href"]
	if _, err := f.Client(f.Primary).CreateRepository(t.Context(), "file/file", pulp.Fields{"name": "by-hand-too", "remote": shared}); err != nil {
		t.Fatal(err)
	}
	f.Undefine("int-a", "int-snapshot", "ext-file")
	task := f.Register(f.Primary)
	if story := f.Story(task.ID); !strings.Contains(story, "2 repositories without a definition removed: ext-file, int-a") {
		t.Errorf("story:\n%s", story)
	}
	if names := f.Primary.Names("repositories"); !slices.Equal(names, []string{"by-hand", "by-hand-too", "ext-deb", "ext-rpm", "int-snapshot"}) {
		t.Errorf("repositories: %v", names)
	}
	if names := f.Primary.Names("distributions"); !slices.Equal(names, []string{"by-hand", "ext-deb", "ext-rpm", "int-snapshot"}) {
		t.Errorf("distributions: %v", names)
	}
	if names := f.Primary.Names("remotes"); !slices.Equal(names, []string{"by-hand", "ext-deb", "ext-file", "ext-rpm"}) {
		t.Errorf("remotes: %v", names)
	}
	f.Register(f.Primary)
	f.Tidy()
}

// TestMissingNotKnown: nothing is judged while a definition cannot be read, when there is none at all, or of names that
// the run's patterns leave out.
func TestMissingNotKnown(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, removing(0))
	with(f, "int-a", "int-b")
	f.Undefine("int-a", "int-b")
	include := "^(ext-|int-b)"
	f.Completed(f.QueueRegister(f.Primary, func(a *register.Args) { a.RegexInclude = &include }))
	if names := f.Primary.Names("repositories"); !slices.Contains(names, "int-a") || slices.Contains(names, "int-b") {
		t.Errorf("with patterns: %v", names)
	}
	f.Spoil(fleet.DefinitionProblem{Source: "remote/int-a.json", Err: fault.New(fault.Invalid, "line 3: no value")})
	f.Failed(f.QueueRegister(f.Primary))
	if names := f.Primary.Names("repositories"); !slices.Contains(names, "int-a") {
		t.Errorf("while a file cannot be read: %v", names)
	}
	g := jobtest.New(t, removing(100))
	g.Register(g.Primary)
	g.Undefine("ext-deb", "ext-rpm", "ext-file")
	g.Register(g.Primary)
	if names := g.Primary.Names("repositories"); len(names) != 3 {
		t.Errorf("without any definition: %v", names)
	}
}

// TestMissingTooMany: more than the cap is a mistake until somebody says otherwise.
func TestMissingTooMany(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, removing(0))
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("int-%d", i))
	}
	with(f, names...)
	f.Undefine(names...)
	f.Primary.ForgetRequests()
	task := f.Failed(f.QueueRegister(f.Primary))
	if !strings.Contains(task.Error.Msg, "6 repositories are in no definition any more, more than the 5 that one run removes") || !strings.Contains(task.Error.Msg, "on_missing_cap") {
		t.Errorf("error: %s", task.Error.Msg)
	}
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestMissingServedElsewhere: what a distribution of another name serves is left alone, and that is said.
func TestMissingServedElsewhere(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, removing(0))
	with(f, "int-a")
	c := f.Client(f.Primary)
	href, err := c.CreateDistribution(t.Context(), "file/file", pulp.Fields{
		"name": "promoted", "base_path": "promoted", "repository": f.Primary.Object("repositories", "int-a")["pulp_href"],
	})
	f.Done(c, href, err)
	f.Undefine("int-a")
	task := f.Failed(f.QueueRegister(f.Primary))
	if !strings.Contains(task.Error.Msg, "int-a is still served by distribution promoted") || f.Primary.Object("distributions", "int-a") == nil {
		t.Errorf("error: %s", task.Error.Msg)
	}
	f.Tidy()
}

// TestRemovalDisturbed: whichever request of a removal is lost or refused, the end is the same.
func TestRemovalDisturbed(t *testing.T) {
	t.Parallel()
	disturbed(t, func(f *jobtest.Fleet) {
		with(f, "int-a")
		f.Define(f.Definition("file", "int-b", ""))
		f.Register(f.Primary)
		f.Undefine("ext-file", "int-a")
	},
		func(f *jobtest.Fleet) { f.Register(f.Primary) },
		func(f *jobtest.Fleet) {
			for _, class := range []string{"remotes", "repositories", "distributions"} {
				if names := f.Primary.Names(class); slices.Contains(names, "int-a") || slices.Contains(names, "ext-file") {
					t.Errorf("%s: %v", class, names)
				}
			}
		}, removing(0))
}
