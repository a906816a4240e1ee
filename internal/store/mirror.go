// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// chunk is how many rows one statement changes at most.
const chunk = 500

// inChunks calls fn with all, in order, chunk by chunk.
func inChunks[T any](all []T, fn func([]T) error) error {
	for part := range slices.Chunk(all, chunk) {
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}

// Mirror implements fleet.Repositories. What did not change is not written. A seen
// repository without versions keeps those stored, unless its distribution is gone.
func (s *Store) Mirror(ctx context.Context, server fleet.ServerID, seen, before []fleet.Repository) error {
	seen = slices.Clone(seen)
	slices.SortFunc(seen, func(a, b fleet.Repository) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(seen); i++ {
		if seen[i].Name == seen[i-1].Name {
			return fault.New(fault.Invalid, "server %d has two repositories named %s", server, seen[i].Name)
		}
	}
	return s.inTx(ctx, "store a server's repositories", func(ctx context.Context, t tx) error {
		if err := lockServer(ctx, t, server); err != nil {
			return err
		}
		known, err := mirrored(ctx, t, server)
		if err != nil {
			return err
		}
		changes, missing := compare(server, known, newer(seen, known, before))
		if err := nameAll(ctx, t, changes); err != nil {
			return err
		}
		if err := inChunks(changes, func(rows []repositoryRow) error { return putRepositories(ctx, t, rows) }); err != nil {
			return err
		}
		return inChunks(missing, func(ids []int64) error {
			_, err := t.NewUpdate().Table("repositories").Set("missing = ?", t.now()).Set("date_last_updated = ?", t.now()).
				Where("id IN (?)", bun.List(ids)).Exec(ctx)
			return err
		})
	})
}

// lockServer makes changes of one server's repositories wait for each other.
func lockServer(ctx context.Context, t tx, server fleet.ServerID) error {
	var ids []int64
	err := t.locked(t.NewSelect().TableExpr("servers AS s").Column("s.id").Where("s.id = ?", server), toChange, "s").Scan(ctx, &ids)
	if err == nil && len(ids) == 0 {
		return fault.New(fault.NotFound, "there is no server %d", server)
	}
	return err
}

// mirrored gives all repositories that were ever on a server, by name.
func mirrored(ctx context.Context, t tx, server fleet.ServerID) (map[string]repositoryRow, error) {
	var rows []repositoryRow
	if err := repositories(t.NewSelect().Model(&rows)).Where("r.server_id = ?", server).Scan(ctx); err != nil {
		return nil, err
	}
	byName := make(map[string]repositoryRow, len(rows))
	for _, r := range rows {
		byName[r.Name] = r
	}
	return byName, nil
}

// newer puts what was noted since before in place of what was seen. What came since and was not seen yet is added.
func newer(seen []fleet.Repository, known map[string]repositoryRow, before []fleet.Repository) []fleet.Repository {
	if before == nil {
		return seen
	}
	old := make(map[string]fleet.Repository, len(before))
	for _, r := range before {
		old[r.Name] = r
	}
	all, there := slices.Clone(seen), make(map[string]bool, len(seen))
	for i, r := range all {
		there[r.Name] = true
		was := old[r.Name]
		noted, ok := known[r.Name]
		if !ok || noted.Href != r.Href || noted.LatestVersion == was.LatestVersion && noted.ServedVersion == was.ServedVersion {
			continue
		}
		all[i].LatestVersion, all[i].ServedVersion, all[i].ServedPublication = noted.LatestVersion, noted.ServedVersion, noted.ServedPublication
		if r.DistributionHref == "" {
			all[i].DistributionHref = noted.DistributionHref
		}
	}
	for name, r := range known {
		if _, was := old[name]; !was && !there[name] && r.Missing.IsZero() {
			all = append(all, r.repository())
		}
	}
	return all
}

// compare gives the rows to write and the ids of those that the server lacks by now.
func compare(server fleet.ServerID, known map[string]repositoryRow, seen []fleet.Repository) (changes []repositoryRow, missing []int64) {
	there := make(map[string]bool, len(seen))
	for _, r := range seen {
		there[r.Name] = true
		have, found := known[r.Name]
		want := have
		want.ServerID, want.Name, want.Type = int64(server), r.Name, string(r.Type)
		want.Href, want.RemoteHref, want.RemoteFeed, want.DistributionHref = r.Href, r.RemoteHref, r.RemoteFeed, r.DistributionHref
		if r.LatestVersion != "" {
			want.LatestVersion = r.LatestVersion
		}
		if r.ServedVersion != "" || r.DistributionHref == "" {
			want.ServedVersion = r.ServedVersion
		}
		want.ServedPublication, want.BasePath, want.Owned = r.ServedPublication, r.BasePath, r.Owned
		want.Drift = oneLineEach(r.Drift)
		if r.PackagesVersion != "" || !found {
			want.Packages, want.PackagesVersion = r.Packages, r.PackagesVersion
		}
		if want.PackagesVersion == "" {
			want.Packages = fleet.UnknownPackages
		}
		if found && want == have && have.Missing.IsZero() {
			continue
		}
		changes = append(changes, want)
	}
	for name, r := range known {
		if !there[name] && r.Missing.IsZero() {
			missing = append(missing, r.ID)
		}
	}
	slices.Sort(missing)
	return changes, missing
}

// nameAll fills in the ids of the rows' names, making those that no server had before.
func nameAll(ctx context.Context, t tx, rows []repositoryRow) error {
	var unknown []string
	for _, r := range rows {
		if r.NameID == 0 {
			unknown = append(unknown, r.Name)
		}
	}
	ids := make(map[string]int64, len(unknown))
	err := inChunks(unknown, func(names []string) error {
		made := make([]nameRow, len(names))
		for i, n := range names {
			made[i].Name = n
		}
		if _, err := t.NewInsert().Model(&made).On("CONFLICT (name) DO NOTHING").Returning("NULL").Exec(ctx); err != nil {
			return err
		}
		var found []nameRow
		if err := t.NewSelect().Model(&found).Where("name IN (?)", bun.List(names)).Scan(ctx); err != nil {
			return err
		}
		for _, n := range found {
			ids[n.Name] = n.ID
		}
		return nil
	})
	for i := range rows {
		if rows[i].NameID == 0 {
			rows[i].NameID = ids[rows[i].Name]
		}
	}
	return err
}

// nameRow is a row of repository_names.
type nameRow struct {
	bun.BaseModel `bun:"table:repository_names,alias:n"`

	ID   int64  `bun:"id,pk,autoincrement"`
	Name string `bun:"name"`
}

// mirroredColumns are what Mirror writes; the rest is left alone.
var mirroredColumns = []string{
	"type", "href", "remote_href", "remote_feed", "distribution_href", "latest_version", "served_version",
	"served_publication", "base_path", "packages", "packages_version", "owned", "drift",
}

func putRepositories(ctx context.Context, t tx, rows []repositoryRow) error {
	insert := t.NewInsert().Model(&rows).ExcludeColumn("id").
		Value("missing", "NULL").Value("drift_date", "?", t.now()).
		Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now()).
		On("CONFLICT (server_id, name_id) DO UPDATE")
	for _, c := range mirroredColumns {
		insert = insert.Set("? = excluded.?", bun.Ident(c), bun.Ident(c))
	}
	insert = insert.Set("drift_date = CASE WHEN excluded.drift = '' THEN NULL WHEN excluded.drift = r.drift THEN r.drift_date ELSE ? END", t.now())
	_, err := insert.Set("missing = NULL").Set("date_last_updated = excluded.date_last_updated").Returning("NULL").Exec(ctx)
	return err
}
