// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// wanted is an external repository as a definition would want it.
func wanted(t *testing.T, kind fleet.RepositoryType, name, path string) Want {
	t.Helper()
	return Want{
		Type: find(t, kind), Name: name, Source: name + ".json", BasePath: path, Follows: true,
		Fields: map[string]any{"description": "about " + name}, Labels: map[string]string{OwnerLabel: "pulp"},
		Remote: map[string]any{"url": "http://one/" + name + "/", "policy": "immediate", "ca_cert": nil, "proxy_url": nil},
	}
}

// made gives a world in which the wants are met.
func made(t *testing.T, wants ...Want) *world {
	t.Helper()
	w := newWorld()
	if err := w.apply(Plan(wants, w.picture(), w.known, fingerprint)); err != nil {
		t.Fatal(err)
	}
	if left := plan(w, wants...); len(left) > 0 {
		t.Fatalf("not made: %v", left)
	}
	return w
}

// plan gives a plan's changes in words.
func plan(w *world, wants ...Want) []string {
	var texts []string
	for _, c := range Plan(wants, w.picture(), w.known, fingerprint) {
		texts = append(texts, c.String())
	}
	return texts
}

func TestPlanOrder(t *testing.T) {
	uploaded := wanted(t, "file", "c", "c")
	uploaded.Remote = nil
	got := plan(newWorld(), wanted(t, "rpm", "b", "el/b"), wanted(t, "deb", "a", "deb/a"), uploaded)
	want := []string{
		"create remote b", "create repository b", "create distribution b",
		"create remote a", "create repository a", "create distribution a",
		"create repository c", "create distribution c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCreatedFields(t *testing.T) {
	w := wanted(t, "deb", "a", "deb/a")
	w.Primary = "primary-1"
	changes := Plan([]Want{w}, newWorld().picture(), nil, fingerprint)
	var bodies []map[string]any
	for _, c := range changes {
		bodies = append(bodies, c.Fields)
		if !c.Create() || c.Source != "a.json" || c.Type.Name != "deb" {
			t.Errorf("%s: create %v, source %q, type %s", c, c.Create(), c.Source, c.Type.Name)
		}
	}
	owner := map[string]string{OwnerLabel: "pulp"}
	want := []map[string]any{
		// No null is sent: older versions do not know every field.
		{"name": "a", "url": "http://one/a/", "policy": "immediate", "pulp_labels": map[string]string{OwnerLabel: "pulp", PrimaryLabel: "primary-1"}},
		{"name": "a", "description": "about a", "remote": nil, "pulp_labels": owner},
		{"name": "a", "base_path": "deb/a", "repository": nil, "pulp_labels": owner},
	}
	if diff := cmp.Diff(want, bodies); diff != "" {
		t.Error(diff)
	}
	pinned := w
	pinned.Follows = false
	if _, ok := Plan([]Want{pinned}, newWorld().picture(), nil, fingerprint)[2].Fields["repository"]; ok {
		t.Error("a distribution that is pinned later names the repository, and would serve what nobody looked at")
	}
}

func TestConflicts(t *testing.T) {
	a := wanted(t, "deb", "a", "deb/a")
	at := func(kind fleet.RepositoryType, name, path string) Want { return wanted(t, kind, name, path) }
	for _, test := range []struct {
		what  string
		have  *world
		wants []Want
		text  string // of the last one; empty: none
	}{
		{"wanted twice", newWorld(), []Want{a, at("deb", "a", "other")}, "a: the name is wanted twice: also by a.json"},
		{"wanted twice with another type", newWorld(), []Want{a, at("rpm", "a", "other")}, "a: the name is wanted twice: also by a.json"},
		{"there with another type", made(t, a), []Want{at("rpm", "a", "other")}, "a: the server has a deb repository"},
		{"path wanted twice", newWorld(), []Want{a, at("rpm", "b", "deb/a")}, `b: base path "deb/a" is taken by distribution a`},
		{"path taken", made(t, a), []Want{at("rpm", "b", "deb/a")}, `b: base path "deb/a" is taken by distribution a`},
		{"below a wanted one", newWorld(), []Want{a, at("rpm", "b", "deb/a/x/y")}, `b: base path "deb/a/x/y" lies below "deb/a" of distribution a`},
		{"below one that is there", made(t, a), []Want{at("rpm", "b", "deb/a/x")}, `b: base path "deb/a/x" lies below "deb/a" of distribution a`},
		{"above a wanted one", newWorld(), []Want{a, at("rpm", "b", "deb")}, `b: base path "deb" lies above that of distribution a`},
		{"above one that is there", made(t, a), []Want{at("rpm", "b", "deb")}, `b: base path "deb" lies above that of distribution a`},
		{"a move below itself", made(t, a), []Want{at("deb", "a", "deb/a/x")}, ""},
		{"a move above itself", made(t, a), []Want{at("deb", "a", "deb")}, ""},
		{"a longer name beside it", made(t, a), []Want{at("deb", "b", "deb/ab")}, ""},
		{"a place that becomes free", made(t, a), []Want{at("deb", "a", "new"), at("deb", "b", "deb/a")}, ""},
		{"a place that becomes free, asked for first", made(t, a), []Want{at("deb", "b", "deb/a"), at("deb", "a", "new")}, ""},
		{"a place below one that becomes free", made(t, a), []Want{at("deb", "b", "deb/a/x"), at("deb", "a", "new")}, ""},
		{"a place that is left by one that cannot leave", made(t, a, at("rpm", "c", "new")), []Want{at("deb", "b", "deb/a"), at("deb", "a", "new")}, `a: base path "new" is taken by distribution c`},
		{"a place that is left for one below", made(t, a), []Want{at("deb", "b", "deb/a"), at("deb", "a", "deb/a/x")}, `b: base path "deb/a" is taken by distribution a`},
		{"changed places", made(t, a, at("deb", "b", "deb/b")), []Want{at("deb", "a", "deb/b"), at("deb", "b", "deb/a")}, `b: base path "deb/a" is still that of a, which cannot leave first`},
		{"other letters", made(t, a), []Want{at("deb", "b", "deb/A")}, ""},
		{"above itself and another", made(t, a, at("deb", "b", "deb/b")), []Want{at("deb", "a", "deb")}, `a: base path "deb" lies above that of distribution b`},
	} {
		got := plan(test.have, test.wants...)
		last := ""
		for _, c := range Plan(test.wants, test.have.picture(), test.have.known, fingerprint) {
			if c.Conflict == "" {
				continue
			}
			last = c.String()
			if c.Create() || c.Href != "" || c.Fields != nil || c.Secrets != nil {
				t.Errorf("%s: a conflict that would be sent: %+v", test.what, c)
			}
		}
		if !strings.HasPrefix(last, test.text) || (last == "") != (test.text == "") {
			t.Errorf("%s: %q of %q, want %q", test.what, last, got, test.text)
		}
	}
	lacking := newWorld()
	lacking.plugins = []string{"core", "rpm"}
	if got := plan(lacking, a, at("rpm", "b", "b")); len(got) != 4 || !strings.Contains(got[0], "lacks Pulp's plugin for deb") {
		t.Errorf("without the plugin: %q", got)
	}
}

// D67: a remote is not written on every run because it has secrets.
func TestSecretsAreSentWhenTheyChange(t *testing.T) {
	w := wanted(t, "deb", "a", "a")
	w.Secrets = map[string]fleet.Secret{"password": fleet.NewSecret("one"), "username": fleet.NewSecret("me")}
	with := func(change func(secrets map[string]fleet.Secret)) Want {
		c := w
		c.Secrets = maps.Clone(w.Secrets)
		change(c.Secrets)
		return c
	}
	const update = "update remote a: "
	for _, test := range []struct {
		what string
		have func(*world)
		want Want
		text string
	}{
		{"nothing new", func(*world) {}, w, ""},
		{"changed", func(*world) {}, with(func(s map[string]fleet.Secret) { s["password"] = fleet.NewSecret("two") }), update + "password (secret)"},
		{"one more", func(*world) {}, with(func(s map[string]fleet.Secret) { s["client_key"] = fleet.NewSecret("key") }), update + "client_key (secret)"},
		{"cleared in Pulp", func(h *world) { delete(h.remotes["a"].secrets, "password") }, w, update + "password (secret)"},
		{"not known to have been sent", func(h *world) { delete(h.known, "a/password") }, w, update + "password (secret)"},
		{"not wanted any more", func(*world) {}, with(func(s map[string]fleet.Secret) { delete(s, "password") }), update + "password (secret)"},
		{
			"not wanted any more, and cleared in Pulp", func(h *world) { delete(h.remotes["a"].secrets, "password") },
			with(func(s map[string]fleet.Secret) { delete(s, "password") }), "",
		},
		{"set by hand after we cleared it", func(h *world) {
			h.known["a/client_key"], h.remotes["a"].secrets["client_key"] = fingerprint(fleet.Secret{}), "theirs"
		}, w, ""},
		{"somebody else's", func(h *world) { h.remotes["a"].secrets["client_key"] = "theirs" }, w, ""},
		{"of another remote", func(h *world) { h.known["b/client_key"] = "x"; h.remotes["a"].secrets["client_key"] = "theirs" }, w, ""},
	} {
		have := made(t, w)
		test.have(have)
		got := plan(have, test.want)
		if strings.Join(got, ";") != test.text {
			t.Errorf("%s: %q, want %q", test.what, got, test.text)
		}
		if strings.Contains(strings.Join(got, ";"), "one") {
			t.Errorf("%s: a plan shows a secret: %q", test.what, got)
		}
		if err := have.apply(Plan([]Want{test.want}, have.picture(), have.known, fingerprint)); err != nil {
			t.Fatal(err)
		}
		if again := plan(have, test.want); len(again) > 0 {
			t.Errorf("%s: sent again: %q", test.what, again)
		}
	}
	cleared := made(t, w)
	for _, c := range Plan([]Want{with(func(s map[string]fleet.Secret) { clear(s) })}, cleared.picture(), cleared.known, fingerprint) {
		for field, secret := range c.Secrets {
			if !secret.Empty() {
				t.Errorf("%s is not cleared but %q", field, secret.Reveal())
			}
		}
	}
}

// Where a definition has no certificate of its own any more, the common one goes in its place.
func TestOwnCertificateGoes(t *testing.T) {
	const root = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----"
	for _, common := range []any{nil, root} {
		w := wanted(t, "deb", "a", "a")
		w.Remote["ca_cert"] = common
		w.Secrets = map[string]fleet.Secret{
			"ca_cert":     fleet.NewSecret("-----BEGIN CERTIFICATE-----\nown\n-----END CERTIFICATE-----"),
			"client_cert": fleet.NewSecret("-----BEGIN CERTIFICATE-----\nclient\n-----END CERTIFICATE-----"),
		}
		have := made(t, w)
		w.Secrets = nil
		if err := have.apply(Plan([]Want{w}, have.picture(), have.known, fingerprint)); err != nil {
			t.Fatal(err)
		}
		if got := have.remotes["a"].fields; got["ca_cert"] != common || got["client_cert"] != nil {
			t.Errorf("%v: %v", common, got)
		}
		if again := plan(have, w); len(again) > 0 {
			t.Errorf("%v: and again: %q", common, again)
		}
	}
}

// A certificate from a definition's secrets is not taken away again by the common one, or by none.
func TestOwnCertificateStays(t *testing.T) {
	for _, common := range []any{nil, "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----"} {
		w := wanted(t, "deb", "a", "a")
		w.Remote["ca_cert"] = common
		w.Secrets = map[string]fleet.Secret{"ca_cert": fleet.NewSecret("-----BEGIN CERTIFICATE-----\nown\n-----END CERTIFICATE-----\n")}
		have := made(t, w)
		if got := have.remotes["a"].fields["ca_cert"]; got != w.Secrets["ca_cert"].Reveal() {
			t.Errorf("%v: ca_cert is %v", common, got)
		}
		have.remotes["a"].fields["ca_cert"] = "-----BEGIN CERTIFICATE-----\nanother\n-----END CERTIFICATE-----"
		if got := plan(have, w); !slices.Equal(got, []string{"update remote a: ca_cert (secret)"}) {
			t.Errorf("%v: changed by hand: %q", common, got)
		}
	}
}

func TestLabelsOfOthersStay(t *testing.T) {
	w := wanted(t, "deb", "a", "a")
	have := made(t, w)
	for _, n := range []Noun{Remote, Repository, Distribution} {
		o := have.objects(n)["a"]
		o.labels = map[string]string{"team": "web", PrimaryLabel: "primary-1"}
	}
	for _, c := range Plan([]Want{w}, have.picture(), have.known, fingerprint) {
		want := map[string]string{"team": "web", OwnerLabel: "pulp", PrimaryLabel: "primary-1"}
		if c.Noun == Remote {
			delete(want, PrimaryLabel) // it is not a mirror's any more
		}
		if diff := cmp.Diff(map[string]any{"pulp_labels": want}, c.Fields); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
	}
	w.Primary = "primary-2"
	if got := Plan([]Want{w}, have.picture(), have.known, fingerprint)[0].Fields["pulp_labels"]; !cmp.Equal(got, map[string]string{
		"team": "web", OwnerLabel: "pulp", PrimaryLabel: "primary-2",
	}) {
		t.Errorf("a mirror's labels are %v", got)
	}
	if w.Labels[PrimaryLabel] != "" {
		t.Error("the wanted labels were changed")
	}
}

func TestDistributionFollowsAgain(t *testing.T) {
	w := wanted(t, "deb", "a", "a")
	have := made(t, w)
	delete(have.distributions["a"].fields, "repository")
	have.distributions["a"].fields["publication"] = "/publications/1/"
	changes := Plan([]Want{w}, have.picture(), have.known, fingerprint)
	// Pulp takes at most one of them, and refuses one while another is set.
	if len(changes) != 1 || !cmp.Equal(changes[0].Fields, map[string]any{"repository": nil, "publication": nil}) {
		t.Errorf("%+v", changes)
	}
	w.Follows = false
	if got := plan(have, w); len(got) > 0 {
		t.Errorf("what a pinned distribution serves is left alone: %q", got)
	}
}

// A remote that two repositories name would be set one way and the other for ever.
func TestSharedRemote(t *testing.T) {
	a, b := wanted(t, "deb", "a", "a"), wanted(t, "deb", "b", "b")
	have := made(t, a, b)
	have.repositories["b"].fields["remote"] = "a"
	have.remotes["b"].fields["url"] = "http://old/"
	if got := plan(have, a, b); !slices.Equal(got, []string{"update remote b: url", "update repository b: remote"}) {
		t.Errorf("%q", got)
	}
	delete(have.remotes, "b")
	if got := plan(have, a, b); !slices.Equal(got, []string{"create remote b", "update repository b: remote"}) {
		t.Errorf("%q", got)
	}
}
