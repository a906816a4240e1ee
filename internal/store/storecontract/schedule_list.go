// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var scheduleLists = []contract{{name: "schedules are listed with the names of what they are about", check: schedulesListed}}

func schedulesListed(w *world) {
	c := config("listed", "a.test", "b.test")
	next := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	c.Schedules = []fleet.ConfiguredSchedule{
		{ServerName: "b.test", Schedule: fleet.Schedule{Kind: fleet.KindRegister, Cron: "0 3 * * *", TaskName: "b.test repo registration", Args: []byte(`{}`), MaxRuntime: time.Hour, NextRun: next}},
		{ServerName: "a.test", GroupName: "all", Schedule: fleet.Schedule{Kind: fleet.KindRepoGroupSync, Cron: "never", TaskName: "repo sync a.test", Args: []byte(`{}`), MaxRuntime: fleet.Unlimited}},
	}
	w.ok(second(w.Apply(w.ctx, c, true)))
	all := value(w.FindSchedules(w.ctx, 0))(w)
	names := []fleet.ServerName{"b.test", "a.test"}
	groups := []string{"", "all"}
	var want []fleet.ListedSchedule
	for i, s := range all {
		want = append(want, fleet.ListedSchedule{Schedule: s, ServerName: names[i], GroupName: groups[i]})
	}
	ask := func(q fleet.Query) []fleet.ListedSchedule {
		page := value(w.FindListedSchedules(w.ctx, q))(w)
		if page.Total != len(page.Items) {
			w.Errorf("%+v: total %d, %d items", q, page.Total, len(page.Items))
		}
		return page.Items
	}
	by := func(field string, op fleet.Op, value any) fleet.Query {
		return fleet.Query{Page: 1, Size: 9, Filters: []fleet.Filter{{Field: field, Op: op, Value: value}}}
	}
	for name, c := range map[string]struct {
		q    fleet.Query
		want []fleet.ListedSchedule
	}{
		"in the order they came": {fleet.Query{Page: 1, Size: 9}, want},
		"by server":              {fleet.Query{Page: 1, Size: 9, Sort: "pulp_server_name"}, []fleet.ListedSchedule{want[1], want[0]}},
		"of a server":            {by("pulp_server_name", fleet.Equal, "a.test"), want[1:]},
		"of servers":             {by("pulp_server_name", fleet.Match, "^B"), want[:1]},
		"of a group":             {by("repo_group_name", fleet.Equal, "all"), want[1:]},
		"of no group":            {by("repo_group_id", fleet.Equal, int64(0)), want[:1]},
		"an hour at most":        {by("max_runtime", fleet.Equal, int64(3600)), want[:1]},
		"unlimited":              {by("max_runtime", fleet.Equal, int64(-1)), want[1:]},
		"to come":                {by("next_run", fleet.AtLeast, next), want[:1]},
	} {
		if diff := cmp.Diff(c.want, ask(c.q)); diff != "" {
			w.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(want[1], value(w.ListedSchedule(w.ctx, want[1].ID))(w)); diff != "" {
		w.Errorf("one (-want +got):\n%s", diff)
	}
	w.is(second(w.ListedSchedule(w.ctx, 99)), fault.NotFound)
}
