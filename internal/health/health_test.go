// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// memory is a store of servers that share their groups and repositories.
type memory struct {
	fleet.Servers
	fleet.Repositories

	servers []fleet.Server
	groups  []fleet.ServerGroup
	rows    map[fleet.ServerID][]fleet.Repository
	broken  fleet.ServerID // whose repositories cannot be read
	writes  int
}

func (m *memory) FindServers(_ context.Context, q fleet.Query) (fleet.Page[fleet.Server], error) {
	from := min((q.Page-1)*q.Size, len(m.servers))
	return fleet.Page[fleet.Server]{Items: m.servers[from:min(from+q.Size, len(m.servers))], Total: len(m.servers)}, nil
}

func (m *memory) FindServerGroups(context.Context, fleet.ServerID, fleet.Query) (fleet.Page[fleet.ServerGroup], error) {
	return fleet.Page[fleet.ServerGroup]{Items: m.groups, Total: len(m.groups)}, nil
}

func (m *memory) ServerRepositories(_ context.Context, id fleet.ServerID) ([]fleet.Repository, error) {
	if id == m.broken {
		return nil, fault.New(fault.Unavailable, "no database")
	}
	return m.rows[id], nil
}

func (m *memory) SetHealth(_ context.Context, healths map[fleet.RepositoryID]fleet.Health) error {
	m.writes++
	for id, h := range healths {
		for _, rows := range m.rows {
			for i := range rows {
				if rows[i].ID == id {
					rows[i].Health = h
				}
			}
		}
	}
	return nil
}

func (m *memory) SetServerHealth(_ context.Context, id fleet.ServerID, h fleet.Health) error {
	m.writes++
	for i := range m.servers {
		if m.servers[i].ID == id {
			m.servers[i].Health = h
		}
	}
	return nil
}

func (m *memory) rater() Rater {
	return Rater{Servers: m, Repositories: m, Log: slog.New(slog.DiscardHandler)}
}

func synced(id fleet.RepositoryID, name string, at time.Time) fleet.Repository {
	return fleet.Repository{ID: id, Name: name, RemoteHref: "/remote/", LastAttempt: at, LastSuccess: at, LastAttemptState: fleet.Completed}
}

// hourly is a fleet of one server whose debs sync each hour, everything else each day.
func hourly() *memory {
	return &memory{
		servers: []fleet.Server{{ID: 1, Name: "pulp-1"}},
		groups: []fleet.ServerGroup{
			{Group: fleet.Group{Name: "all"}, Schedule: "TZ=UTC 0 0 * * *", MaxRuntime: "1h"},
			{Group: fleet.Group{Name: "debs", Include: "^deb"}, Schedule: "TZ=UTC 0 * * * *", MaxRuntime: "30m"},
			{Group: fleet.Group{Name: "by-request"}, MaxRuntime: "-1"},
		},
		rows: map[fleet.ServerID][]fleet.Repository{1: {
			synced(1, "deb-a", noon), synced(2, "rpm-a", noon), {ID: 3, Name: "uploaded"}, {ID: 4, Name: "deb-new", RemoteHref: "/remote/"},
		}},
	}
}

// Health gets worse with time alone: when nothing syncs any more, nothing else would say so.
func TestHealthAges(t *testing.T) {
	m := hourly()
	for _, test := range []struct {
		after    time.Duration
		deb, rpm fleet.Health
		server   fleet.Health
	}{
		{0, fleet.Green, fleet.Green, fleet.Green},
		{3 * time.Hour, fleet.Amber, fleet.Green, fleet.Amber},
		{5 * time.Hour, fleet.Red, fleet.Green, fleet.Red},
		{50 * time.Hour, fleet.Red, fleet.Amber, fleet.Red},
	} {
		if err := m.rater().All(t.Context(), noon.Add(test.after)); err != nil {
			t.Fatal(err)
		}
		var got []fleet.Health
		for _, r := range m.rows[1] {
			got = append(got, r.Health)
		}
		if diff := cmp.Diff([]fleet.Health{test.deb, test.rpm, "", ""}, got); diff != "" {
			t.Errorf("after %v: %s", test.after, diff)
		}
		if m.servers[0].Health != test.server {
			t.Errorf("after %v: server is %q", test.after, m.servers[0].Health)
		}
		before := m.writes
		if err := m.rater().All(t.Context(), noon.Add(test.after)); err != nil || m.writes != before {
			t.Errorf("after %v: looked at again: %d writes, %v", test.after, m.writes-before, err)
		}
	}
}

// A repository that lost its remote has no health any more.
func TestHealthIsForgotten(t *testing.T) {
	m := hourly()
	m.rows[1] = []fleet.Repository{{ID: 1, Name: "deb-a", Health: fleet.Red}}
	m.servers[0].Health = fleet.Red
	if err := m.rater().All(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if m.rows[1][0].Health != "" || m.servers[0].Health != "" {
		t.Errorf("%q, server %q", m.rows[1][0].Health, m.servers[0].Health)
	}
}

func TestOneServerKeepsNoOtherFromBeingRated(t *testing.T) {
	m := hourly()
	m.servers = append([]fleet.Server{{ID: 9, Name: "broken"}}, m.servers...)
	m.broken = 9
	err := m.rater().All(t.Context(), noon)
	if err == nil || !strings.Contains(err.Error(), "server broken: ") {
		t.Errorf("%v", err)
	}
	if m.servers[1].Health != fleet.Green {
		t.Errorf("the other one is %q", m.servers[1].Health)
	}
}

func TestBadGroupIsNamed(t *testing.T) {
	for _, bad := range []fleet.ServerGroup{
		{Group: fleet.Group{Name: "bad", Include: "("}, Schedule: "0 * * * *", MaxRuntime: "1h"},
		{Group: fleet.Group{Name: "bad"}, Schedule: "never", MaxRuntime: "1h"},
		{Group: fleet.Group{Name: "bad"}, Schedule: "0 * * * *", MaxRuntime: "soon"},
	} {
		m := hourly()
		m.groups = append(m.groups, bad)
		if _, err := m.rater().Server(t.Context(), 1, noon); err == nil || !strings.Contains(fault.Message(err), "group bad: ") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestRunLooksNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := hourly()
		ctx, stop := context.WithCancelCause(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.rater().Run(ctx) }()
		<-time.After(Each + time.Second) // by the test's own clock
		synctest.Wait()
		if m.servers[0].Health == "" {
			t.Error("not rated")
		}
		stop(errors.New("enough"))
		<-done
	})
}

func TestExpected(t *testing.T) {
	group := func(server fleet.ServerID, schedule, runtime, include string) fleet.ServerGroup {
		return fleet.ServerGroup{Server: server, Schedule: schedule, MaxRuntime: runtime, Group: fleet.Group{Name: include, Include: include}}
	}
	of := Expected([]fleet.ServerGroup{
		group(1, "0 3 * * *", "2h", "^ext-"), group(1, "0 * * * *", "-1", "^ext-fast"), group(1, "", "1h", "^own-"),
		group(2, "not a schedule", "1h", ".*"), group(3, "0 3 * * *", "2h", "^ext-"),
	}, noon)
	for _, c := range []struct {
		server fleet.ServerID
		name   string
		want   time.Duration
	}{
		{1, "ext-deb", 26 * time.Hour},
		{1, "ext-fast-deb", time.Hour},
		{1, "own-deb", 0},
		{2, "ext-deb", 0},
		{3, "ext-fast-deb", 26 * time.Hour},
		{4, "ext-deb", 0},
	} {
		if got := of(c.server, c.name); got != c.want {
			t.Errorf("server %d, %s: %s, want %s", c.server, c.name, got, c.want)
		}
	}
}
