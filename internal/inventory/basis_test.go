// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

func whole(kind fleet.RepositoryType) *Repository {
	t, _ := content.Find(kind)
	return &Repository{
		Type: t, Name: "a", Served: "/r/1/versions/1/", ServedPublication: "/p/1/", Published: "then",
		Repository: &pulp.Repository{Href: "/r/1/", LatestVersion: "/r/1/versions/1/", Object: pulp.Keep(pulp.Fields{
			"name": "a", "retain_repo_versions": nil, "pulp_last_updated": "1", "latest_version_href": "/r/1/versions/1/", "last_sync_details": map[string]any{},
		})},
		Remote:       &pulp.Remote{Object: pulp.Keep(pulp.Fields{"url": "http://u.test/", "pulp_last_updated": "1"})},
		Distribution: &pulp.Distribution{Repository: "/r/1/"},
	}
}

// TestBasis: whatever a sync may depend on tells two of them apart, and what a sync changes does not.
// set gives an object another field.
func set(o *pulp.Object, field string, value any) {
	fields := o.Fields()
	fields[field] = value
	*o = pulp.Keep(fields)
}

func TestBasis(t *testing.T) {
	basis := func(change func(*Repository)) fleet.SyncBasis {
		r := whole("file")
		change(r)
		return r.Basis(fleet.SyncSource{}, r.Type.MirrorSync, nil, "")
	}
	first := basis(func(*Repository) {})
	for name, change := range map[string]func(*Repository){
		"a new version":  func(r *Repository) { set(&r.Repository.Object, "latest_version_href", "/r/1/versions/2/") },
		"its time":       func(r *Repository) { set(&r.Repository.Object, "pulp_last_updated", "2") },
		"sync's details": func(r *Repository) { set(&r.Repository.Object, "last_sync_details", nil) },
	} {
		if got := basis(change); got.Fields != first.Fields || got.Options != first.Options {
			t.Errorf("%s tells them apart", name)
		}
	}
	for name, change := range map[string]func(*Repository){
		"the url":          func(r *Repository) { set(&r.Remote.Object, "url", "http://v.test/") },
		"a secret":         func(r *Repository) { set(&r.Remote.Object, "pulp_last_updated", "2") },
		"the repository's": func(r *Repository) { set(&r.Repository.Object, "retain_repo_versions", 3) },
	} {
		if basis(change).Fields == first.Fields {
			t.Errorf("%s tells nothing", name)
		}
	}
	r := whole("file")
	for name, got := range map[string]fleet.SyncBasis{
		"options":        r.Basis(fleet.SyncSource{}, r.Type.MirrorSync, map[string]any{"optimize": false}, ""),
		"banned":         r.Basis(fleet.SyncSource{}, r.Type.MirrorSync, nil, "^x"),
		"another method": r.Basis(fleet.SyncSource{}, []content.Method{r.Type.Sync}, nil, ""),
	} {
		if got.Options == first.Options {
			t.Errorf("%s tell nothing", name)
		}
	}
	if empty := r.Basis(fleet.SyncSource{}, r.Type.MirrorSync, map[string]any{}, ""); empty.Options != first.Options {
		t.Error("no options are not the same as none")
	}
	if once, again := hash(func() {}), hash(func() {}); once == again {
		t.Error("what cannot be told is told to be the same")
	}
}

// TestState: what is not served in the way it must be is not served.
func TestState(t *testing.T) {
	for _, kind := range []fleet.RepositoryType{"deb", "rpm", "file"} {
		r := whole(kind)
		if s := r.State(); s.Newest == "" || s.Served != s.Newest || s.Publication != "/p/1/" {
			t.Errorf("%s: %+v", kind, s)
		}
		r.ServedPublication = ""
		if s := r.State(); s.Served != "" {
			t.Errorf("%s without a publication: %+v", kind, s)
		}
		r = whole(kind)
		r.Distribution = nil
		if s := r.State(); s.Served != "" || s.Newest == "" {
			t.Errorf("%s without a distribution: %+v", kind, s)
		}
	}
	r := whole("deb")
	r.Distribution.Repository = ""
	if s := r.State(); s.Served != "" {
		t.Errorf("a distribution that does not follow: %+v", s)
	}
	p := NewPicture("primary", pulp.Status{}, whole("rpm"))
	want := fleet.SyncSource{Server: "primary", Version: "/r/1/versions/1/", Publication: "/p/1/", Published: "then"}
	if got := p.Serves().Of("rpm", "a"); !got.Same(want) {
		t.Errorf("%+v", got)
	}
	if p.Serves().Of("rpm", "b").Known() || Origins(nil).Of("rpm", "a").Known() {
		t.Error("something is known of what is not there")
	}
}
