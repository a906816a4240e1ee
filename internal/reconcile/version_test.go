// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// planned gives the fields of each change to a repository of a type, by what it is about.
func planned(t *testing.T, w Want, status map[string]string, there ...*inventory.Repository) map[Noun]map[string]any {
	t.Helper()
	have := inventory.NewPicture("alpha", pulp.Status{Versions: status}, there...)
	fields := map[Noun]map[string]any{}
	for _, c := range Plan([]Want{w}, have, nil, func(fleet.Secret) string { return "" }) {
		if c.Conflict != "" {
			t.Fatal(c.Conflict)
		}
		fields[c.Noun] = c.Fields
	}
	return fields
}

// D83: a distribution of a type without publications that follows its repository names the version that it
// serves now, where the repository is to be synced: else what comes is served before it is looked at.
func TestPlanPins(t *testing.T) {
	const repository, second = "/repositories/1/", "/repositories/1/versions/2/"
	status := map[string]string{"python": "3.36.4", "file": "3.123.1"}
	for _, c := range []struct {
		name, kind string
		follows    bool // as wanted
		serves     pulp.Distribution
		want       map[string]any
	}{
		{"to be synced, follows", "python", false, pulp.Distribution{Repository: repository}, map[string]any{"repository": nil, "repository_version": second}},
		{"to be synced, pinned", "python", false, pulp.Distribution{RepositoryVersion: "/repositories/1/versions/1/"}, nil},
		{"to be synced, serves nothing", "python", false, pulp.Distribution{}, nil},
		{"to be synced, follows another", "python", false, pulp.Distribution{Repository: "/repositories/9/"}, nil},
		{"by hand, follows", "python", true, pulp.Distribution{Repository: repository}, nil},
		{"by hand, pinned", "python", true, pulp.Distribution{RepositoryVersion: second}, map[string]any{"repository": nil, "publication": nil, "repository_version": nil}},
		{"of a type with publications", "file", false, pulp.Distribution{Repository: repository}, nil},
	} {
		kind, _ := content.Find(fleet.RepositoryType(c.kind))
		c.serves.Href, c.serves.Name, c.serves.BasePath = "/distributions/1/", "a", "a"
		c.serves.Object = pulp.Keep(pulp.Fields{"repository": nil, "repository_version": nil, "publication": nil})
		there := &inventory.Repository{
			Type: kind, Name: "a", Distribution: &c.serves,
			Repository: &pulp.Repository{Href: repository, Name: "a", LatestVersion: second, Object: pulp.Keep(pulp.Fields{})},
		}
		got := planned(t, Want{Type: kind, Name: "a", BasePath: "a", Follows: c.follows, Fields: map[string]any{"description": nil}}, status, there)
		if diff := cmp.Diff(c.want, got[Distribution]); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A remote is written with the names that the server's version has for its fields, and not written again for them.
func TestPlanRenamedFields(t *testing.T) {
	kind, _ := content.Find("container")
	w := Want{
		Type: kind, Name: "a", BasePath: "a", Labels: map[string]string{}, Fields: map[string]any{"description": nil},
		Remote: map[string]any{"upstream_name": "x", "includes": []any{"1"}, "excludes": nil},
	}
	for version, field := range map[string]string{"2.26.19": "include_tags", "2.28.0": "includes", "2.30.0": "includes"} {
		status := map[string]string{"container": version}
		made := planned(t, w, status)[Remote]
		if diff := cmp.Diff(map[string]any{"upstream_name": "x", field: []any{"1"}, "name": "a", "pulp_labels": map[string]string{}}, made); diff != "" {
			t.Errorf("%s: %s", version, diff)
		}
		fields := pulp.Fields{"upstream_name": "x", field: []any{"1"}, map[string]string{"includes": "excludes", "include_tags": "exclude_tags"}[field]: nil}
		remote := &pulp.Remote{Href: "/remotes/1/", Name: "a", Object: pulp.Keep(fields)}
		there := &inventory.Repository{Type: kind, Name: "a", Remote: remote, Own: remote}
		if again := planned(t, w, status, there)[Remote]; again != nil {
			t.Errorf("%s: written again: %v", version, again)
		}
	}
}

// Pulp refuses an empty description.
func TestDescribed(t *testing.T) {
	kind, _ := content.Find("python")
	w, err := Rules{}.FromPrimary(t.Context(), "b", "a", "http://a.test/", Mirrored{Type: kind, Name: "x", BasePath: "p/x"}, nil)
	if err != nil || w.Fields["description"] != nil || w.Follows || w.Remote["url"] != "http://a.test/pypi/p/x/" {
		t.Errorf("%+v, %v", w, err)
	}
}
