// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var servers = []contract{
	{name: "a server that is not there is not found", check: serverMissing},
	{name: "a server's health is stored", check: serverHealth},
	{name: "fingerprints of secrets are stored per server", check: fingerprints},
}

var repositories = []contract{
	{name: "mirroring adds, changes, marks missing and revives", check: mirror},
	{name: "mirroring writes nothing when nothing changed", check: mirrorUnchanged},
	{name: "mirroring keeps versions, health and history", check: mirrorKeeps},
	{name: "mirroring leaves what was noted meanwhile", check: mirrorOvertaken},
	{name: "thousands of repositories are mirrored", check: mirrorMany},
	{name: "servers are mirrored at the same time", check: mirrorRace},
	{name: "a name has one id over all servers", check: mirrorNames},
	{name: "a mirror that cannot be is refused", check: mirrorRefused},
	{name: "the health of repositories is stored", check: repositoryHealth},
}

func serverMissing(w *world) {
	w.is(second(w.Server(w.ctx, 5)), fault.NotFound)
	w.is(second(w.ServerByName(w.ctx, "nobody.test")), fault.NotFound)
	w.is(w.SetServerHealth(w.ctx, 5, fleet.Green), fault.NotFound)
	w.is(w.SetServed(w.ctx, 5, "a", "b"), fault.NotFound)
}

func serverHealth(w *world) {
	id := w.servers("a.test")[0]
	if s := value(w.Server(w.ctx, id))(w); s.Health != "" || !s.HealthDate.IsZero() {
		w.Errorf("before: %+v", s)
	}
	w.ok(w.SetServerHealth(w.ctx, id, fleet.Amber))
	if s := value(w.Server(w.ctx, id))(w); s.Health != fleet.Amber || time.Since(s.HealthDate).Abs() > time.Hour {
		w.Errorf("after: %+v", s)
	}
}

func fingerprints(w *world) {
	ids := w.servers("a.test", "b.test")
	w.ok(w.SetFingerprint(w.ctx, ids[0], "ext-foo/password", "f1"))
	w.ok(w.SetFingerprint(w.ctx, ids[0], "ext-foo/password", "f2"))
	w.ok(w.SetFingerprint(w.ctx, ids[0], "ext-foo/client_key", "f3"))
	w.ok(w.SetFingerprint(w.ctx, ids[1], "ext-foo/password", "f4"))
	w.ok(w.SetFingerprint(w.ctx, ids[0], "ext-foo/client_key", ""))
	if got := value(w.Fingerprints(w.ctx, ids[0]))(w); !cmp.Equal(got, map[string]string{"ext-foo/password": "f2"}) {
		w.Errorf("fingerprints %v", got)
	}
}

func mirror(w *world) {
	ids := w.servers("a.test", "b.test")
	w.mirrored(ids[1], "kept", "other")
	first := w.mirrored(ids[0], "gone", "kept", "moved")
	if len(first) != 3 || first[0].Name != "gone" || first[2].Name != "moved" || first[0].Type != "deb" || first[0].RemoteFeed != "http://feed.test/gone" {
		w.Fatalf("first: %+v", first)
	}
	seen := []fleet.Repository{first[1], first[2], {Name: "new", Type: "rpm", Href: "/repositories/new/"}}
	seen[1].Href, seen[1].RemoteHref, seen[1].RemoteFeed, seen[1].DistributionHref = "/elsewhere/", "", "", ""
	w.ok(w.Mirror(w.ctx, ids[0], seen, nil))
	now := value(w.ServerRepositories(w.ctx, ids[0]))(w)
	if len(now) != 3 || !cmp.Equal(now[0], first[1]) || now[1].Href != "/elsewhere/" || now[1].HasRemote() || now[2].Type != "rpm" || now[2].HasRemote() {
		w.Errorf("now: %+v", now)
	}
	if now[1].ID != first[2].ID || !now[1].Updated.After(first[2].Updated) || !now[1].Created.Equal(first[2].Created) {
		w.Errorf("moved: %+v, before %+v", now[1], first[2])
	}
	gone := value(w.RepositoryByID(w.ctx, first[0].ID))(w)
	if gone.Missing.IsZero() || gone.Href != first[0].Href {
		w.Errorf("gone: %+v", gone)
	}
	w.ok(w.Mirror(w.ctx, ids[0], append(seen, first[0]), nil))
	back := value(w.Repository(w.ctx, ids[0], gone.NameID))(w)
	if !back.Missing.IsZero() || back.ID != gone.ID {
		w.Errorf("back: %+v", back)
	}
	if others := value(w.ServerRepositories(w.ctx, ids[1]))(w); len(others) != 2 {
		w.Errorf("the other server's changed: %+v", others)
	}
}

func mirrorUnchanged(w *world) {
	id := w.servers("a.test")[0]
	before := w.mirrored(id, "a", "b")
	if diff := cmp.Diff(before, w.mirrored(id, "b", "a")); diff != "" {
		w.Errorf("rows were written although nothing changed:\n%s", diff)
	}
	gone := func() fleet.Repository {
		w.mirrored(id, "b")
		return value(w.RepositoryByID(w.ctx, before[0].ID))(w)
	}
	if diff := cmp.Diff(gone(), gone()); diff != "" {
		w.Errorf("a missing one was written again:\n%s", diff)
	}
}

// What another run notes while somebody looks at the server is newer than what he saw.
func mirrorOvertaken(w *world) {
	id := w.servers("a.test")[0]
	before := w.mirrored(id, "a", "b", "c")
	seen := slices.Clone(before)
	seen[0].LatestVersion, seen[0].ServedVersion = "/versions/1/", "/versions/1/"
	seen[1].LatestVersion, seen[1].ServedVersion = "/versions/7/", "/versions/7/"
	w.ok(w.SetServed(w.ctx, before[0].ID, "/versions/2/", "/versions/2/"))
	made := fleet.Repository{Name: "made", Type: "rpm", Href: "/repositories/made/"}
	w.ok(w.Mirror(w.ctx, id, append(slices.Clone(value(w.ServerRepositories(w.ctx, id))(w)), made), before)) // by the other run
	w.ok(w.Mirror(w.ctx, id, seen[:2], before))
	now := value(w.ServerRepositories(w.ctx, id))(w)
	if len(now) != 3 || now[2].Name != "made" {
		w.Fatalf("c is gone, and made has come: %+v", now)
	}
	if now[0].LatestVersion != "/versions/2/" || now[0].ServedVersion != "/versions/2/" || now[1].ServedVersion != "/versions/7/" {
		w.Errorf("what was noted since: %+v; what was seen: %+v", now[0], now[1])
	}
}

func mirrorKeeps(w *world) {
	id := w.servers("a.test")[0]
	r := w.mirrored(id, "a")[0]
	w.ok(w.SetServed(w.ctx, r.ID, "/versions/2/", "/versions/1/"))
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{r.ID: fleet.Red}))
	r = w.mirrored(id, "a")[0]
	if r.LatestVersion != "/versions/2/" || r.ServedVersion != "/versions/1/" || r.Health != fleet.Red {
		w.Errorf("after a mirror that knows no versions: %+v", r)
	}
	r.LatestVersion, r.ServedVersion, r.Health = "/versions/3/", "/versions/2/", ""
	w.ok(w.Mirror(w.ctx, id, []fleet.Repository{r}, nil))
	r = value(w.RepositoryByID(w.ctx, r.ID))(w)
	if r.LatestVersion != "/versions/3/" || r.ServedVersion != "/versions/2/" || r.Health != fleet.Red {
		w.Errorf("after a mirror that knows versions: %+v", r)
	}
	r.DistributionHref, r.ServedVersion = "", ""
	w.ok(w.Mirror(w.ctx, id, []fleet.Repository{r}, nil))
	if r = value(w.RepositoryByID(w.ctx, r.ID))(w); r.ServedVersion != "" {
		w.Errorf("nothing serves it: %+v", r)
	}
}

func mirrorMany(w *world) {
	id := w.servers("a.test")[0]
	names := make([]string, 5000)
	for i := range names {
		names[i] = fmt.Sprintf("repository-%04d", i)
	}
	first := w.mirrored(id, names...)
	if len(first) != len(names) {
		w.Fatalf("%d repositories", len(first))
	}
	for j := range first {
		first[j].Href = fmt.Sprintf("/moved/%d/", j)
	}
	w.ok(w.Mirror(w.ctx, id, first[:4000], nil))
	now := value(w.ServerRepositories(w.ctx, id))(w)
	if len(now) != 4000 || now[3999].Href != "/moved/3999/" || now[3999].ID != first[3999].ID {
		w.Errorf("%d repositories, the last %+v", len(now), now[len(now)-1])
	}
}

func mirrorRace(w *world) {
	ids := w.servers("a.test", "b.test", "c.test")
	var wait sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		wait.Go(func() {
			var seen []fleet.Repository
			for j := range 50 {
				seen = append(seen, fleet.Repository{Name: fmt.Sprintf("r%d", (j*7+i)%60), Type: "rpm", Href: fmt.Sprint(j)})
			}
			errs[i] = w.Mirror(w.ctx, ids[i%3], seen, nil)
		})
	}
	wait.Wait()
	for _, err := range errs {
		w.ok(err)
	}
	for _, id := range ids {
		if n := len(value(w.ServerRepositories(w.ctx, id))(w)); n != 50 {
			w.Errorf("server %d has %d repositories", id, n)
		}
	}
}

func mirrorNames(w *world) {
	ids := w.servers("a.test", "b.test")
	a, b := w.mirrored(ids[0], "x", "y"), w.mirrored(ids[1], "y", "z")
	if a[1].NameID != b[0].NameID || a[1].ID == b[0].ID || a[0].NameID == b[1].NameID {
		w.Errorf("names of %+v and %+v", a, b)
	}
	got := value(w.Repository(w.ctx, ids[1], a[1].NameID))(w)
	if diff := cmp.Diff(b[0], got, cmpopts.EquateEmpty()); diff != "" {
		w.Errorf("by name's id (-want +got):\n%s", diff)
	}
	w.is(second(w.Repository(w.ctx, ids[1], a[0].NameID)), fault.NotFound)
	w.is(second(w.RepositoryByID(w.ctx, 999)), fault.NotFound)
}

func mirrorRefused(w *world) {
	id := w.servers("a.test")[0]
	w.is(w.Mirror(w.ctx, 99, nil, nil), fault.NotFound)
	twice := []fleet.Repository{{Name: "a", Type: "rpm"}, {Name: "b", Type: "rpm"}, {Name: "a", Type: "deb"}}
	w.is(w.Mirror(w.ctx, id, twice, nil), fault.Invalid)
	if got := value(w.ServerRepositories(w.ctx, id))(w); len(got) != 0 {
		w.Errorf("a refused mirror left %+v", got)
	}
}

func repositoryHealth(w *world) {
	id := w.servers("a.test")[0]
	all := w.mirrored(id, "a", "b", "c")
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{all[0].ID: fleet.Green, all[1].ID: fleet.Red, all[2].ID: fleet.Red}))
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{all[2].ID: ""}))
	w.ok(w.SetHealth(w.ctx, nil))
	all = value(w.ServerRepositories(w.ctx, id))(w)
	if all[0].Health != fleet.Green || all[1].Health != fleet.Red || all[2].Health != "" || all[0].HealthDate.IsZero() {
		w.Errorf("healths of %+v", all)
	}
}
