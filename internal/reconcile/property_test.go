// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// The worlds are small, so that what is wanted and what is there meet in every way.
var (
	names = []string{"a", "b", "c"}
	paths = []string{"a", "a/b", "a/b/c", "b", "b/a", "ab"}
	urls  = []string{"http://one/", "http://two/"}
	certs = []string{"CERT 1", "CERT 2"}
	words = []string{"s1", "s2"}
)

func pick[T any](t *rapid.T, what string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, what)
}

// drawWants draws up to four wanted repositories.
func drawWants(t *rapid.T) []Want {
	types := map[fleet.RepositoryType]content.Type{}
	for _, found := range content.Types() {
		types[found.Name] = found
	}
	var wants []Want
	for i := range rapid.IntRange(0, 4).Draw(t, "wants") {
		w := Want{
			Type: types[pick[fleet.RepositoryType](t, "type", "deb", "rpm", "file")], Name: pick(t, "name", names...), Source: fmt.Sprintf("file %d", i),
			Fields:   map[string]any{"description": pick(t, "description", "", "one", "two")},
			BasePath: pick(t, "path", paths...), Follows: pick(t, "follows", true, false),
			Labels: map[string]string{OwnerLabel: "pulp"},
		}
		if pick(t, "external", true, true, false) {
			w.Remote = map[string]any{
				"url": pick(t, "url", urls...), "policy": pick(t, "policy", "immediate", "on_demand"),
				"ca_cert": pick[any](t, "ca", nil, certs[0]), "sock_read_timeout": pick[any](t, "timeout", nil, 120, 60.5),
			}
			w.Primary = fleet.ServerName(pick(t, "primary", "", "", "primary-1"))
			w.Secrets = map[string]fleet.Secret{}
			for _, field := range []string{"password", "client_key"} {
				if s := pick(t, field, "", words[0], words[1]); s != "" {
					w.Secrets[field] = fleet.NewSecret(s)
				}
			}
			for _, field := range []string{"ca_cert", "client_cert"} {
				if s := pick(t, field+" of its own", "", "", certs[1]); s != "" {
					w.Secrets[field] = fleet.NewSecret(s)
				}
			}
		}
		wants = append(wants, w)
	}
	return wants
}

// drawWorld draws a server as people, older versions and interrupted runs may have left it.
func drawWorld(t *rapid.T) *world {
	w := newWorld()
	if pick(t, "without rpm", false, false, false, true) {
		w.plugins = slices.DeleteFunc(w.plugins, func(p string) bool { return p == "rpm" })
	}
	kinds := []fleet.RepositoryType{"deb", "deb", "rpm", "file"}
	labels := func() map[string]string {
		return maps.Clone(pick(t, "labels", map[string]string{}, map[string]string{"team": "web"},
			map[string]string{OwnerLabel: "pulp", "team": "web"}, map[string]string{OwnerLabel: "old", PrimaryLabel: "primary-2"}))
	}
	has := func(what string, kind fleet.RepositoryType) bool {
		return pick(t, what, true, false) && slices.Contains(w.plugins, string(kind))
	}
	for _, name := range append([]string{"other"}, names...) {
		kind := pick(t, "kind of "+name, kinds...)
		if has("remote "+name, kind) {
			o := &object{kind: kind, fields: map[string]any{}, labels: labels(), secrets: map[string]string{}}
			o.fields["url"] = pick(t, "url", urls...)
			o.fields["policy"] = pick(t, "policy", "immediate", "on_demand")
			if pick(t, "cert", true, false) {
				o.fields["ca_cert"] = pick(t, "ca", certs...)
			}
			if pick(t, "timeout", true, false) {
				o.fields["sock_read_timeout"] = 120.0
			}
			for _, field := range []string{"password", "client_key"} {
				value := pick(t, field, "", words[0], words[1])
				if value != "" {
					o.secrets[field] = value
				}
				// What we remember is what we sent last, or that we never sent any. Pulp may have lost it since.
				if value != "" && pick(t, "known", true, false) {
					w.known[SecretKey(name, field)] = fingerprint(fleet.NewSecret(value))
				} else if value == "" && pick(t, "lost", true, false) {
					w.known[SecretKey(name, field)] = fingerprint(fleet.NewSecret(words[0]))
				}
			}
			w.remotes[name] = o
		}
		if has("repository "+name, kind) {
			o := &object{kind: kind, fields: map[string]any{"description": pick(t, "description", "one", "two")}, labels: labels()}
			linked := pick(t, "linked", "", name, "other")
			if r := w.remotes[linked]; r != nil && r.kind == kind {
				o.fields["remote"] = linked
			}
			w.repositories[name] = o
		}
		if has("distribution "+name, kind) {
			o := &object{kind: kind, fields: map[string]any{"base_path": pick(t, "path", paths...)}, labels: labels()}
			switch served := pick(t, "served", "", "other", name, "publication"); {
			case served == "publication":
				o.fields["publication"] = "/publications/1/"
			case w.repositories[served] != nil:
				o.fields["repository"] = served
			}
			w.distributions[name] = o
			if w.check(Distribution, name) != nil {
				delete(w.distributions, name) // Pulp would not have it
			}
		}
	}
	return w
}

func conflicts(changes []Change) map[int]string {
	found := map[int]string{}
	for i, c := range changes {
		if c.Conflict != "" {
			found[i] = c.Name
		}
	}
	return found
}

// A plan, carried out, makes of any server what is wanted; then there is nothing left to plan.
// Nothing in it is refused by Pulp, and what is not wanted is not touched.
func TestPlanReachesWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, wants := drawWorld(t), drawWants(t)
		before := w.clone()
		first := Plan(wants, w.picture(), w.known, fingerprint)
		left := map[string]bool{} // what the first plan cannot finish
		for _, c := range first {
			if c.Conflict != "" {
				left[c.Name] = true
			}
		}
		plan := first
		for round := 0; len(plan) > len(conflicts(plan)); round++ {
			if err := w.apply(plan); err != nil {
				t.Fatalf("round %d: Pulp refuses %v\n%v", round, err, plan)
			}
			plan = Plan(wants, w.picture(), w.known, fingerprint)
			for _, c := range plan {
				if c.Conflict == "" && !left[c.Name] {
					t.Fatalf("round %d leaves %v\nof %v", round, c, first)
				}
			}
			if round > 5 {
				t.Fatalf("no end: %v", plan)
			}
		}
		stuck := map[string]bool{}
		for _, name := range conflicts(plan) {
			stuck[name] = true
		}
		wanted := map[string]bool{}
		for _, want := range wants {
			wanted[want.Name] = true
			if stuck[want.Name] {
				continue
			}
			if want.Remote == nil && w.linked(want.Name) != before.linked(want.Name) { // D69, D93
				t.Fatalf("%s has a feed of nobody's wish: %q\n%v", want.Name, w.linked(want.Name), first)
			}
			if why := w.wrong(want); why != "" {
				t.Fatalf("%s %s (%s): %s\n%v", want.Type.Name, want.Name, want.Source, why, first)
			}
		}
		for _, n := range []Noun{Remote, Repository, Distribution} {
			for name, old := range before.objects(n) {
				if !wanted[name] && !reflect.DeepEqual(w.objects(n)[name], old) {
					t.Fatalf("%s %s was not wanted to change: from %+v to %+v\n%v", n, name, old, w.objects(n)[name], first)
				}
				if w.objects(n)[name].labels["team"] != old.labels["team"] {
					t.Fatalf("%s %s lost somebody's label: %v", n, name, w.objects(n)[name].labels)
				}
			}
		}
	})
}
