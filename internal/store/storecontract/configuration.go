// SPDX-License-Identifier: Apache-2.0

package storecontract

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var configurations = []contract{
	{name: "a configuration is applied and read back", check: configurationReadBack},
	{name: "the same configuration again changes nothing", check: configurationUnchanged},
	{name: "optional keys that are removed are cleared", check: configurationCleared},
	{name: "a removed server is a tombstone that a return revives", check: configurationTombstone},
	{name: "a server named as a primary cannot be removed", check: configurationPrimary},
	{name: "an unknown primary or group is refused", check: configurationUnknown},
	{name: "many removals at once need a word", check: configurationRemovals},
	{name: "schedules follow the configuration", check: configurationSchedules},
	{name: "processes that apply at once do not clash", check: configurationRace},
}

// full is a configuration with every field set.
func full(hash string) fleet.Configuration {
	c := config(hash, "primary.test", "secondary.test:8080")
	c.Groups[0].Exclude = "^snap-"
	s := &c.Servers[1].Server
	*s = fleet.Server{
		Name: s.Name, Username: "sync", CredentialMount: "service", Password: "env:PULP_PASSWORD", URL: "https://api.test",
		ContentOrigin: "https://content.test", MirrorURL: "https://mirror.test", Domain: "blue", Description: "the second",
		SnapshotSupported: true, MaxConcurrentSnapshots: 3,
		Registration: &fleet.Registration{Schedule: "0 1 * * *", MaxRuntime: "1h", Include: "^ext-", Exclude: "old"},
	}
	c.Servers[1].Groups[0].Schedule = "0 2 * * *"
	next := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
	c.Schedules = []fleet.ConfiguredSchedule{
		{ServerName: s.Name, GroupName: "all", Schedule: fleet.Schedule{
			Kind: fleet.KindRepoGroupSync, Cron: "0 2 * * *", TaskName: "repo sync " + string(s.Name),
			Args: []byte(`{"name":"secondary.test:8080"}`), MaxRuntime: 2 * time.Hour, NextRun: next,
		}},
		{ServerName: s.Name, Schedule: fleet.Schedule{
			Kind: fleet.KindRegister, Cron: "0 1 * * *", TaskName: string(s.Name) + " repo registration", MaxRuntime: time.Hour, NextRun: next,
		}},
	}
	return c
}

func configurationReadBack(w *world) {
	c := full("one")
	done, err := w.Apply(w.ctx, c, false)
	w.ok(err)
	if diff := cmp.Diff([]fleet.ServerName{"primary.test", "secondary.test:8080"}, done.Added); diff != "" || len(done.Changed)+len(done.Removed) > 0 {
		w.Errorf("applied %+v", done)
	}
	s := value(w.ServerByName(w.ctx, "secondary.test:8080"))(w)
	want := c.Servers[1].Server
	ignored := cmpopts.IgnoreFields(fleet.Server{}, "ID", "Created", "Updated")
	if diff := cmp.Diff(want, s, ignored); diff != "" {
		w.Errorf("server (-want +got):\n%s", diff)
	}
	if s.Created.IsZero() || s.Created.Location() != time.UTC || time.Since(s.Created).Abs() > time.Hour {
		w.Errorf("created %v", s.Created)
	}
	groups := value(w.FindServerGroups(w.ctx, s.ID, fleet.Query{Page: 1, Size: 10}))(w)
	g := value(w.ServerGroup(w.ctx, s.ID, groups.Items[0].Group.ID))(w)
	want2 := fleet.ServerGroup{
		Server: s.ID, Group: fleet.Group{ID: g.Group.ID, Name: "all", Include: ".*", Exclude: "^snap-"}, Primary: "primary.test",
		Schedule: "0 2 * * *", MaxConcurrentSyncs: 2, MaxRuntime: "2h",
	}
	if diff := cmp.Diff(want2, g, cmpopts.IgnoreFields(fleet.ServerGroup{}, "Created", "Updated")); diff != "" || groups.Total != 1 {
		w.Errorf("group (-want +got):\n%s", diff)
	}
	w.is(second(w.ServerGroup(w.ctx, s.ID, 99)), fault.NotFound)
	if hash := value(w.InForce(w.ctx))(w); hash != "one" {
		w.Errorf("in force: %q", hash)
	}
}

func second[T any](_ T, err error) error { return err }

func configurationUnchanged(w *world) {
	if hash := value(w.InForce(w.ctx))(w); hash != "" {
		w.Errorf("in force before any was applied: %q", hash)
	}
	w.ok(second(w.Apply(w.ctx, full("one"), false)))
	before := value(w.ServerByName(w.ctx, "secondary.test:8080"))(w)
	if done := value(w.Apply(w.ctx, full("one"), false))(w); !done.Unchanged {
		w.Errorf("the same hash: %+v", done)
	}
	done := value(w.Apply(w.ctx, full("two"), false))(w)
	if done.Unchanged || len(done.Added)+len(done.Changed)+len(done.Removed) > 0 {
		w.Errorf("another hash, the same servers: %+v", done)
	}
	if after := value(w.ServerByName(w.ctx, "secondary.test:8080"))(w); !cmp.Equal(before, after) {
		w.Errorf("the server was written although nothing changed:\n%s", cmp.Diff(before, after))
	}
}

// D7: the original kept what the file no longer says.
func configurationCleared(w *world) {
	w.ok(second(w.Apply(w.ctx, full("one"), false)))
	c := config("two", "primary.test", "secondary.test:8080")
	c.Servers[1].Groups[0].Primary = ""
	done := value(w.Apply(w.ctx, c, false))(w)
	if diff := cmp.Diff([]fleet.ServerName{"primary.test", "secondary.test:8080"}, done.Changed); diff != "" { // both have the group
		w.Errorf("changed (-want +got):\n%s", diff)
	}
	s := value(w.ServerByName(w.ctx, "secondary.test:8080"))(w)
	want := fleet.Server{ID: s.ID, Name: s.Name, Username: "admin", Created: s.Created, Updated: s.Updated}
	if diff := cmp.Diff(want, s); diff != "" {
		w.Errorf("server (-want +got):\n%s", diff)
	}
	groups := value(w.FindServerGroups(w.ctx, s.ID, fleet.Query{Page: 1, Size: 10}))(w)
	if g := groups.Items[0]; g.Primary != "" || g.Schedule != "" || g.Group.Exclude != "" {
		w.Errorf("group %+v", g)
	}
	if left := value(w.FindSchedules(w.ctx, s.ID))(w); len(left) != 0 { // D10
		w.Errorf("schedules %+v", left)
	}
	if !s.Updated.After(s.Created) {
		w.Errorf("created %v, updated %v", s.Created, s.Updated)
	}
}

func configurationTombstone(w *world) {
	w.ok(second(w.Apply(w.ctx, full("one"), false)))
	before := value(w.ServerByName(w.ctx, "secondary.test:8080"))(w)
	repos := w.mirrored(before.ID, "a")
	done := value(w.Apply(w.ctx, config("two", "primary.test"), false))(w)
	if diff := cmp.Diff(fleet.Applied{Removed: []fleet.ServerName{before.Name}, Changed: []fleet.ServerName{"primary.test"}}, done); diff != "" {
		w.Errorf("applied (-want +got):\n%s", diff)
	}
	w.is(second(w.ServerByName(w.ctx, before.Name)), fault.NotFound)
	if gone := value(w.Server(w.ctx, before.ID))(w); gone.Removed.IsZero() {
		w.Errorf("the tombstone has no date: %+v", gone)
	}
	if all := value(w.FindServers(w.ctx, fleet.Query{Page: 1, Size: 10}))(w); all.Total != 1 || len(all.Items) != 1 {
		w.Errorf("listed: %+v", all)
	}
	if left := value(w.FindSchedules(w.ctx, 0))(w); len(left) != 0 { // D10
		w.Errorf("schedules of a removed server: %+v", left)
	}
	if all := value(w.FindRepositories(w.ctx, 0, fleet.Query{Page: 1, Size: 10}))(w); all.Total != 0 {
		w.Errorf("repositories of a removed server are listed: %+v", all)
	}
	done = value(w.Apply(w.ctx, full("three"), false))(w)
	if !slices.Equal(done.Added, []fleet.ServerName{before.Name}) {
		w.Errorf("back again: %+v", done)
	}
	after := value(w.ServerByName(w.ctx, before.Name))(w)
	if after.ID != before.ID || !after.Removed.IsZero() {
		w.Errorf("back again: %+v", after)
	}
	if r := value(w.RepositoryByID(w.ctx, repos[0].ID))(w); r.Server != before.ID {
		w.Errorf("repository %+v", r)
	}
}

// D9: the original never got over this.
func configurationPrimary(w *world) {
	w.servers("primary.test", "secondary.test")
	c := config("two", "primary.test", "secondary.test")
	c.Servers = c.Servers[1:]
	_, err := w.Apply(w.ctx, c, true)
	w.is(err, fault.Invalid)
	if msg := fault.Message(err); !strings.Contains(msg, "primary.test") || !strings.Contains(msg, "secondary.test") {
		w.Errorf("the message does not name both: %q", msg)
	}
	if hash := value(w.InForce(w.ctx))(w); hash == "two" {
		w.Error("a refused configuration is in force")
	}
}

// D6: the original stopped with a key error.
func configurationUnknown(w *world) {
	c := config("one", "primary.test", "secondary.test")
	c.Servers[1].Groups[0].Primary = "nobody.test"
	w.is(second(w.Apply(w.ctx, c, false)), fault.Invalid)
	c = config("one", "primary.test")
	c.Groups = nil
	w.is(second(w.Apply(w.ctx, c, false)), fault.Invalid)
	if all := value(w.FindServers(w.ctx, fleet.Query{Size: 0}))(w); all.Total != 0 {
		w.Errorf("a refused configuration left %d servers", all.Total)
	}
}

func configurationRemovals(w *world) {
	names := []fleet.ServerName{"s1.test", "s2.test", "s3.test", "s4.test", "s5.test", "s6.test"}
	w.servers(names...)
	w.is(second(w.Apply(w.ctx, config("three of six", names[:3]...), false)), fault.Conflict)
	w.is(second(w.Apply(w.ctx, fleet.Configuration{Hash: "none"}, false)), fault.Conflict)
	w.ok(second(w.Apply(w.ctx, config("two of six", names[:4]...), false)))
	w.ok(second(w.Apply(w.ctx, config("three of four", names[:1]...), false)))
	w.is(second(w.Apply(w.ctx, fleet.Configuration{Hash: "none"}, false)), fault.Conflict)
	w.is(second(w.Apply(w.ctx, config("another", "other.test"), false)), fault.Conflict)
	done := value(w.Apply(w.ctx, fleet.Configuration{Hash: "none"}, true))(w)
	if !slices.Equal(done.Removed, names[:1]) {
		w.Errorf("removed %v", done.Removed)
	}
	w.ok(second(w.Apply(w.ctx, fleet.Configuration{Hash: "still none"}, false)))
}

func configurationSchedules(w *world) {
	c := full("one")
	w.ok(second(w.Apply(w.ctx, c, false)))
	all := value(w.FindSchedules(w.ctx, 0))(w)
	if len(all) != 2 || all[0].Group == 0 || all[1].Group != 0 {
		w.Fatalf("schedules %+v", all)
	}
	want := c.Schedules[0].Schedule
	want.ID, want.Server, want.Group = all[0].ID, all[0].Server, all[0].Group
	want.Overlap, want.Missed, want.NextDue = fleet.OverlapSkip, fleet.MissedOnce, want.NextRun
	if diff := cmp.Diff(want, all[0]); diff != "" {
		w.Errorf("schedule (-want +got):\n%s", diff)
	}
	moved := want.NextRun.Add(time.Hour)
	if !w.fire(all[0], moved, nil, "busy") {
		w.Fatal("not fired")
	}

	c.Hash = "the same cron text, calculated again"
	c.Schedules[0].Schedule.NextRun = want.NextRun.Add(24 * time.Hour)
	c.Schedules[0].Schedule.MaxRuntime = 3 * time.Hour
	w.ok(second(w.Apply(w.ctx, c, false)))
	got := value(w.FindSchedules(w.ctx, 0))(w)[0]
	if !got.NextRun.Equal(moved) || got.MaxRuntime != 3*time.Hour || got.LastRun.IsZero() || got.LastOutcome != "busy" || got.ID != want.ID {
		w.Errorf("with the same cron text: %+v", got)
	}
	c.Hash, c.Schedules[0].Schedule.Cron = "another cron text", "0 5 * * *"
	w.ok(second(w.Apply(w.ctx, c, false)))
	got = value(w.FindSchedules(w.ctx, 0))(w)[0]
	if !got.NextRun.Equal(want.NextRun.Add(24*time.Hour)) || got.LastRun.IsZero() {
		w.Errorf("with another cron text: %+v", got)
	}
}

// D11: several processes load the same files when they start.
func configurationRace(w *world) {
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() {
			c := full(fmt.Sprintf("hash %d", i%2))
			errs[i] = second(w.Apply(w.ctx, c, false))
		})
	}
	wait.Wait()
	for _, err := range errs {
		w.ok(err)
	}
	if all := value(w.FindServers(w.ctx, fleet.Query{Page: 1, Size: 10}))(w); all.Total != 2 {
		w.Errorf("%d servers", all.Total)
	}
	if all := value(w.FindSchedules(w.ctx, 0))(w); len(all) != 2 {
		w.Errorf("%d schedules", len(all))
	}
}
