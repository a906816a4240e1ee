// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// configurationRow is the row of configuration.
type configurationRow struct {
	bun.BaseModel `bun:"table:configuration,alias:cf"`

	ID      int64     `bun:"id,pk"`
	Hash    string    `bun:"hash"`
	Applied time.Time `bun:"applied,nullzero"`
}

// InForce implements fleet.Configurations.
func (s *Store) InForce(ctx context.Context) (string, error) {
	hash, err := inForce(ctx, s.read)
	return hash, s.errors.classify(ctx, err, "read the configuration in force")
}

func inForce(ctx context.Context, db bun.IDB) (string, error) {
	var hashes []string
	err := db.NewSelect().Model((*configurationRow)(nil)).Column("hash").Scan(ctx, &hashes)
	if len(hashes) == 0 {
		return "", err
	}
	return hashes[0], err
}

// Apply implements fleet.Configurations. A server that comes back after it was removed
// has its old id and history again. What a configuration leaves out is cleared, not kept.
func (s *Store) Apply(ctx context.Context, c fleet.Configuration, allowRemovals bool) (fleet.Applied, error) {
	var applied fleet.Applied
	err := s.inTx(ctx, "apply the configuration", func(ctx context.Context, t tx) error {
		applied = fleet.Applied{}
		if err := lockConfiguration(ctx, t); err != nil {
			return err
		}
		hash, err := inForce(ctx, t)
		if err != nil {
			return err
		}
		if applied.Unchanged = hash == c.Hash && hash != ""; applied.Unchanged {
			return nil
		}
		a := &application{tx: t, wanted: c}
		applied, err = a.apply(ctx, allowRemovals)
		return err
	})
	if err != nil {
		return fleet.Applied{}, err
	}
	return applied, nil
}

// lockConfiguration makes processes that apply a configuration wait for each other (D11).
func lockConfiguration(ctx context.Context, t tx) error {
	if t.dialect == SQLite {
		return nil
	}
	_, err := t.NewRaw("SELECT pg_advisory_xact_lock(?)", int64(configurationKey)).Exec(ctx)
	return err
}

// application is one configuration on its way into the tables.
type application struct {
	tx
	wanted  fleet.Configuration
	servers map[string]serverRow // all there are, also removed ones, by name
	groups  map[string]groupRow
	changed map[string]bool // names of servers that something changed of
}

func (a *application) apply(ctx context.Context, allowRemovals bool) (fleet.Applied, error) {
	var done fleet.Applied
	if err := a.read(ctx); err != nil {
		return done, err
	}
	removed := a.removed()
	if err := a.checkPrimaries(removed); err != nil {
		return done, err
	}
	if err := a.checkRemovals(removed, allowRemovals); err != nil {
		return done, err
	}
	steps := []func(context.Context) error{
		a.putGroups,
		func(ctx context.Context) (err error) { done.Added, err = a.putServers(ctx); return err },
		a.putServerGroups,
		a.putSchedules,
		a.dropGroups,
		func(ctx context.Context) error { return a.bury(ctx, removed) },
		a.noteHash,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return done, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.changed)) {
		if !slices.Contains(done.Added, fleet.ServerName(name)) {
			done.Changed = append(done.Changed, fleet.ServerName(name))
		}
	}
	for _, r := range removed {
		done.Removed = append(done.Removed, fleet.ServerName(r.Name))
	}
	return done, nil
}

func (a *application) read(ctx context.Context) error {
	var servers []serverRow
	if err := a.locked(a.NewSelect().Model(&servers), toChange, "s").OrderExpr("s.id").Scan(ctx); err != nil {
		return err
	}
	var groups []groupRow
	if err := a.NewSelect().Model(&groups).Scan(ctx); err != nil {
		return err
	}
	a.servers, a.groups, a.changed = map[string]serverRow{}, map[string]groupRow{}, map[string]bool{}
	for _, r := range servers {
		a.servers[r.Name] = r
	}
	for _, r := range groups {
		a.groups[r.Name] = r
	}
	return nil
}

// removed gives the servers that the configuration has no more, by name.
func (a *application) removed() []serverRow {
	wanted := map[string]bool{}
	for _, s := range a.wanted.Servers {
		wanted[string(s.Server.Name)] = true
	}
	var gone []serverRow
	for _, name := range slices.Sorted(maps.Keys(a.servers)) {
		if r := a.servers[name]; r.Removed.IsZero() && !wanted[name] {
			gone = append(gone, r)
		}
	}
	return gone
}

// checkPrimaries makes sure that every primary is a configured server (D6, D9).
func (a *application) checkPrimaries(removed []serverRow) error {
	configured := map[fleet.ServerName]bool{}
	for _, s := range a.wanted.Servers {
		configured[s.Server.Name] = true
	}
	for _, s := range a.wanted.Servers {
		for _, g := range s.Groups {
			switch {
			case g.Primary == "" || configured[g.Primary]:
			case slices.ContainsFunc(removed, func(r serverRow) bool { return r.Name == string(g.Primary) }):
				return fault.New(fault.Invalid, "server %s cannot be removed: group %s of server %s mirrors from it", g.Primary, g.Group.Name, s.Server.Name).
					WithHint("take pulp_master out of that group, or name another server there")
			default:
				return fault.New(fault.Invalid, "group %s of server %s mirrors from %s, which is not configured", g.Group.Name, s.Server.Name, g.Primary).
					WithHint("add %s to pulp_servers, or correct the name", g.Primary)
			}
		}
	}
	return nil
}

// checkRemovals stops a configuration that would remove much at once, as a mistake does.
func (a *application) checkRemovals(removed []serverRow, allowed bool) error {
	var have int
	for _, r := range a.servers {
		if r.Removed.IsZero() {
			have++
		}
	}
	all := len(removed) == have
	if allowed || len(removed) == 0 || !all && (have < 6 || 3*len(removed) <= have) {
		return nil
	}
	names := make([]string, len(removed))
	for i, r := range removed {
		names[i] = r.Name
	}
	return fault.New(fault.Conflict, "the configuration would remove %d of %d servers: %s", len(removed), have, strings.Join(names, ", ")).
		WithHint("if that is meant, apply it with: pulp-manager config apply --allow-removals")
}

// bury makes tombstones of servers: their history stays, what they were to do goes.
func (a *application) bury(ctx context.Context, removed []serverRow) error {
	for _, r := range removed {
		_, err := a.NewUpdate().Model((*serverRow)(nil)).Set("removed = ?", a.now()).Set("date_last_updated = ?", a.now()).
			Where("s.id = ?", r.ID).Exec(ctx)
		if err != nil {
			return err
		}
		if _, err := a.NewDelete().Model((*serverGroupRow)(nil)).Where("sg.server_id = ?", r.ID).Exec(ctx); err != nil {
			return err
		}
		if _, err := a.NewDelete().Model((*scheduleRow)(nil)).Where("sc.server_id = ?", r.ID).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *application) noteHash(ctx context.Context) error {
	row := configurationRow{ID: 1, Hash: a.wanted.Hash}
	_, err := a.NewInsert().Model(&row).Value("applied", "?", a.now()).On("CONFLICT (id) DO UPDATE").
		Set("hash = excluded.hash").Set("applied = excluded.applied").Returning("NULL").Exec(ctx)
	return err
}
