// SPDX-License-Identifier: Apache-2.0

package removecontent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// newIndices is a shop with a Python index and a registry's repository.
func newIndices(t *testing.T, shape ...func(*jobtest.World)) *shop {
	t.Helper()
	f := jobtest.New(t, append(shape, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"python", "container"} })...)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	return &shop{Fleet: f, t: t, client: f.Client(f.Primary)}
}

// serves fails the test unless a server serves just these wheels, or manifests by these tags.
func (s *shop) serves(server *pulpfake.Server, repository string, want ...string) {
	s.t.Helper()
	var got []string
	for file := range server.ServedFiles("repos/" + repository) {
		wheel, isWheel := strings.CutSuffix(file, "-1.0-py3-none-any.whl")
		tag, isManifest := strings.CutPrefix(file, "manifests/")
		switch {
		case isWheel:
			got = append(got, wheel)
		case isManifest && !strings.HasPrefix(tag, "sha256:"):
			got = append(got, tag)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		s.t.Errorf("%s of %s serves %q, want %q", repository, server.Name(), got, want)
	}
}

// pinned fails the test unless the distribution names the version that the store says is served, which is the newest.
func (s *shop) pinned(repository string) {
	s.t.Helper()
	d, row := s.Primary.Object("distributions", repository), s.row(s.Primary, repository)
	if d["repository"] != nil || d["repository_version"] != row.ServedVersion || row.ServedVersion != row.LatestVersion {
		s.t.Errorf("%s serves %v, %v; the store has %s of %s", repository, d["repository"], d["repository_version"], row.ServedVersion, row.LatestVersion)
	}
}

// TestRemoveFromIndex: a Python package and a tag are gone from what clients see, by a version that the distribution
// is switched to; of the tag also what only it names. Once more, nothing is asked for.
func TestRemoveFromIndex(t *testing.T) {
	t.Parallel()
	s := newIndices(t)
	for repository, names := range map[string][2]string{"ext-python": {"alpha", "beta"}, "ext-container": {"1", "2"}} {
		s.serves(s.Primary, repository, names[0], names[1])
		s.pinned(repository)
		href := s.unit(s.Primary, repository, names[0])
		task := s.Completed(s.queue(s.Primary, repository, href))
		s.serves(s.Primary, repository, names[1])
		s.pinned(repository)
		row := s.row(s.Primary, repository)
		if got := s.stages(task); !slices.Equal(got, []string{"finding repo on pulp server", "modifying repo content", "publishing repo version " + row.LatestVersion}) {
			t.Errorf("stages are %q", got)
		}
		if story := s.Story(task.ID); !strings.Contains(story, "the next sync from") || !strings.Contains(story, "1 "+map[string]string{"ext-python": "package", "ext-container": "tag"}[repository]+"s served") {
			t.Errorf("does not tell:\n%s", story)
		}

		s.Primary.ForgetRequests()
		task = s.Completed(s.queue(s.Primary, repository, href))
		if got := s.stages(task); got[len(got)-1] != "publishing repo version skipped" || s.Primary.Writes() > 0 {
			t.Errorf("stages are %q, %d writes", got, s.Primary.Writes())
		}
		if task := s.Failed(s.queue(s.Primary, repository, s.unit(s.Primary, repository, names[1]))); !strings.Contains(task.Error.Msg, "is the last ") {
			t.Errorf("the last one: %+v", task.Error)
		}
		s.serves(s.Primary, repository, names[1])
	}
	s.Tidy()
}

// TestRemoveMirrored: what is removed on the primary goes from the secondary with the next sync, and can only be
// removed there.
func TestRemoveMirrored(t *testing.T) {
	t.Parallel()
	s := newIndices(t)
	s.Trees["ext-python"].Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	s.Sync(s.Primary, nil)
	s.Sync(s.Secondary, s.Primary)
	for repository, name := range map[string]string{"ext-python": "alpha", "ext-container": "1"} {
		refused := s.Failed(s.queue(s.Secondary, repository, s.unit(s.Secondary, repository, name)))
		if !strings.Contains(refused.Error.Msg, "is a mirror of the one on") {
			t.Errorf("says %+v", refused.Error)
		}
		s.Completed(s.queue(s.Primary, repository, s.unit(s.Primary, repository, name)))
	}
	s.Sync(s.Secondary, s.Primary)
	s.Same()
	s.serves(s.Secondary, "ext-python", "beta", "gamma")
	s.serves(s.Secondary, "ext-container", "2")
	s.Sound()
}

// TestRemoveTagOfSharedImage: with a tag goes the image that only it names; what another tag names stays.
func TestRemoveTagOfSharedImage(t *testing.T) {
	t.Parallel()
	s := newIndices(t)
	s.Trees["ext-container"].Put(pulpfake.Package{Name: "latest", Body: "ext-container"}) // the image of 1 and 2
	s.Trees["ext-container"].Put(pulpfake.Package{Name: "own", Body: "another"})
	s.Sync(s.Primary, nil)
	before := len(s.Primary.ServedFiles("repos/ext-container"))
	s.Completed(s.queue(s.Primary, "ext-container", s.unit(s.Primary, "ext-container", "1")))
	if after := len(s.Primary.ServedFiles("repos/ext-container")); after != before-1 {
		t.Errorf("%d files are served, were %d", after, before)
	}
	s.serves(s.Primary, "ext-container", "2", "latest", "own")
	s.Completed(s.queue(s.Primary, "ext-container", s.unit(s.Primary, "ext-container", "own")))
	if after := len(s.Primary.ServedFiles("repos/ext-container")); after != before-1-4 { // tag, manifest, config and layer
		t.Errorf("%d files are served, were %d", after, before)
	}
	s.serves(s.Primary, "ext-container", "2", "latest")
}

// TestRemoveUploaded: a repository without a remote, whose distribution follows it, serves what is left; its
// distribution follows it still.
func TestRemoveUploaded(t *testing.T) {
	t.Parallel()
	s := newIndices(t)
	s.Define(s.Definition("python", "int-python", ""))
	s.Register(s.Primary)
	add := []string{s.unit(s.Primary, "ext-python", "alpha"), s.unit(s.Primary, "ext-python", "beta")}
	task, err := s.client.Modify(t.Context(), pulp.Href(s.row(s.Primary, "int-python").Href), pulp.Fields{"add_content_units": add})
	s.Done(s.client, task, err)
	s.serves(s.Primary, "int-python", "alpha", "beta")
	removal := s.Completed(s.queue(s.Primary, "int-python", s.unit(s.Primary, "int-python", "alpha")))
	s.serves(s.Primary, "int-python", "beta")
	s.serves(s.Primary, "ext-python", "alpha", "beta")
	if d := s.Primary.Object("distributions", "int-python"); d["repository"] != s.row(s.Primary, "int-python").Href || d["repository_version"] != nil {
		t.Errorf("it serves %v, %v", d["repository"], d["repository_version"])
	}
	if story := s.Story(removal.ID); strings.Contains(story, "the next sync") {
		t.Errorf("warns of a sync:\n%s", story)
	}
	if row := s.row(s.Primary, "int-python"); row.ServedVersion != row.LatestVersion || !strings.HasSuffix(row.LatestVersion, "/versions/2/") {
		t.Errorf("the store has %s of %s", row.ServedVersion, row.LatestVersion)
	}
}
