// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestPrimaryToSecondary is the main path: definitions, primary, secondary, and a client that reads
// the same bytes from both, signature included.
func TestPrimaryToSecondary(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	f.Same()
	f.Sound()
	release := f.Secondary.Served("repos/ext-deb", "dists/stable/InRelease")
	if !bytes.Contains(release, []byte("BEGIN PGP SIGNED MESSAGE")) {
		t.Errorf("the secondary's release file is not signed: %.80q", release)
	}
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		if body := s.Served("repos/ext-deb", "pool/main/a/alpha/alpha_1.0_amd64.deb"); len(body) == 0 {
			t.Errorf("%s does not serve alpha; it serves %v", s.Name(), slices.Sorted(maps.Keys(s.ServedFiles("repos/ext-deb"))))
		}
	}
	for _, r := range f.Repositories(f.Secondary) {
		if r.Health != fleet.Green || r.ServedVersion == "" || r.ServedVersion != r.LatestVersion {
			t.Errorf("%s on the secondary: %+v", r.Name, r)
		}
	}
	if h := f.Server(f.Secondary).Health; h != fleet.Green {
		t.Errorf("the secondary is %q", h)
	}
}

// TestNothingChangedNothingDone: without a change upstream nothing is published or re-pointed, and
// Pulp makes no new version. The secondary need not even ask for a sync.
func TestNothingChangedNothingDone(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	for _, source := range []*pulpfake.Server{nil, f.Primary} {
		s, writes := f.Primary, 3 // the sync of each repository
		if source != nil {
			s, writes = f.Secondary, 0
		}
		before, served := tasksBut(s, "synchronize"), f.Stable()
		s.ForgetRequests()
		asked := map[string]int{}
		for name, tree := range f.Trees {
			asked[name] = len(tree.Requests())
		}
		f.Sync(s, source)
		for name, tree := range f.Trees {
			for _, file := range tree.Requests()[asked[name]:] {
				if base := path.Base(file); !slices.Contains(heads, base) {
					t.Errorf("%s: Pulp looked at everything of %s again: %s", s.Name(), name, file)
				}
			}
		}
		if after := tasksBut(s, "synchronize"); !slices.Equal(before, after) {
			t.Errorf("%s: Pulp tasks besides the syncs:\nbefore %v\nafter  %v", s.Name(), before, after)
		}
		if !maps.Equal(served, f.Stable()) {
			t.Errorf("%s: what is served has changed", s.Name())
		}
		if s.Writes() != writes {
			asked, _ := jobtest.Asked(s)
			t.Errorf("%s: %d writes, want %d: %v", s.Name(), s.Writes(), writes, asked)
		}
	}
	f.Sound()
}

// heads are the files that tell Pulp whether anything has changed upstream.
var heads = []string{"Release", "InRelease", "Release.gpg", "repomd.xml", "PULP_MANIFEST"}

func tasksBut(s *pulpfake.Server, part string) []string {
	var all []string
	for _, task := range s.Tasks() {
		if !strings.Contains(task.Name, part) {
			all = append(all, task.ID+" "+task.Name)
		}
	}
	return all
}

// TestUpstreamChangeFlows: what is new upstream is served by the primary, then by the secondary.
func TestUpstreamChangeFlows(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	f.Trees["ext-deb"].Put(pulpfake.Package{Name: "gamma", Version: "3.0"})
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "wolf", Version: "2.0"})
	f.Trees["ext-file"].Put(pulpfake.Package{Name: "b.txt", Body: "b"})
	f.Sync(f.Primary, nil)
	news := map[string]string{
		"repos/ext-deb": "pool/main/g/gamma/gamma_3.0_amd64.deb", "repos/ext-rpm": "Packages/w/wolf-2.0-1.x86_64.rpm", "repos/ext-file": "b.txt",
	}
	for base, file := range news {
		if len(f.Primary.Served(base, file)) == 0 {
			t.Errorf("the primary does not serve %s/%s but %v", base, file, slices.Sorted(maps.Keys(f.Primary.ServedFiles(base))))
		}
		if f.Secondary.Served(base, file) != nil {
			t.Errorf("the secondary serves %s/%s before its sync", base, file)
		}
	}
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	for base, file := range news {
		if len(f.Secondary.Served(base, file)) == 0 {
			t.Errorf("the secondary does not serve %s/%s", base, file)
		}
	}
	f.Sound()
}

// TestRedatedUpstream: new metadata about the same packages is no harm, and the secondary follows.
func TestRedatedUpstream(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	for _, tree := range f.Trees {
		tree.Touch()
	}
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	f.Same()
	f.Sound()
}
