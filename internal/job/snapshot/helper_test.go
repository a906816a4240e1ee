// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

func TestMain(m *testing.M) { jobtest.Main(m) }

// queue queues a snapshot of a server's repositories.
func queue(f *jobtest.Fleet, s *pulpfake.Server, change ...func(*snapshot.Args)) fleet.Task {
	args := snapshot.Args{MaxRuntime: "10m", Prefix: "snap-a"}
	for _, c := range change {
		c(&args)
	}
	return f.Queue(snapshot.NewTask(f.Server(s), args))
}

func reuse(a *snapshot.Args) { a.Reuse = true }

func only(pattern string) func(*snapshot.Args) {
	return func(a *snapshot.Args) { a.RegexInclude = &pattern }
}

// sameAs fails the test unless a snapshot serves what its source serves, but for what is dated and signed anew.
func sameAs(t *testing.T, s *pulpfake.Server, source, name string) {
	t.Helper()
	want, got := s.ServedFiles("repos/"+source), s.ServedFiles("repos/"+name)
	if len(want) < 2 || !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))) {
		t.Errorf("%s serves %v, %s serves %v", source, slices.Sorted(maps.Keys(want)), name, slices.Sorted(maps.Keys(got)))
	}
	for file, body := range want {
		switch path.Base(file) {
		case "Release", "InRelease", "Release.gpg", "repomd.xml":
		default:
			if !bytes.Equal(body, got[file]) {
				t.Errorf("%s of %s differs: %d and %d bytes", file, name, len(body), len(got[file]))
			}
		}
	}
}

func href(s *pulpfake.Server, class, name string) pulp.Href {
	text, _ := s.Object(class, name)["pulp_href"].(string)
	return pulp.Href(text)
}

// child gives the child that makes the snapshot of a repository.
func child(t *testing.T, f *jobtest.Fleet, parent fleet.Task, source string) fleet.Task {
	t.Helper()
	all, err := f.Store.Children(t.Context(), parent.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Name == "snapshot "+source {
			return c
		}
	}
	t.Fatalf("no child for %s of %d", source, len(all))
	return fleet.Task{}
}

// says fails the test unless the story of a task has a text in it.
func says(t *testing.T, f *jobtest.Fleet, task fleet.Task, text string) {
	t.Helper()
	if story := f.Story(task.ID); !strings.Contains(story, text) {
		t.Errorf("task does not say %q:\n%s", text, story)
	}
}
