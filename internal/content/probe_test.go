// SPDX-License-Identifier: Apache-2.0

package content

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestProbe(t *testing.T) {
	for _, c := range []struct {
		kind   fleet.RepositoryType
		remote map[string]any
		want   [][]string
	}{
		{"deb", map[string]any{"url": "http://u.test/debian", "distributions": "stable stable-updates"}, [][]string{
			{"http://u.test/debian/dists/stable/InRelease", "http://u.test/debian/dists/stable/Release"},
			{"http://u.test/debian/dists/stable-updates/InRelease", "http://u.test/debian/dists/stable-updates/Release"},
		}},
		{"deb", map[string]any{"url": "http://u.test/flat/", "distributions": "/"}, [][]string{
			{"http://u.test/flat/InRelease", "http://u.test/flat/Release"},
		}},
		{"deb", map[string]any{"url": "https://u.test/flat/", "distributions": "stable/"}, [][]string{
			{"https://u.test/flat/stable/InRelease", "https://u.test/flat/stable/Release"},
		}},
		{"deb", map[string]any{"url": "http://u.test/debian"}, nil},
		{"deb", map[string]any{"url": "ftp://u.test/debian", "distributions": "stable"}, nil},
		{"rpm", map[string]any{"url": "https://u.test/rpm"}, [][]string{{"https://u.test/rpm/repodata/repomd.xml"}}},
		{"rpm", map[string]any{"url": "https://u.test/metalink?repo=fedora"}, nil},
		{"rpm", map[string]any{"url": "https://me:secret@u.test/rpm"}, nil},
		{"rpm", map[string]any{"url": "uln://u.test/rpm"}, nil},
		{"rpm", map[string]any{"url": nil}, nil},
		{"rpm", map[string]any{"url": "http://u.test/%zz"}, nil},
		{"file", map[string]any{"url": "http://u.test/f/PULP_MANIFEST"}, [][]string{{"http://u.test/f/PULP_MANIFEST"}}},
		{"file", map[string]any{"url": "http://u.test/f/"}, nil},
		{"file", map[string]any{"url": "file:///srv/PULP_MANIFEST"}, nil},
	} {
		kind, _ := Find(c.kind)
		if diff := cmp.Diff(c.want, kind.Probe(c.remote)); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", c.kind, c.remote, diff)
		}
	}
}
