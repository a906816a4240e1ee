// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

var fleetLists = []contract{
	{name: "repositories of all servers are listed with their servers' names", check: repositoriesOfAll},
	{name: "what is not as it should be is found on all servers", check: repositoriesDrifted},
	{name: "a large list is read in its order", check: repositoriesMany},
}

// found gives "name@server" of all repositories that a query keeps, in its order.
func (w *world) found(q fleet.Query) string {
	w.Helper()
	q.Page, q.Size = 1, 100
	page := value(w.FindRepositories(w.ctx, 0, q))(w)
	var all []string
	for _, r := range page.Items {
		all = append(all, r.Name+"@"+string(r.ServerName))
	}
	if page.Total != len(all) {
		w.Errorf("%+v: total %d, %d items", q, page.Total, len(all))
	}
	return strings.Join(all, " ")
}

func repositoriesOfAll(w *world) {
	ids := w.servers("a.test", "b.test", "c.test")
	w.mirrored(ids[1], "x", "y")
	w.mirrored(ids[0], "x", "z")
	w.mirrored(ids[2], "x")
	w.mirrored(ids[0], "x") // z is missing there by now
	keep := func(field string, op fleet.Op, value any) fleet.Query {
		return fleet.Query{Filters: []fleet.Filter{{Field: field, Op: op, Value: value}}}
	}
	ask := func(removed string) {
		for _, c := range []struct {
			q    fleet.Query
			want string
		}{
			{fleet.Query{}, "x@b.test y@b.test x@a.test x@c.test"},
			{fleet.Query{Sort: "name", Desc: true}, "y@b.test x@c.test x@a.test x@b.test"},
			{fleet.Query{Sort: "pulp_server_name"}, "x@a.test x@b.test y@b.test x@c.test"},
			{keep("name", fleet.Equal, "x"), "x@b.test x@a.test x@c.test"},
			{keep("name", fleet.Like, "%X%"), "x@b.test x@a.test x@c.test"},
			{keep("name", fleet.Match, "^[yz]"), "y@b.test"},
			{keep("name", fleet.AtLeast, "y"), "y@b.test"},
			{keep("pulp_server_name", fleet.In, []any{"a.test", "c.test"}), "x@a.test x@c.test"},
			{keep("pulp_server_name", fleet.Match, "^(a|c)"), "x@a.test x@c.test"},
			{keep("pulp_server_id", fleet.Equal, int64(ids[1])), "x@b.test y@b.test"},
			{keep("packages", fleet.Equal, int64(0)), ""},
			{keep("packages", fleet.AtMost, int64(9)), ""}, // not counted is not none
		} {
			var want []string
			for _, name := range strings.Fields(c.want) {
				if removed == "" || !strings.HasSuffix(name, removed) {
					want = append(want, name)
				}
			}
			if got := w.found(c.q); got != strings.Join(want, " ") {
				w.Errorf("%+v without %q: %s, want %s", c.q, removed, got, want)
			}
		}
	}
	ask("")
	w.ok(second(w.Apply(w.ctx, config("without c", "a.test", "b.test"), true)))
	ask("c.test")
	if page := value(w.FindRepositories(w.ctx, ids[2], fleet.Query{Page: 1, Size: 9}))(w); page.Total != 0 {
		w.Errorf("of a removed server: %+v", page)
	}
}

func repositoriesDrifted(w *world) {
	ids := w.servers("a.test", "b.test")
	w.mirrored(ids[0], "good", "waiting", "unwanted", "other")
	w.mirrored(ids[1], "waiting")
	w.ok(w.SetAdoptions(w.ctx, ids[0], []string{"waiting"}, []fleet.Adoption{{Name: "waiting", Type: "deb", Hrefs: []string{"/x/"}, Changes: []string{"its label"}}}))
	w.ok(w.SetUnwanted(w.ctx, ids[0], []string{"good", "unwanted"}, []string{"unwanted"}))
	for _, c := range []struct {
		field string
		value bool
		want  string
	}{
		{"drifted", true, "unwanted@a.test waiting@a.test"},
		{"drifted", false, "good@a.test other@a.test waiting@b.test"},
		{"unwanted", true, "unwanted@a.test"},
		{"managed", true, ""},
	} {
		if got := sorted(w.found(fleet.Query{Filters: []fleet.Filter{{Field: c.field, Value: c.value}}})); got != c.want {
			w.Errorf("%s=%v: %s, want %s", c.field, c.value, got, c.want)
		}
	}
	since := fleet.Query{Filters: []fleet.Filter{{Field: "drift_date", Op: fleet.AtLeast, Value: time.Now().Add(-time.Hour)}}}
	if got := w.found(since); got != "unwanted@a.test" {
		w.Errorf("drifted within the hour: %s", got)
	}
}

// A list of more rows than are looked up by name first is read the other way round, with the same result.
func repositoriesMany(w *world) {
	const each = 3000
	ids := w.servers("a.test", "b.test")
	names := make([]string, each)
	for i := range names {
		names[i] = fmt.Sprintf("r%04d", i)
	}
	for _, id := range ids {
		w.mirrored(id, names...)
	}
	for _, c := range []struct {
		pattern string
		total   int
		last    string
	}{{"^r", 2 * each, "r2999@b.test"}, {"^r0", 2000, "r0999@b.test"}} {
		q := fleet.Query{Size: 100, Filters: []fleet.Filter{{Field: "name", Op: fleet.Match, Value: c.pattern}}}
		q.Page = c.total / q.Size
		page := value(w.FindRepositories(w.ctx, 0, q))(w)
		if page.Total != c.total || len(page.Items) != q.Size {
			w.Fatalf("%s: %d of %d", c.pattern, len(page.Items), page.Total)
		}
		if at := page.Items[q.Size-1]; at.Name+"@"+string(at.ServerName) != c.last {
			w.Errorf("%s: the last is %s on %s, want %s", c.pattern, at.Name, at.ServerName, c.last)
		}
	}
}
