// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestFindInPython: packages of a Python index are found by name, however it is written, version and hash.
func TestFindInPython(t *testing.T) {
	s := newShelf(t)
	python := s.stocked(pulpfake.PythonTree, "python/python",
		pulpfake.Package{Name: "alpha", Version: "1.0"}, pulpfake.Package{Name: "alpha", Version: "2.0"}, pulpfake.Package{Name: "beta-extra", Version: "1.0"})
	var hash string
	for _, test := range []struct {
		search Search
		want   []string
	}{
		{Search{Name: "alpha"}, []string{"alpha 1.0", "alpha 2.0"}},
		{Search{Name: "Alpha", Version: "2.0"}, []string{"alpha 2.0"}},
		{Search{Version: "1.0"}, []string{"alpha 1.0", "beta-extra 1.0"}},
		{Search{Name: "Beta.Extra"}, []string{"beta-extra 1.0"}},
		{Search{Name: "alpha", Version: "3.0"}, nil},
		{Search{Name: "alph"}, nil},
	} {
		found, err := Find(t.Context(), s.client, python, test.search)
		var names []string
		for _, f := range found {
			names, hash = append(names, f.FullName()), f.SHA256
			again, err := Find(t.Context(), s.client, python, Search{SHA256: strings.ToUpper(f.SHA256)})
			if err != nil || len(again) != 1 || again[0].Href != f.Href || len(f.SHA256) != 64 {
				t.Errorf("by hash %q: %v %v", f.SHA256, again, err)
			}
		}
		slices.Sort(names)
		if err != nil || !slices.Equal(names, test.want) {
			t.Errorf("%+v: %q %v, want %q", test.search, names, err, test.want)
		}
	}
	if found, err := Find(t.Context(), s.client, python, Search{SHA256: hash, Name: "nothing"}); err != nil || len(found) > 0 {
		t.Errorf("another's hash: %v %v", found, err)
	}
}

// TestFindInContainer: tags are found by name, and by the digest of the image that they name; of a tag that has
// moved, the one in the newest version. A tag has no version.
func TestFindInContainer(t *testing.T) {
	s := newShelf(t)
	one := s.server.Push("team/hello", "1", "one")
	two := s.server.Push("team/hello", "2", "two")
	s.server.Push("team/hello", "latest", "one")
	s.server.Push("team/hello", "latest", "two")
	s.server.Push("team/other", "1", "one")
	href, _ := s.server.Object("repositories", "team/hello")["pulp_href"].(string)
	container := fleet.Repository{Name: "team/hello", Type: "container", Href: href}
	for _, test := range []struct {
		search Search
		want   []string
	}{
		{Search{Name: "1"}, []string{"1"}},
		{Search{Name: "latest"}, []string{"latest"}},
		{Search{Name: "late"}, nil},
		{Search{SHA256: one}, []string{"1"}},
		{Search{SHA256: strings.ToUpper(strings.TrimPrefix(two, "sha256:"))}, []string{"2", "latest"}},
		{Search{Name: "latest", SHA256: two}, []string{"latest"}},
		{Search{Name: "latest", SHA256: one}, nil},
		{Search{SHA256: strings.Repeat("0", 64)}, nil},
	} {
		found, err := Find(t.Context(), s.client, container, test.search)
		var names []string
		for _, f := range found {
			names = append(names, f.FullName())
			if !strings.Contains(f.Href, "/content/container/tags/") || pulp.Href(f.Href).ID() == "" {
				t.Errorf("%s is at %q", f.FullName(), f.Href)
			}
		}
		slices.Sort(names)
		if err != nil || !slices.Equal(names, test.want) {
			t.Errorf("%+v: %q %v, want %q", test.search, names, err, test.want)
		}
	}
	if _, err := Find(t.Context(), s.client, container, Search{Name: "1", Version: "1"}); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "has no version") {
		t.Errorf("a version: %v", err)
	}
}
