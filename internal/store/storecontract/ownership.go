// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var ownership = []contract{
	{name: "how objects were left is stored per server", check: baselines},
	{name: "what waits to be adopted is stored per server", check: adoptions},
	{name: "what nothing wants is marked and unmarked", check: unwanted},
	{name: "drift is stored with the moment it began", check: drift},
}

func baselines(w *world) {
	ids := w.servers("a.test", "b.test")
	many := make([]fleet.Baseline, 1200)
	for i := range many {
		many[i] = fleet.Baseline{Noun: "remote", Name: fmt.Sprintf("r%04d", i), Type: "deb", Href: "/h/", Fields: map[string]any{"url": "x", "n": 1.5, "b": true, "none": nil}}
	}
	w.ok(w.SetBaselines(w.ctx, ids[0], many))
	other := fleet.Baseline{Noun: "repository", Name: "r0000", Type: "deb", Href: "/r/", Fields: map[string]any{}}
	again := many[0]
	again.Href, again.Fields = "/new/", map[string]any{"url": "y"}
	w.ok(w.SetBaselines(w.ctx, ids[0], []fleet.Baseline{again, other}))
	got := value(w.Baselines(w.ctx, ids[0]))(w)
	if len(got) != 1201 || !cmp.Equal(got[fleet.BaselineKey{Noun: "remote", Name: "r0000"}], again) || !cmp.Equal(got[fleet.BaselineKey{Noun: "remote", Name: "r0001"}], many[1]) {
		w.Errorf("%d baselines, first %+v", len(got), got[fleet.BaselineKey{Noun: "remote", Name: "r0000"}])
	}
	w.ok(w.DropBaselines(w.ctx, ids[0], []string{"r0000", "nothing"}))
	if n := len(value(w.Baselines(w.ctx, ids[0]))(w)); n != 1199 {
		w.Errorf("%d baselines are left", n)
	}
	if n := len(value(w.Baselines(w.ctx, ids[1]))(w)); n != 0 {
		w.Errorf("the other server has %d", n)
	}
}

func adoptions(w *world) {
	ids := w.servers("a.test", "b.test")
	w.mirrored(ids[0], "a", "b")
	a := fleet.Adoption{Name: "a", Type: "deb", Hrefs: []string{"/1/", "/2/"}, Changes: []string{"url: x → y", "label: none → z"}}
	w.ok(w.SetAdoptions(w.ctx, ids[0], []string{"a", "b"}, []fleet.Adoption{a, {Name: "b", Type: "rpm", Hrefs: []string{"/3/"}, Changes: []string{"c"}}}))
	first := value(w.Adoptions(w.ctx, ids[0]))(w)
	if len(first) != 2 || !cmp.Equal(first[0].Hrefs, a.Hrefs) || !cmp.Equal(first[0].Changes, a.Changes) || time.Since(first[0].Noticed).Abs() > time.Hour {
		w.Fatalf("waiting: %+v", first)
	}
	if r := value(w.ServerRepositories(w.ctx, ids[0]))(w); !cmp.Equal(r[0].Waiting, a.Changes) || len(r[1].Waiting) != 1 {
		w.Errorf("repositories wait for %q and %q", r[0].Waiting, r[1].Waiting)
	}
	w.ok(w.SetAdoptions(w.ctx, ids[0], []string{"a"}, []fleet.Adoption{a})) // b was not looked at
	if now := value(w.Adoptions(w.ctx, ids[0]))(w); len(now) != 2 || !now[0].Noticed.Equal(first[0].Noticed) {
		w.Errorf("now: %+v", now)
	}
	w.ok(w.SetAdoptions(w.ctx, ids[0], []string{"a"}, nil))
	if now := value(w.Adoptions(w.ctx, ids[0]))(w); len(now) != 1 || now[0].Name != "b" {
		w.Errorf("after a was adopted: %+v", now)
	}
	if others := value(w.Adoptions(w.ctx, ids[1]))(w); len(others) != 0 {
		w.Errorf("the other server's: %+v", others)
	}
}

func unwanted(w *world) {
	ids := w.servers("a.test", "b.test")
	w.mirrored(ids[0], "a", "b", "c")
	w.mirrored(ids[1], "a")
	marked := func(id fleet.ServerID) (names []string) {
		for _, r := range value(w.ServerRepositories(w.ctx, id))(w) {
			if !r.Unwanted.IsZero() {
				names = append(names, r.Name)
			}
		}
		return names
	}
	w.ok(w.SetUnwanted(w.ctx, ids[0], []string{"a", "b", "c"}, []string{"a", "b"}))
	since := value(w.ServerRepositories(w.ctx, ids[0]))(w)[0].Unwanted
	w.ok(w.SetUnwanted(w.ctx, ids[0], []string{"a", "c"}, []string{"a"})) // b was not looked at
	if got := marked(ids[0]); !cmp.Equal(got, []string{"a", "b"}) {
		w.Errorf("marked: %v", got)
	}
	if now := value(w.ServerRepositories(w.ctx, ids[0]))(w)[0].Unwanted; !now.Equal(since) {
		w.Errorf("since %s, then %s", since, now)
	}
	w.ok(w.SetUnwanted(w.ctx, ids[0], []string{"a", "b"}, nil))
	if got := append(marked(ids[0]), marked(ids[1])...); len(got) != 0 {
		w.Errorf("still marked: %v", got)
	}
}

func drift(w *world) {
	id := w.servers("a.test")[0]
	r := w.mirrored(id, "a")[0]
	see := func(texts ...string) fleet.Repository {
		r.Drift = texts
		w.ok(w.Mirror(w.ctx, id, []fleet.Repository{r}, nil))
		return value(w.ServerRepositories(w.ctx, id))(w)[0]
	}
	if !r.DriftDate.IsZero() || len(r.Drift) > 0 || r.Packages != fleet.UnknownPackages {
		w.Errorf("at first: %+v", r)
	}
	first := see("url was changed", "label was\ntaken")
	if !cmp.Equal(first.Drift, []string{"url was changed", "label was taken"}) || first.DriftDate.IsZero() {
		w.Errorf("first: %+v", first)
	}
	r.LatestVersion, r.Packages, r.PackagesVersion, r.Owned, r.BasePath = "/versions/9/", 7, "/versions/9/", true, "x/y"
	if again := see("url was changed", "label was taken"); !again.DriftDate.Equal(first.DriftDate) || again.Packages != 7 || !again.Owned || again.BasePath != "x/y" {
		w.Errorf("again: %+v, first %+v", again, first)
	}
	if other := see("another"); !other.DriftDate.After(first.DriftDate) {
		w.Errorf("another since %s, first %s", other.DriftDate, first.DriftDate)
	}
	r.PackagesVersion = "" // not counted this time: what is known stays
	if none := see(); !none.DriftDate.IsZero() || len(none.Drift) > 0 || none.Packages != 7 {
		w.Errorf("none: %+v", none)
	}
	w.ok(w.SetServed(w.ctx, r.ID, "/versions/9/", "/versions/8/"))
	if set := see(); set.SetVersion != "/versions/8/" {
		w.Errorf("set to serve %q", set.SetVersion)
	}
}
