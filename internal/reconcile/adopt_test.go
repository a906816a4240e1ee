// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// strip takes our label from an object.
func (w *world) strip(n Noun, name string) { delete(w.objects(n)[name].labels, OwnerLabel) }

// left gives how a world that is as wanted is left, by key.
func (w *world) left(wants ...Want) Baselines {
	known := Baselines{}
	for _, b := range Left(wants, w.picture(), nil) {
		known[fleet.BaselineKey{Noun: b.Noun, Name: b.Name}] = b
	}
	return known
}

func TestSplit(t *testing.T) {
	a, b := wanted(t, "deb", "a", "deb/a"), wanted(t, "deb", "b", "deb/b")
	taken, follows := wanted(t, "deb", "a", "elsewhere"), wanted(t, "deb", "b", "deb/a")
	stripped := func(n Noun, wants ...Want) *world {
		w := made(t, wants...)
		w.strip(n, wants[0].Name)
		return w
	}
	for _, test := range []struct {
		what         string
		have         *world
		known        Baselines
		wants        []Want
		apply, waits string // names
	}{
		{"all is ours", made(t, a), nil, []Want{taken}, "a", ""},
		{"nothing there", newWorld(), nil, []Want{a, b}, "a b", ""},
		{"a repository that is not ours", stripped(Repository, a), nil, []Want{taken, b}, "b", "a"},
		{"a distribution that is not ours", stripped(Distribution, a), nil, []Want{a, b}, "b", "a"},
		{"a remote that is not ours", stripped(Remote, a), nil, []Want{a}, "", "a"},
		{"one that lost its label", stripped(Repository, a), made(t, a).left(a), []Want{a}, "a", ""},
		{"one whose place waits", stripped(Repository, a), nil, []Want{taken, follows}, "b: its base path is still that of a", "a"},
	} {
		plan := Plan(test.wants, test.have.picture(), nil, fingerprint)
		apply, wait := Split(plan, test.have.picture(), test.known)
		if got := strings.Join(namesOf(apply), " "); got != test.apply && !strings.HasPrefix(got, test.apply+",") {
			t.Errorf("%s: applied %q, want %q", test.what, got, test.apply)
		}
		if got := strings.Join(namesOf(wait), " "); got != test.waits {
			t.Errorf("%s: %q wait, want %q", test.what, got, test.waits)
		}
	}
}

// namesOf gives the names of changed repositories, and what is in the way of others.
func namesOf(plan []Change) []string {
	var names []string
	for _, group := range groupsOf(plan) {
		name := group[0].Name
		if group[0].Conflict != "" {
			name = group[0].String()
		}
		names = append(names, name)
	}
	return names
}

// Whatever there is, nothing is applied to what is not ours until it is adopted; what waits is adopted by labels alone,
// and then the plan goes as far as if all had been ours.
func TestNothingOfOthersIsTouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, wants := drawWorld(t), drawWants(t)
		before := w.clone()
		plan := Plan(wants, w.picture(), w.known, fingerprint)
		apply, wait := Split(plan, w.picture(), nil)
		if err := w.apply(apply); err != nil {
			t.Fatalf("Pulp refuses %v\n%v", err, apply)
		}
		for _, n := range []Noun{Remote, Repository, Distribution} {
			for name, old := range before.objects(n) {
				if _, ours := old.labels[OwnerLabel]; !ours && !equal(old, w.objects(n)[name]) {
					t.Fatalf("%s %s is not ours and changed: %+v → %+v\n%v", n, name, old, w.objects(n)[name], apply)
				}
			}
		}
		adopted := Adopt("pulp", Adoptions(wait), w.picture())
		for _, c := range adopted {
			if len(c.Fields) != 1 || c.Fields["pulp_labels"] == nil || c.Secrets != nil {
				t.Fatalf("adoption changes more than labels: %+v", c)
			}
		}
		if err := w.apply(adopted); err != nil {
			t.Fatal(err)
		}
		again := Plan(wants, w.picture(), w.known, fingerprint)
		if _, wait := Split(again, w.picture(), nil); len(wait) > 0 && slices.ContainsFunc(wait, func(c Change) bool {
			return slices.ContainsFunc(adopted, func(a Change) bool { return a.Name == c.Name })
		}) {
			t.Fatalf("still waits after it was adopted: %v", wait)
		}
	})
}

func equal(a, b *object) bool {
	return b != nil && len(differing(a.fields, b.fields))+len(differing(b.fields, a.fields)) == 0 &&
		len(a.labels) == len(b.labels) && len(a.secrets) == len(b.secrets)
}

// What is as wanted and nobody touched has not drifted; each change by somebody else is told, and what overwrites
// it is marked.
func TestDrift(t *testing.T) {
	a := wanted(t, "deb", "a", "deb/a")
	a.Secrets = map[string]fleet.Secret{"password": fleet.NewSecret("s3cret")}
	url := func(w *world) { w.remotes["a"].fields["url"] = "http://user:pw@evil/" }
	for _, test := range []struct {
		what   string
		change func(*world)
		text   string
		blamed string
	}{
		{"nothing", func(*world) {}, "", ""},
		{"the url", url, `url of its remote was changed from "` + a.Remote["url"].(string) + `" to "http://user:xxxxx@evil/"`, "url"},
		{"the base path", func(w *world) { w.distributions["a"].fields["base_path"] = "deb/x" }, `base_path of its distribution was changed from "deb/a" to "deb/x"`, "base_path"},
		{"the link", func(w *world) { delete(w.repositories["a"].fields, "remote") }, `remote of its repository was changed from "its own" to none`, "remote"},
		{"the label", func(w *world) { w.strip(Remote, "a") }, "label pulp_manager was taken from its remote", "label pulp_manager"},
		{"the distribution", func(w *world) { delete(w.distributions, "a") }, "its distribution was deleted", ""},
	} {
		w := made(t, a)
		known := w.left(a)
		test.change(w)
		texts := Drift(w.picture(), known)["a"]
		if got := strings.Join(texts, "; "); got != test.text {
			t.Errorf("%s: %q, want %q", test.what, got, test.text)
		}
		plan := Plan([]Want{a}, w.picture(), w.known, fingerprint)
		Blame(plan, w.picture(), known)
		var blamed []string
		for _, c := range plan {
			blamed = append(blamed, c.ByHand...)
		}
		if got := strings.Join(blamed, " "); got != test.blamed {
			t.Errorf("%s: blamed %q, want %q", test.what, got, test.blamed)
		}
		for _, line := range append(Lines(plan), texts...) {
			if strings.Contains(line, "s3cret") || strings.Contains(line, "pw@") {
				t.Errorf("%s: a secret in %q", test.what, line)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	a := wanted(t, "deb", "a", "deb/a")
	w := made(t, a)
	a.BasePath, a.Secrets = "deb/new", map[string]fleet.Secret{"password": fleet.NewSecret("s3cret")}
	a.Remote["url"] = "http://new/"
	w.strip(Repository, "a")
	w.remotes["a"].fields["url"] = "http://" + strings.Repeat("x", 300)
	got := strings.Join(Lines(Plan([]Want{a}, w.picture(), nil, fingerprint)), "\n")
	for _, part := range []string{
		`remote a: url: "http://xxx`, `x…" → "http://new/"`, "remote a: password: (secret) → (secret)", "repository a: label pulp_manager: none → \"pulp",
		`distribution a: base_path: "deb/a" → "deb/new"`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
}

// Snapshots, what is mirrored, and what is not ours are never left over from a definition.
func TestGone(t *testing.T) {
	a, b, c, d, e := wanted(t, "deb", "a", "a"), wanted(t, "deb", "b", "b"), wanted(t, "deb", "c", "c"), wanted(t, "deb", "d", "d"), wanted(t, "deb", "e", "e")
	c.Primary = "primary"
	w := made(t, a, b, c, d, e)
	w.repositories["d"].labels[SnapshotLabel] = "x"
	w.strip(Repository, "e")
	var gone []string
	for _, r := range Gone(w.picture(), func(name string) bool { return name == "a" }) {
		gone = append(gone, r.Name)
	}
	if !slices.Equal(gone, []string{"b"}) {
		t.Errorf("gone: %v", gone)
	}
	vanished := Vanished(w.picture(), "primary", func(string) bool { return true }, func(string) bool { return false })
	if !slices.Equal(vanished, []string{"c"}) {
		t.Errorf("vanished: %v", vanished)
	}
}
