// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var queries = []contract{
	{name: "each operator keeps what it says", check: queryOperators},
	{name: "each field of each list can be filtered and sorted by", check: queryFields},
	{name: "what a list cannot do is refused with what it can", check: queryRefused},
	{name: "pages of any list are stable and complete", check: queryPages}, // D31, D32, D33
	{name: "absent values come first", check: queryAbsent},
	{name: "a query of size 0 gives the total", check: queryTotal},
}

// names gives the names of the repositories that filters keep, by id.
func (w *world) kept(filters ...fleet.Filter) string {
	w.Helper()
	page := value(w.FindRepositories(w.ctx, 0, fleet.Query{Filters: filters, Page: 1, Size: 100}))(w)
	names := make([]string, len(page.Items))
	for i, r := range page.Items {
		names[i] = r.Name
	}
	if page.Total != len(names) {
		w.Errorf("total %d, %d items", page.Total, len(names))
	}
	return strings.Join(names, " ")
}

func queryOperators(w *world) {
	server := w.servers("a.test")[0]
	all := w.mirrored(server, "ext-deb", "ext-rpm", "EXT-file", "int_100%", "intx100y", `back\slash`)
	ids := map[string]int64{}
	for _, r := range all {
		ids[r.Name] = int64(r.ID)
	}
	w.ok(w.SetHealth(w.ctx, map[fleet.RepositoryID]fleet.Health{fleet.RepositoryID(ids["ext-deb"]): fleet.Green}))
	mid := ids["ext-rpm"]
	by := func(op fleet.Op) string {
		var names []string
		for _, r := range all {
			c := cmp.Compare(int64(r.ID), mid)
			if map[fleet.Op]bool{fleet.Less: c < 0, fleet.AtMost: c <= 0, fleet.Greater: c > 0, fleet.AtLeast: c >= 0}[op] {
				names = append(names, r.Name)
			}
		}
		slices.SortFunc(names, func(a, b string) int { return cmp.Compare(ids[a], ids[b]) })
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		filter fleet.Filter
		want   string
	}{
		{fleet.Filter{Field: "name", Value: "ext-deb"}, "ext-deb"},
		{fleet.Filter{Field: "name", Value: "EXT-DEB"}, ""},
		{fleet.Filter{Field: "name", Op: fleet.Like, Value: "ext-%e%"}, "EXT-file ext-deb"},
		{fleet.Filter{Field: "name", Op: fleet.Like, Value: `int\_100\%`}, "int_100%"},
		{fleet.Filter{Field: "name", Op: fleet.Like, Value: "int_100_"}, "int_100% intx100y"},
		{fleet.Filter{Field: "name", Op: fleet.Match, Value: "^ext-(deb|file)$"}, "EXT-file ext-deb"},
		{fleet.Filter{Field: "name", Op: fleet.Match, Value: `\\`}, `back\slash`},
		{fleet.Filter{Field: "name", Op: fleet.Match, Value: "RPM"}, "ext-rpm"},
		{fleet.Filter{Field: "name", Op: fleet.In, Value: []string{"ext-deb", "nothing", "ext-rpm"}}, "ext-deb ext-rpm"},
		{fleet.Filter{Field: "id", Op: fleet.In, Value: []any{ids["ext-rpm"], ids["intx100y"]}}, "ext-rpm intx100y"},
		{fleet.Filter{Field: "name", Op: fleet.In, Value: []any{}}, ""},
		{fleet.Filter{Field: "id", Op: fleet.Less, Value: mid}, by(fleet.Less)},
		{fleet.Filter{Field: "id", Op: fleet.AtMost, Value: mid}, by(fleet.AtMost)},
		{fleet.Filter{Field: "id", Op: fleet.Greater, Value: mid}, by(fleet.Greater)},
		{fleet.Filter{Field: "id", Op: fleet.AtLeast, Value: mid}, by(fleet.AtLeast)},
		{fleet.Filter{Field: "repo_sync_health", Value: "green"}, "ext-deb"},
		{fleet.Filter{Field: "repo_sync_health", Value: fleet.Green}, "ext-deb"},
		{fleet.Filter{Field: "repo_sync_health_id", Value: int64(1)}, "ext-deb"},
		{fleet.Filter{Field: "repo_sync_health_date", Op: fleet.AtLeast, Value: time.Now().Add(-time.Hour)}, "ext-deb"},
		{fleet.Filter{Field: "repo_sync_health_date", Op: fleet.AtLeast, Value: time.Now().Add(time.Hour).In(time.FixedZone("far", -9*3600))}, ""},
		{fleet.Filter{Field: "pulp_server_name", Value: "b.test"}, ""},
	} {
		if got := w.kept(c.filter); sorted(got) != sorted(c.want) {
			w.Errorf("%s__%s=%v keeps %q, want %q", c.filter.Field, c.filter.Op, c.filter.Value, got, c.want)
		}
	}
	both := w.kept(fleet.Filter{Field: "name", Op: fleet.Match, Value: "ext"}, fleet.Filter{Field: "name", Op: fleet.Match, Value: "rpm"})
	if both != "ext-rpm" {
		w.Errorf("two filters keep %q", both)
	}
	supported := fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{{Field: "snapshot_supported", Value: false}}}
	if page := value(w.FindServers(w.ctx, supported))(w); page.Total != 1 {
		w.Errorf("servers without snapshots: %+v", page)
	}
}

func sorted(words string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ")
}

func queryFields(w *world) {
	for name, list := range w.lists() {
		fields := known(w, list)
		for _, want := range strings.Fields(fieldsOf[name]) {
			if !slices.Contains(fields, want) {
				w.Errorf("%s have no field %s", name, want)
			}
		}
		values := []any{"green", "queued", int64(3), true, time.Now()}
		for _, field := range fields {
			for _, desc := range []bool{true, false} {
				if _, _, err := list(fleet.Query{Page: 1, Size: 5, Sort: field, Desc: desc}); err != nil {
					w.Errorf("%s sorted by %s: %v", name, field, err)
				}
			}
			fitting := slices.DeleteFunc(slices.Clone(values), func(v any) bool {
				_, _, err := list(fleet.Query{Page: 1, Size: 5, Filters: []fleet.Filter{{Field: field, Value: v}}})
				return err != nil
			})
			if len(fitting) == 0 {
				w.Errorf("%s take no value for %s", name, field)
				continue
			}
			ops := []fleet.Op{fleet.Less, fleet.AtMost, fleet.Greater, fleet.AtLeast, fleet.In}
			if _, text := fitting[0].(string); text {
				ops = append(ops, fleet.Like, fleet.Match)
			}
			for _, op := range ops {
				given := fitting[0]
				if op == fleet.In {
					given = []any{given, given}
				}
				if _, _, err := list(fleet.Query{Page: 1, Size: 5, Filters: []fleet.Filter{{Field: field, Op: op, Value: given}}}); err != nil {
					w.Errorf("%s filtered by %s__%s: %v", name, field, op, err)
				}
			}
		}
	}
}

func queryRefused(w *world) {
	w.mirrored(w.servers("a.test", "b.test")[1], "r") // so that patterns meet a text
	for name, list := range w.lists() {
		for what, q := range map[string]fleet.Query{
			"unknown sort":     {Sort: "nonsense"},
			"SQL as sort":      {Sort: "id; DROP TABLE tasks"},
			"unknown filter":   {Filters: []fleet.Filter{{Field: "nonsense", Value: "x"}}},
			"wrong type":       {Filters: []fleet.Filter{{Field: "name", Value: int64(1)}}},
			"another type":     {Filters: []fleet.Filter{{Field: "date_created", Value: "yesterday"}}},
			"nothing":          {Filters: []fleet.Filter{{Field: "name"}}},
			"no list":          {Filters: []fleet.Filter{{Field: "name", Op: fleet.In, Value: "x"}}},
			"wrong in a list":  {Filters: []fleet.Filter{{Field: "name", Op: fleet.In, Value: []any{"x", true}}}},
			"unknown operator": {Filters: []fleet.Filter{{Field: "name", Op: "is", Value: "x"}}},
			"a time matched":   {Filters: []fleet.Filter{{Field: "date_created", Op: fleet.Match, Value: time.Now()}}},
			"bad pattern":      {Filters: []fleet.Filter{{Field: "name", Op: fleet.Match, Value: "a("}}},
			"long pattern":     {Filters: []fleet.Filter{{Field: "name", Op: fleet.Match, Value: strings.Repeat("a", 2000)}}},
			"zero byte":        {Filters: []fleet.Filter{{Field: "name", Value: "a\x00b"}}},
			"negative page":    {Page: -1, Size: 5},
			"negative size":    {Page: 1, Size: -5},
		} {
			if _, _, err := list(q); !fault.Is(err, fault.Invalid) {
				w.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
	_, err := w.FindTasks(w.ctx, fleet.Query{Filters: []fleet.Filter{{Field: "state", Value: "finished"}}})
	w.is(err, fault.Invalid)
	if hint := fault.Hint(err); !strings.Contains(hint, "failed_to_start") {
		w.Errorf("hint %q", hint)
	}
}

func queryPages(w *world) {
	server := w.servers("a.test", "b.test")[1]
	names := make([]string, 23)
	for i := range names {
		names[i] = fmt.Sprintf("r%d", i*7%23)
	}
	health := map[fleet.RepositoryID]fleet.Health{}
	for i, r := range w.mirrored(server, names...) {
		if i%3 > 0 {
			health[r.ID] = fleet.Healths[i%3]
		}
	}
	w.ok(w.SetHealth(w.ctx, health))
	for i := range 17 {
		task, lease := w.claimed(fmt.Sprint("worker ", i%4))
		if i%2 == 0 {
			w.move(lease, task.ID, fleet.Completed)
		}
	}
	lists := w.lists()
	fields := map[string][]string{}
	for name, list := range lists {
		fields[name] = append(known(w, list), "")
	}
	rapid.Check(w.T, func(rt *rapid.T) {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(lists))).Draw(rt, "list")
		q := fleet.Query{
			Sort: rapid.SampledFrom(fields[name]).Draw(rt, "sort"), Desc: rapid.Bool().Draw(rt, "desc"),
			Page: 1, Size: 1000,
		}
		total, all, err := lists[name](q)
		if err != nil || len(all) != total {
			rt.Fatalf("%+v: %d of %d, %v", q, len(all), total, err)
		}
		paged := []string{}
		q.Size = rapid.IntRange(1, 9).Draw(rt, "size")
		for q.Page = 1; len(paged) < total; q.Page++ {
			n, items, err := lists[name](q)
			if err != nil || n != total || len(items) == 0 {
				rt.Fatalf("%+v: %d items of %d, %v", q, len(items), n, err)
			}
			paged = append(paged, items...)
		}
		if diff := gocmp.Diff(all, paged); diff != "" {
			rt.Fatalf("%+v: pages are not the list (-list +pages):\n%s", q, diff)
		}
		q.Page = rapid.SampledFrom([]int{q.Page, 1 << 40, math.MaxInt}).Draw(rt, "beyond")
		if _, items, err := lists[name](q); err != nil || len(items) != 0 {
			rt.Fatalf("%+v, beyond the end: %v, %v", q, items, err)
		}
	})
}

func queryAbsent(w *world) {
	queued := w.queued("never started")
	first, _ := w.claimed("a")
	last, _ := w.claimed("b")
	for desc, want := range map[bool][]fleet.TaskID{false: {queued.ID, first.ID, last.ID}, true: {last.ID, first.ID, queued.ID}} {
		page := value(w.FindTasks(w.ctx, fleet.Query{Page: 1, Size: 9, Sort: "date_started", Desc: desc}))(w)
		var got []fleet.TaskID
		for _, t := range page.Items {
			got = append(got, t.ID)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			w.Errorf("desc %v (-want +got):\n%s", desc, diff)
		}
	}
	_, lease := w.claimed("c")
	w.children(lease, newTask("child"))
	roots := value(w.FindTasks(w.ctx, fleet.Query{Filters: []fleet.Filter{{Field: "parent_task_id", Value: int64(0)}}}))(w)
	of := value(w.FindTasks(w.ctx, fleet.Query{Filters: []fleet.Filter{{Field: "parent_task_id", Value: int64(lease.Task)}}}))(w)
	if roots.Total != 4 || of.Total != 1 {
		w.Errorf("%d roots, %d children", roots.Total, of.Total)
	}
}

func queryTotal(w *world) {
	w.servers("a.test", "b.test")
	page := value(w.FindServers(w.ctx, fleet.Query{Sort: "name"}))(w)
	if page.Total != 2 || page.Items == nil || len(page.Items) != 0 {
		w.Errorf("page %+v", page)
	}
}
