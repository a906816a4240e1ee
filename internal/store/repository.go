// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// repositoryRow is a row of repositories, with its name.
type repositoryRow struct {
	bun.BaseModel `bun:"table:repositories,alias:r"`

	ID               int64     `bun:"id,pk,autoincrement"`
	ServerID         int64     `bun:"server_id"`
	NameID           int64     `bun:"name_id"`
	Type             string    `bun:"type"`
	Href             string    `bun:"href"`
	RemoteHref       string    `bun:"remote_href"`
	RemoteFeed       string    `bun:"remote_feed"`
	DistributionHref string    `bun:"distribution_href"`
	LatestVersion    string    `bun:"latest_version"`
	ServedVersion    string    `bun:"served_version"`
	Health           string    `bun:"health"`
	HealthDate       time.Time `bun:"health_date,nullzero"`
	LastAttempt      time.Time `bun:"last_attempt,nullzero"`
	LastAttemptState string    `bun:"last_attempt_state"`
	LastSuccess      time.Time `bun:"last_success,nullzero"`
	Missing          time.Time `bun:"missing,nullzero"`

	ServedPublication string    `bun:"served_publication"`
	SetVersion        string    `bun:"set_version"`
	BasePath          string    `bun:"base_path"`
	Packages          int       `bun:"packages"`
	PackagesVersion   string    `bun:"packages_version"`
	Owned             bool      `bun:"owned"`
	Drift             string    `bun:"drift"`
	DriftDate         time.Time `bun:"drift_date,nullzero"`
	Unwanted          time.Time `bun:"unwanted,nullzero"`

	Created time.Time `bun:"date_created,nullzero"`
	Updated time.Time `bun:"date_last_updated,nullzero"`

	Name    string `bun:"name"` // that name_id stands for
	Waiting string `bun:"waiting,scanonly"`

	ServerName string `bun:"server_name,scanonly"` // of lists
}

// Tables that a repository names a row of.
var (
	nameOf   = &other{table: "repository_names", alias: "n", key: "r.name_id"}
	serverOf = &other{table: "servers", alias: "s", key: "r.server_id"}
)

// repositoryFields are a repository's fields in the REST API (legacy section 3.4), and ours.
var repositoryFields = fields{
	"id":                    {expr: "r.id", typ: integer},
	"name":                  {expr: "n.name", typ: text, of: nameOf},
	"repo_type":             {expr: "r.type", typ: text},
	"pulp_server_id":        {expr: "r.server_id", typ: integer},
	"pulp_server_name":      {expr: "s.name", typ: text, of: serverOf},
	"repo_id":               {expr: "r.name_id", typ: integer},
	"repo_href":             {expr: "r.href", typ: text},
	"remote_href":           {expr: "r.remote_href", typ: text},
	"remote_feed":           {expr: "r.remote_feed", typ: text},
	"distribution_href":     {expr: "r.distribution_href", typ: text},
	"repo_sync_health":      {expr: "r.health", typ: text, values: texts(fleet.Healths)},
	"repo_sync_health_id":   {expr: position("r.health", fleet.Healths), typ: integer, nullable: true},
	"repo_sync_health_date": {expr: "r.health_date", typ: moment, nullable: true},
	"last_attempt":          {expr: "r.last_attempt", typ: moment, nullable: true},
	"last_attempt_state":    {expr: "r.last_attempt_state", typ: text, values: texts(fleet.TaskStates)},
	"last_success":          {expr: "r.last_success", typ: moment, nullable: true},
	"date_created":          {expr: "r.date_created", typ: moment},
	"date_last_updated":     {expr: "r.date_last_updated", typ: moment},

	"latest_version":     {expr: "r.latest_version", typ: text},
	"served_version":     {expr: "r.served_version", typ: text},
	"served_publication": {expr: "r.served_publication", typ: text},
	"base_path":          {expr: "r.base_path", typ: text},
	"packages":           {expr: "(CASE WHEN r.packages_version <> '' THEN r.packages END)", typ: integer, nullable: true, number: true},
	"managed":            {expr: "r.owned", typ: boolean},
	"unwanted":           {expr: "(r.unwanted IS NOT NULL)", typ: boolean},
	"drifted":            {expr: drifted, typ: boolean},
	"drift_date":         {expr: driftDate, typ: moment, nullable: true},
}

// serverRepositoryFields are those of one server's repositories, whose names need no other table.
var serverRepositoryFields = func() fields {
	own := maps.Clone(repositoryFields)
	own["name"] = field{expr: "r.name", typ: text}
	return own
}()

// drifted tells whether there is anything under a repository's drift, and driftDate since when, as the REST API shows them.
const (
	drifted = `(r.drift <> '' OR r.unwanted IS NOT NULL OR EXISTS (SELECT 1 FROM adoptions AS ad
		WHERE ad.server_id = r.server_id AND ad.name = r.name AND ad.changes <> ''))`
	driftDate = `(CASE WHEN r.drift = '' THEN r.unwanted WHEN r.unwanted IS NULL OR r.drift_date <= r.unwanted THEN r.drift_date ELSE r.unwanted END)`
)

// What of a repository (alias r) waits to be adopted.
const (
	waitingChanges = "coalesce(ad.changes, '') AS waiting"
	withAdoptions  = "LEFT JOIN adoptions AS ad ON ad.server_id = r.server_id AND ad.name = r.name"
)

// repositories selects repositories with their names, and what of them waits to be adopted.
func repositories(sel *bun.SelectQuery) *bun.SelectQuery {
	return sel.ColumnExpr("?TableColumns, " + waitingChanges).Join(withAdoptions)
}

// Repository implements fleet.Repositories. It also gives one that the server lacks by now.
func (s *Store) Repository(ctx context.Context, server fleet.ServerID, name fleet.NameID) (fleet.Repository, error) {
	query := s.read.NewSelect().Where("r.server_id = ? AND r.name_id = ?", server, name)
	return s.repository(ctx, query, "server %d has no repository %d", server, name)
}

var repositoryColumns = rowColumns[repositoryRow]("r")

// RepositoryByID implements fleet.Repositories. It also gives one that its server lacks by now.
func (s *Store) RepositoryByID(ctx context.Context, id fleet.RepositoryID) (fleet.Repository, error) {
	var rows []repositoryRow
	err := s.asker().ask(ctx, &rows, "SELECT "+repositoryColumns+", "+waitingChanges+" FROM repositories AS r "+withAdoptions+" WHERE r.id = ?", int64(id))
	if err != nil {
		return fleet.Repository{}, s.errors.classify(ctx, err, "read a repository")
	}
	if len(rows) == 0 {
		return fleet.Repository{}, fault.New(fault.NotFound, "there is no repository %d on any server", id)
	}
	return rows[0].repository(), nil
}

func (s *Store) repository(ctx context.Context, query *bun.SelectQuery, missing string, args ...any) (fleet.Repository, error) {
	var row repositoryRow
	if err := repositories(query.Model(&row)).Scan(ctx); err != nil {
		return fleet.Repository{}, s.oneErr(ctx, err, "read a repository", missing, args...)
	}
	return row.repository(), nil
}

// FindRepositories implements fleet.Repositories: what is on a server now. Server 0
// means all servers in the configuration.
func (s *Store) FindRepositories(ctx context.Context, server fleet.ServerID, q fleet.Query) (fleet.Page[fleet.Repository], error) {
	var removed []int64
	if err := s.read.NewSelect().TableExpr("servers AS s").Column("s.id").Where("s.removed IS NOT NULL").Scan(ctx, &removed); err != nil {
		return fleet.Page[fleet.Repository]{}, s.errors.classify(ctx, err, "look for removed servers")
	}
	l := listed[repositoryRow, fleet.Repository]{
		fields: repositoryFields, id: "r.id", key: func(r repositoryRow) int64 { return r.ID }, convert: repositoryRow.repository,
		whole: server == 0,
		show: func(sel *bun.SelectQuery) *bun.SelectQuery {
			return repositories(sel).ColumnExpr("s.name AS server_name").Join("JOIN servers AS s ON s.id = r.server_id")
		},
		only: func(sel *bun.SelectQuery) *bun.SelectQuery {
			sel = sel.Where("r.missing IS NULL")
			switch {
			case slices.Contains(removed, int64(server)):
				return sel.Where("1 = 0")
			case server != 0:
				return sel.Where("r.server_id = ?", server)
			case len(removed) > 0:
				return sel.Where("r.server_id NOT IN (?)", bun.List(removed))
			}
			return sel
		},
	}
	switch {
	case server != 0:
		l.fields = serverRepositoryFields
	case s.Dialect() == SQLite:
		l.total = allRepositories
	}
	return list(ctx, s, q, l)
}

// allRepositories counts the repositories of all servers. SQLite counts a whole table without looking at its rows, so those that
// do not count are taken off.
const allRepositories = `SELECT (SELECT count(*) FROM repositories) - (SELECT count(*) FROM repositories AS r WHERE r.missing IS NOT NULL) -
	(SELECT count(*) FROM repositories AS r WHERE r.missing IS NULL AND r.server_id IN (SELECT o.id FROM servers AS o WHERE o.removed IS NOT NULL))`

// ServerRepositories implements fleet.Repositories.
func (s *Store) ServerRepositories(ctx context.Context, server fleet.ServerID) ([]fleet.Repository, error) {
	var rows []repositoryRow
	err := repositories(s.read.NewSelect().Model(&rows)).
		Where("r.server_id = ? AND r.missing IS NULL", server).OrderExpr("r.name").Scan(ctx)
	if err != nil {
		return nil, s.errors.classify(ctx, err, "read a server's repositories")
	}
	all := make([]fleet.Repository, 0, len(rows))
	for _, r := range rows {
		all = append(all, r.repository())
	}
	return all, nil
}

// SetServed implements fleet.Repositories. What we made it serve is known from now on.
func (s *Store) SetServed(ctx context.Context, id fleet.RepositoryID, latest, served string) error {
	return s.inTx(ctx, "store a repository's versions", func(ctx context.Context, t tx) error {
		n, err := t.tell(ctx, "UPDATE repositories SET latest_version = ?, served_version = ?, set_version = ?, date_last_updated = ? WHERE id = ?",
			latest, served, served, t.present(), int64(id))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no repository %d on any server", id)
		}
		return err
	})
}

// SetHealth implements fleet.Repositories.
func (s *Store) SetHealth(ctx context.Context, healths map[fleet.RepositoryID]fleet.Health) error {
	rated := map[fleet.Health][]int64{}
	for id, h := range healths {
		rated[h] = append(rated[h], int64(id))
	}
	return s.inTx(ctx, "store the health of repositories", func(ctx context.Context, t tx) error {
		for _, h := range append([]fleet.Health{""}, fleet.Healths...) { // always in this order: no deadlock
			err := inChunks(rated[h], func(ids []int64) error {
				_, err := t.NewUpdate().Table("repositories").Set("health = ?", h).Set("health_date = ?", t.now()).
					Where("id IN (?)", bun.List(ids)).Exec(ctx)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// recordSync notes on its repository how a sync ended, at the database's now. Only
// what was begun counts: a skipped or never started one says nothing about the repository.
func recordSync(ctx context.Context, t tx, task taskRow, ended fleet.TaskState) error {
	if task.RepositoryID == 0 || task.Kind != string(fleet.KindRepoSync) || ended == fleet.Skipped {
		return nil
	}
	if ended == fleet.Canceled && task.Started.IsZero() {
		return nil
	}
	update := t.NewUpdate().Table("repositories").Set("last_attempt = ?", t.now()).Set("last_attempt_state = ?", ended).
		Where("id = ?", task.RepositoryID)
	if ended == fleet.Completed {
		update = update.Set("last_success = ?", t.now())
	}
	_, err := update.Exec(ctx)
	return err
}

func (r repositoryRow) repository() fleet.Repository {
	if r.Drift == "" {
		r.DriftDate = time.Time{}
	}
	return fleet.Repository{
		ID: fleet.RepositoryID(r.ID), NameID: fleet.NameID(r.NameID), Server: fleet.ServerID(r.ServerID),
		Name: r.Name, ServerName: fleet.ServerName(r.ServerName), Type: fleet.RepositoryType(r.Type),
		Href: r.Href, RemoteHref: r.RemoteHref, RemoteFeed: r.RemoteFeed, DistributionHref: r.DistributionHref,
		LatestVersion: r.LatestVersion, ServedVersion: r.ServedVersion,
		Health: fleet.Health(r.Health), HealthDate: utc(r.HealthDate),
		LastAttempt: utc(r.LastAttempt), LastAttemptState: fleet.TaskState(r.LastAttemptState), LastSuccess: utc(r.LastSuccess),
		Missing: utc(r.Missing), Created: utc(r.Created), Updated: utc(r.Updated),

		ServedPublication: r.ServedPublication, SetVersion: r.SetVersion, BasePath: r.BasePath,
		Packages: r.Packages, PackagesVersion: r.PackagesVersion, Owned: r.Owned,
		Drift: lines(r.Drift), DriftDate: utc(r.DriftDate), Unwanted: utc(r.Unwanted), Waiting: lines(r.Waiting),
	}
}
