// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// D66: only whole labels of the host count, and no internal domains make nothing internal.
func TestInternal(t *testing.T) {
	for _, test := range []struct {
		domains []string
		feed    string
		want    bool
	}{
		{nil, "https://repo.corp.example/x", false},
		{[]string{""}, "https://repo.corp.example/x", false},
		{[]string{" ", "."}, "https://repo.corp.example/x", false},
		{[]string{"corp.example"}, "https://corp.example/x", true},
		{[]string{"corp.example"}, "https://repo.corp.example/x", true},
		{[]string{"corp.example"}, "https://a.b.corp.example:8443/x", true},
		{[]string{"corp.example"}, "https://Repo.CORP.example/x", true},
		{[]string{"corp.example"}, "https://repo.corp.example./x", true},
		{[]string{".corp.example "}, "https://repo.corp.example/x", true},
		{[]string{"Corp.Example"}, "https://repo.corp.example/x", true},
		{[]string{"repo:8080"}, "http://repo:9090/x", true},
		{[]string{"other", "corp.example"}, "https://corp.example/x", true},
		{[]string{"corp.example"}, "https://evilcorp.example/x", false},
		{[]string{"corp.example"}, "https://corp.example.evil.test/x", false},
		{[]string{"corp.example"}, "https://evil.test/corp.example", false},
		{[]string{"corp.example"}, "https://evil.test/?x=.corp.example", false},
		{[]string{"corp.example"}, "https://corp.example@evil.test/", false},
		{[]string{"corp.example"}, "https://evil.test/#.corp.example", false},
		{[]string{"example"}, "https://example.com/", false},
		{[]string{"corp.example"}, "", false},
		{[]string{""}, "/no/host", false},
		{[]string{"corp.example"}, "://", false},
	} {
		if got := (Rules{InternalDomains: test.domains}).Internal(test.feed); got != test.want {
			t.Errorf("%q in %q: %v", test.feed, test.domains, got)
		}
	}
}

func defined(feed string) fleet.Definition {
	return fleet.Definition{
		Name: "ext-a", Type: "rpm", Description: "Packages", Owner: "me", BaseURL: "el/9", URL: feed, Source: "remote/a.json",
	}
}

func on(v bool) *bool { return &v }

// D64, D65: TLS is checked unless somebody said otherwise, and the same on creation as on each run after it.
func TestTLSRules(t *testing.T) {
	const outside, inside = "https://outside.test/x/", "https://repo.corp.example/x/"
	for _, test := range []struct {
		what            string
		global, its     *bool
		feed            string
		want, wantProxy any
		wantCA          any
	}{
		{"nothing said", nil, nil, outside, true, "http://proxy/", nil},
		{"global off", on(false), nil, outside, false, "http://proxy/", nil},
		{"global on", on(true), nil, outside, true, "http://proxy/", nil},
		{"its own off", nil, on(false), outside, false, "http://proxy/", nil},
		{"its own off, global on", on(true), on(false), outside, false, "http://proxy/", nil},
		{"its own on, global off", on(false), on(true), outside, true, "http://proxy/", nil},
		{"internal", nil, nil, inside, true, nil, "ROOT"},
		{"internal, all off", on(false), on(false), inside, true, nil, "ROOT"},
	} {
		rules := Rules{InternalDomains: []string{"corp.example"}, RootCA: "ROOT", TLSValidation: test.global}
		d := defined(test.feed)
		d.TLSValidation, d.Proxy = test.its, "http://proxy/"
		w, err := rules.FromDefinition("pulp", d, nil)
		if err != nil {
			t.Fatal(err)
		}
		if w.Remote["tls_validation"] != test.want || w.Remote["proxy_url"] != test.wantProxy || w.Remote["ca_cert"] != test.wantCA {
			t.Errorf("%s: tls_validation %v, proxy_url %v, ca_cert %v", test.what, w.Remote["tls_validation"], w.Remote["proxy_url"], w.Remote["ca_cert"])
		}
		have := made(t, w)
		if have.remotes["ext-a"].fields["tls_validation"] != test.want {
			t.Errorf("%s: created with %v", test.what, have.remotes["ext-a"].fields["tls_validation"])
		}
	}
	w, err := (Rules{InternalDomains: []string{"corp.example"}}).FromDefinition("pulp", defined(inside), nil)
	if err != nil || w.Remote["ca_cert"] != nil || w.Remote["tls_validation"] != true {
		t.Errorf("internal without a root CA: %v, %v", w.Remote, err)
	}
}

func TestFromDefinition(t *testing.T) {
	rules := Rules{SockConnectTimeout: 60, SigningServices: map[string]string{"deb_signing_service": "/signing/1/"}}
	d := defined("http://up.test/debian/")
	d.Type, d.Options = "deb", map[string]any{"releases": "bookworm", "components": "main contrib"}
	secrets := map[string]fleet.Secret{"password": fleet.NewSecret("x")}
	got, err := rules.FromDefinition("pulp-1", d, secrets)
	if err != nil {
		t.Fatal(err)
	}
	want := Want{
		Name: "ext-a", Source: "remote/a.json", BasePath: "el/9/ext-a", Follows: true, Secrets: secrets,
		Labels: map[string]string{OwnerLabel: "pulp-1"},
		Fields: map[string]any{"description": "Packages - me - base_url:el/9", "signing_service": "/signing/1/"},
		Remote: map[string]any{
			"url": "http://up.test/debian/", "distributions": "bookworm", "components": "main contrib", "architectures": nil,
			"ignore_missing_package_indices": true, "policy": "immediate", "tls_validation": true, "ca_cert": nil, "proxy_url": nil,
			"sock_connect_timeout": 60.0, "sock_read_timeout": nil,
		},
	}
	if got.Type.Name != "deb" {
		t.Errorf("type %s", got.Type.Name)
	}
	want.Type, got.Type = find(t, "deb"), find(t, "deb")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(fleet.Secret{}), cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Type" }, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}

	d.Type = "rpm"
	if w, err := rules.FromDefinition("pulp-1", d, nil); err != nil || w.Follows || w.Fields["signing_service"] != nil {
		t.Errorf("rpm: follows %v, fields %v, %v", w.Follows, w.Fields, err)
	}
	d.URL = ""
	w, err := rules.FromDefinition("pulp-1", d, nil)
	if err != nil || w.Remote != nil || !w.Follows {
		t.Errorf("uploaded to: remote %v, follows %v, %v", w.Remote, w.Follows, err)
	}
	d.Type = "snap"
	if _, err := rules.FromDefinition("pulp-1", d, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("unknown type: %v", err)
	}
	d.Type, d.BaseURL = "rpm", "../up"
	if _, err := rules.FromDefinition("pulp-1", d, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("base path out of the tree: %v", err)
	}
	// D71: a rename changes the base path only.
	pattern, err := fleet.CompilePattern(`ext-(?P<rest>.+)`)
	if err != nil {
		t.Fatal(err)
	}
	rules.Rename, d.BaseURL = fleet.Rename{Pattern: pattern, Rule: "{rest}"}, "el"
	if w, err := rules.FromDefinition("pulp-1", d, nil); err != nil || w.BasePath != "el/a" || w.Name != "ext-a" {
		t.Errorf("renamed: %s, %s, %v", w.BasePath, w.Name, err)
	}
}

func TestFromPrimary(t *testing.T) {
	none := func(context.Context, string, url.Values) ([]map[string]any, error) {
		return nil, errors.New("nothing is to be asked")
	}
	rules := Rules{InternalDomains: []string{"corp.example"}, RootCA: "ROOT", SockReadTimeout: 30}
	for kind, feed := range map[fleet.RepositoryType]string{
		"deb":  "https://primary.corp.example/pulp/content/el/9/a/",
		"rpm":  "https://primary.corp.example/pulp/content/el/9/a/",
		"file": "https://primary.corp.example/pulp/content/el/9/a/PULP_MANIFEST",
	} {
		m := Mirrored{
			Type: find(t, kind), Name: "a", Description: "Packages - me - base_url:el/9", BasePath: "el/9/a", Version: "/repositories/1/versions/3/",
			Remote: map[string]any{"distributions": "stable testing", "url": "http://up.test/", "components": "main", "proxy_url": "http://proxy/"},
		}
		for _, address := range []string{"https://primary.corp.example", "https://primary.corp.example/"} {
			w, err := rules.FromPrimary(t.Context(), "secondary-1", "primary-1", address, m, none)
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			want := map[string]any{
				"url": feed, "policy": "immediate", "tls_validation": true, "ca_cert": "ROOT", "proxy_url": nil,
				"sock_connect_timeout": nil, "sock_read_timeout": 30.0,
			}
			if w.Follows {
				want["distributions"], want["components"], want["architectures"], want["ignore_missing_package_indices"] = "stable testing", nil, nil, false
				want["gpgkey"] = nil
			}
			if diff := cmp.Diff(want, w.Remote); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
			if w.Primary != "primary-1" || w.Source != "server primary-1" || w.BasePath != "el/9/a" || w.Labels[OwnerLabel] != "secondary-1" ||
				w.Fields["description"] != m.Description || w.Secrets != nil {
				t.Errorf("%s: %+v", kind, w)
			}
		}
	}
	outside := Rules{TLSValidation: on(false)}
	w, err := outside.FromPrimary(t.Context(), "s", "p", "https://p.test", Mirrored{Type: find(t, "rpm"), BasePath: "a"}, none)
	if err != nil || w.Remote["tls_validation"] != false || w.Remote["ca_cert"] != nil {
		t.Errorf("a primary outside: %v, %v", w.Remote, err)
	}
	if _, err := rules.FromPrimary(t.Context(), "s", "p", "https://p.test", Mirrored{Type: find(t, "deb"), BasePath: "a"}, none); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deb repository without suites: %v", err)
	}
}
