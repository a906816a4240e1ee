// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

const (
	outsideFeed = "https://outside.test/x/"
	insideFeed  = "https://repo.corp.example/x/"
)

// step is a run with these rules and this definition, and what it should send and leave.
type step struct {
	what    string
	global  *bool
	its     *bool
	proxy   string
	feed    string
	rootCA  string
	secrets map[string]string
	sends   []string       // fields, sorted; nil where the remote is created
	leaves  map[string]any // fields of the remote
}

// run drives a world through steps; each is done twice, and the second time sends nothing: what one
// run sets the next must not take back (D64).
func run(t *testing.T, steps []step) {
	t.Helper()
	w := newWorld()
	for i, s := range steps {
		rules := Rules{InternalDomains: []string{"corp.example"}, RootCA: s.rootCA, TLSValidation: s.global}
		d := defined(s.feed)
		d.TLSValidation, d.Proxy = s.its, s.proxy
		secrets := map[string]fleet.Secret{}
		for field, text := range s.secrets {
			secrets[field] = fleet.NewSecret(text)
		}
		want, err := rules.FromDefinition("pulp", d, secrets)
		if err != nil {
			t.Fatalf("%s: %v", s.what, err)
		}
		plan := Plan([]Want{want}, w.picture(), w.known, fingerprint)
		if i > 0 {
			var sends []string
			for _, c := range plan {
				sends = slices.Concat(sends, slices.Sorted(maps.Keys(c.Fields)), slices.Sorted(maps.Keys(c.Secrets)))
			}
			slices.Sort(sends)
			if diff := cmp.Diff(s.sends, sends); diff != "" {
				t.Errorf("%s: sent\n%s", s.what, diff)
			}
		}
		if err := w.apply(plan); err != nil {
			t.Fatalf("%s: %v", s.what, err)
		}
		for field, value := range s.leaves {
			if got := w.remotes["ext-a"].fields[field]; got != value {
				t.Errorf("%s: %s is %v, want %v", s.what, field, got, value)
			}
		}
		if again := Plan([]Want{want}, w.picture(), w.known, fingerprint); len(again) > 0 {
			t.Errorf("%s: the next run sends %v", s.what, again)
		}
	}
}

// D64, D65: tls_validation is on unless said otherwise, a definition's word goes before the setting's, and what is in
// force is what updates set, too.
func TestTLSValidationOverRuns(t *testing.T) {
	tls := func(v bool) map[string]any { return map[string]any{"tls_validation": v} }
	changed := []string{"tls_validation"}
	run(t, []step{
		{what: "created, nothing said", feed: outsideFeed, leaves: tls(true)},
		{what: "the setting says off", global: on(false), feed: outsideFeed, sends: changed, leaves: tls(false)},
		{what: "the definition says on", global: on(false), its: on(true), feed: outsideFeed, sends: changed, leaves: tls(true)},
		{what: "the definition says off", global: on(true), its: on(false), feed: outsideFeed, sends: changed, leaves: tls(false)},
		{what: "the setting is taken out", its: on(false), feed: outsideFeed, leaves: tls(false)},
		{what: "it moves inside", its: on(false), feed: insideFeed, sends: []string{"tls_validation", "url"}, leaves: tls(true)},
		{what: "and out again", its: on(false), feed: outsideFeed, sends: []string{"tls_validation", "url"}, leaves: tls(false)},
		{what: "nothing said any more", feed: outsideFeed, sends: changed, leaves: tls(true)},
	})
}

// Legacy section 6.2: an internal remote gets the root CA; a definition's own certificate goes before it (the original
// put the root CA over it); each change of either is sent once.
func TestRootCAOverRuns(t *testing.T) {
	own := map[string]string{"ca_cert": "OWN"}
	ca := func(text any) map[string]any { return map[string]any{"ca_cert": text} }
	changed := []string{"ca_cert"}
	run(t, []step{
		{what: "internal", feed: insideFeed, rootCA: "ROOT", leaves: ca("ROOT")},
		{what: "a new root CA", feed: insideFeed, rootCA: "ROOT2", sends: changed, leaves: ca("ROOT2")},
		{what: "its own", feed: insideFeed, rootCA: "ROOT2", secrets: own, sends: changed, leaves: ca("OWN")},
		{what: "its own, another root CA", feed: insideFeed, rootCA: "ROOT3", secrets: own, leaves: ca("OWN")},
		{what: "outside, its own", feed: outsideFeed, rootCA: "ROOT3", secrets: own, sends: []string{"url"}, leaves: ca("OWN")},
		{what: "outside", feed: outsideFeed, rootCA: "ROOT3", sends: changed, leaves: ca(nil)},
		{what: "inside without a root CA", feed: insideFeed, sends: []string{"url"}, leaves: ca(nil)},
		{what: "inside with one", feed: insideFeed, rootCA: "ROOT3", sends: changed, leaves: ca("ROOT3")},
	})
	run(t, []step{{what: "created with its own", feed: insideFeed, rootCA: "ROOT", secrets: own, leaves: ca("OWN")}})
}

// D75: a definition needs no proxy; one is for what is outside only, and goes when the definition's goes.
func TestProxyOverRuns(t *testing.T) {
	proxy := func(text any) map[string]any { return map[string]any{"proxy_url": text} }
	run(t, []step{
		{what: "none", feed: outsideFeed, leaves: proxy(nil)},
		{what: "one", feed: outsideFeed, proxy: "http://proxy:3128", sends: []string{"proxy_url"}, leaves: proxy("http://proxy:3128")},
		{what: "inside", feed: insideFeed, proxy: "http://proxy:3128", sends: []string{"proxy_url", "url"}, leaves: proxy(nil)},
		{what: "outside", feed: outsideFeed, proxy: "http://proxy:3128", sends: []string{"proxy_url", "url"}, leaves: proxy("http://proxy:3128")},
		{what: "none any more", feed: outsideFeed, sends: []string{"proxy_url"}, leaves: proxy(nil)},
	})
}

// D66: without internal domains nothing is internal: no root CA, no forced check, and proxies stay.
func TestNoInternalDomains(t *testing.T) {
	for _, domains := range [][]string{nil, {}, {""}, {" ", "."}} {
		rules := Rules{InternalDomains: domains, RootCA: "ROOT", TLSValidation: on(false)}
		d := defined(insideFeed)
		d.Proxy = "http://proxy:3128"
		w, err := rules.FromDefinition("pulp", d, nil)
		if err != nil || w.Remote["ca_cert"] != nil || w.Remote["tls_validation"] != false || w.Remote["proxy_url"] != "http://proxy:3128" {
			t.Errorf("%q: %v, %v", domains, w.Remote, err)
		}
	}
}

// A secondary reads its primary past every proxy; how it checks the primary's certificate is as for any feed.
func TestMirrorsTLS(t *testing.T) {
	none := func(context.Context, string, url.Values) ([]map[string]any, error) {
		return nil, errors.New("nothing is to be asked")
	}
	for _, test := range []struct {
		address  string
		global   *bool
		wantTLS  bool
		wantCert any
	}{
		{"https://primary.test", nil, true, nil},
		{"https://primary.test", on(true), true, nil},
		{"https://primary.test", on(false), false, nil},
		{"https://primary.corp.example", nil, true, "ROOT"},
		{"https://primary.corp.example", on(false), true, "ROOT"},
		{"http://primary.corp.example", nil, true, "ROOT"}, // so that it is right once it is https
	} {
		rules := Rules{InternalDomains: []string{"corp.example"}, RootCA: "ROOT", TLSValidation: test.global}
		m := Mirrored{
			Type: find(t, "rpm"), Name: "a", BasePath: "a",
			Remote: map[string]any{"proxy_url": "http://proxy:3128", "tls_validation": !test.wantTLS, "ca_cert": "UPSTREAM"},
		}
		w, err := rules.FromPrimary(t.Context(), "s", "p", test.address, m, none)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(w.Remote["tls_validation"], w.Remote["ca_cert"], w.Remote["proxy_url"])
		if want := fmt.Sprint(test.wantTLS, test.wantCert, nil); got != want {
			t.Errorf("%s, setting %v: %s, want %s", test.address, test.global, got, want)
		}
	}
}
