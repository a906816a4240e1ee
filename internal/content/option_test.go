// SPDX-License-Identifier: Apache-2.0

package content

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"stable":                     "stable",
		"  stable  ":                 "stable",
		"main   contrib\tnon-free\n": "main contrib non-free", // Pulp keeps inner blanks, and would differ for ever
		"/":                          "/",
		"bookworm/updates bookworm":  "bookworm/updates bookworm",
	} {
		if got, err := words(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, bad := range []any{"", "  ", "\t\n", "main main", "main contrib main", nil, 5, 1.5, true, []any{"main", "contrib"}, []string{"main"}, map[string]any{}} {
		if got, err := words(bad); !fault.Is(err, fault.Invalid) || got != nil {
			t.Errorf("%#v: %v, %v; want it to be refused", bad, got, err)
		}
	}
}

func TestPolicy(t *testing.T) {
	for _, good := range []string{"immediate", "on_demand", "streamed"} {
		if got, err := policy.Check(good); err != nil || got != good {
			t.Errorf("%q: %v, %v", good, got, err)
		}
	}
	for _, bad := range []any{"", "Immediate", " immediate", "lazy", nil, true, 1, []any{"immediate"}} {
		if got, err := policy.Check(bad); !fault.Is(err, fault.Invalid) || got != nil {
			t.Errorf("%#v: %v, %v; want it to be refused", bad, got, err)
		}
	}
}

func TestArmored(t *testing.T) {
	const key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----"
	for _, good := range []string{key, "\n" + key + "\n\n"} {
		if got, err := armored(good); err != nil || got != key {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	for _, bad := range []any{"", "0xDEADBEEF", "/etc/key.asc", strings.ReplaceAll(key, "PUBLIC", "PRIVATE"), nil, 5, []any{key}} {
		if got, err := armored(bad); !fault.Is(err, fault.Invalid) || got != nil {
			t.Errorf("%v: %v, %v; want it to be refused", bad, got, err)
		}
	}
}

func TestCatalogCheck(t *testing.T) {
	c := Catalog{}
	if diff := cmp.Diff([]fleet.RepositoryType{"deb", "rpm", "file", "python", "container"}, c.Known()); diff != "" {
		t.Error(diff)
	}
	got, err := c.Check("deb", map[string]any{"releases": " bookworm  sid", "components": "main", "architectures": "amd64 all", "policy": "on_demand"})
	want := map[string]any{"releases": "bookworm sid", "components": "main", "architectures": "amd64 all", "policy": "on_demand"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, name := range c.Known() {
		if got, err := c.Check(name, nil); err != nil || len(got) != 0 {
			t.Errorf("%s without options: %v, %v", name, got, err)
		}
		if got, err := c.Check(name, map[string]any{"policy": "streamed"}); err != nil || got["policy"] != "streamed" {
			t.Errorf("%s with a policy: %v, %v", name, got, err)
		}
	}
	for _, test := range []struct {
		name    fleet.RepositoryType
		options map[string]any
		says    string
	}{
		{"deb", map[string]any{"releases": ""}, "releases: must not be empty"},
		{"deb", map[string]any{"releases": []any{"bookworm"}}, "releases: must be a text"},
		{"deb", map[string]any{"components": "main main"}, `components: names "main" twice`},
		{"deb", map[string]any{"policy": "never"}, "policy: must be"},
		{"deb", map[string]any{"release": "bookworm"}, `key "release" does not exist for deb`},
		{"rpm", map[string]any{"components": "main"}, `key "components" does not exist for rpm`},
		{"file", map[string]any{"releases": "bookworm"}, `key "releases" does not exist for file`},
		{"iso", nil, `content_repo_type "iso" is not known`},
		{"", nil, "is not known"},
		{"DEB", nil, "is not known"},
	} {
		got, err := c.Check(test.name, test.options)
		if !fault.Is(err, fault.Invalid) || got != nil || !strings.Contains(fault.Message(err), test.says) {
			t.Errorf("%s %v: %v, %v; want %q", test.name, test.options, got, err, test.says)
		}
	}
}

// A remote whose definition says nothing is wanted null in what others might have set, so that it is
// set back; but a key that nobody defined is left alone.
func TestRemoteFields(t *testing.T) {
	for name, want := range map[fleet.RepositoryType][]string{
		"deb":  {"architectures", "components", "distributions", "ignore_missing_package_indices", "policy"},
		"rpm":  {"policy"},
		"file": {"policy"},
		"python": {
			"exclude_platforms", "excludes", "includes", "keep_latest_packages", "package_types", "policy", "prereleases",
		},
		"container": {"excludes", "includes", "policy", "upstream_name"},
	} {
		typ, _ := Find(name)
		if got := slices.Sorted(maps.Keys(typ.Remote(nil))); !slices.Equal(got, want) {
			t.Errorf("%s: fields %v, want %v", name, got, want)
		}
		fields, err := typ.Mirror(t.Context(), Source{Remote: map[string]any{"distributions": "stable"}})
		delete(fields, "gpgkey") // taken away from a mirror, left alone elsewhere
		if got := slices.Sorted(maps.Keys(fields)); err != nil || !slices.Equal(got, want) || fields["policy"] != "immediate" {
			t.Errorf("%s: a mirror's fields %v, %v", name, fields, err)
		}
	}
	key := "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----"
	if got := deb.Remote(map[string]any{"gpgkey": key})["gpgkey"]; got != key {
		t.Errorf("gpgkey is %v", got)
	}
}

func TestFind(t *testing.T) {
	for _, typ := range Types() {
		found, ok := Find(typ.Name)
		if !ok || found.Path != typ.Path || typ.DistributionKind() == "" {
			t.Errorf("%s: %v, distributions at %s", typ.Name, ok, typ.DistributionKind())
		}
	}
	if deb.DistributionKind() != "deb/apt" || python.DistributionKind() != "python/pypi" {
		t.Errorf("distributions at %s and %s", deb.DistributionKind(), python.DistributionKind())
	}
	if _, ok := Find("iso"); ok {
		t.Error("there is a type iso")
	}
	Types()[0] = rpm
	if Types()[0].Name != "deb" {
		t.Error("the list of types can be changed from outside")
	}
}
