// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// putGroups adds and changes groups. Each that changed is a change of the servers it is attached to.
func (a *application) putGroups(ctx context.Context) error {
	for _, g := range a.wanted.Groups {
		have, found := a.groups[g.Name]
		want := have
		want.Name, want.Include, want.Exclude = g.Name, g.Include, g.Exclude
		if found && want == have {
			continue
		}
		for _, s := range a.wanted.Servers {
			for _, attached := range s.Groups {
				if attached.Group.Name == g.Name {
					a.changed[string(s.Server.Name)] = true
				}
			}
		}
		if err := a.put(ctx, &want, found); err != nil {
			return err
		}
		a.groups[g.Name] = want
	}
	return nil
}

// put inserts or updates one row at the database's now.
func (a *application) put(ctx context.Context, row any, found bool) error {
	if found {
		_, err := a.NewUpdate().Model(row).ExcludeColumn("date_created").Value("date_last_updated", "?", a.now()).WherePK().Exec(ctx)
		return err
	}
	_, err := a.NewInsert().Model(row).Value("date_created", "?", a.now()).Value("date_last_updated", "?", a.now()).Returning("*").Exec(ctx)
	return err
}

// putServers adds, changes and revives servers, and names the added and revived.
func (a *application) putServers(ctx context.Context) (added []fleet.ServerName, err error) {
	for _, s := range a.wanted.Servers {
		name := string(s.Server.Name)
		have, found := a.servers[name]
		want := newServerRow(s.Server)
		want.ID, want.Health, want.HealthDate, want.Created, want.Updated = have.ID, have.Health, have.HealthDate, have.Created, have.Updated
		if found && want == have {
			continue
		}
		if !found || !have.Removed.IsZero() {
			added = append(added, s.Server.Name)
		} else {
			a.changed[name] = true
		}
		if err := a.put(ctx, &want, found); err != nil {
			return nil, err
		}
		a.servers[name] = want
	}
	return added, nil
}

// putServerGroups makes each server's groups those of the configuration (D7, D8).
func (a *application) putServerGroups(ctx context.Context) error {
	var there []serverGroupRow
	if err := a.NewSelect().Model(&there).Column("sg.*").Scan(ctx); err != nil {
		return err
	}
	type key struct{ server, group int64 }
	old := map[key]serverGroupRow{}
	for _, r := range there {
		old[key{r.ServerID, r.GroupID}] = r
	}
	for _, s := range a.wanted.Servers {
		for _, g := range s.Groups {
			group, ok := a.groups[g.Group.Name]
			if !ok || !a.wants(g.Group.Name) {
				return fault.New(fault.Invalid, "server %s has the group %s, which is not defined", s.Server.Name, g.Group.Name).
					WithHint("define it under repo_groups")
			}
			k := key{a.servers[string(s.Server.Name)].ID, group.ID}
			have, found := old[k]
			delete(old, k)
			want := have
			want.ServerID, want.GroupID, want.Primary, want.Schedule = k.server, k.group, string(g.Primary), g.Schedule
			want.MaxConcurrentSyncs, want.MaxRuntime = g.MaxConcurrentSyncs, g.MaxRuntime
			if found && want == have {
				continue
			}
			a.changed[string(s.Server.Name)] = true
			if err := a.put(ctx, &want, found); err != nil {
				return err
			}
		}
	}
	for _, r := range old {
		for name, s := range a.servers {
			if s.ID == r.ServerID && a.keeps(name) {
				a.changed[name] = true
			}
		}
		if _, err := a.NewDelete().Model(&r).WherePK().Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// wants tells whether the configuration defines a group.
func (a *application) wants(group string) bool {
	for _, g := range a.wanted.Groups {
		if g.Name == group {
			return true
		}
	}
	return false
}

// keeps tells whether the configuration has a server.
func (a *application) keeps(server string) bool {
	for _, s := range a.wanted.Servers {
		if string(s.Server.Name) == server {
			return true
		}
	}
	return false
}

// dropGroups removes groups that the configuration has no more.
func (a *application) dropGroups(ctx context.Context) error {
	var gone []int64
	for name, g := range a.groups {
		if !a.wants(name) {
			gone = append(gone, g.ID)
		}
	}
	return inChunks(gone, func(ids []int64) error {
		_, err := a.NewDelete().Model((*groupRow)(nil)).Where("g.id IN (?)", bun.List(ids)).Exec(ctx)
		return err
	})
}
