// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// serverRow is a row of servers.
type serverRow struct {
	bun.BaseModel `bun:"table:servers,alias:s"`

	ID                     int64     `bun:"id,pk,autoincrement"`
	Name                   string    `bun:"name"`
	Username               string    `bun:"username"`
	CredentialMount        string    `bun:"credential_mount"`
	PasswordRef            string    `bun:"password_ref"`
	URL                    string    `bun:"url"`
	ContentOrigin          string    `bun:"content_origin"`
	MirrorURL              string    `bun:"mirror_url"`
	Domain                 string    `bun:"domain"`
	Description            string    `bun:"description"`
	SnapshotSupported      bool      `bun:"snapshot_supported"`
	MaxConcurrentSnapshots int       `bun:"max_concurrent_snapshots"`
	Registered             bool      `bun:"registered"`
	RegistrationSchedule   string    `bun:"registration_schedule"`
	RegistrationMaxRuntime string    `bun:"registration_max_runtime"`
	RegistrationInclude    string    `bun:"registration_include"`
	RegistrationExclude    string    `bun:"registration_exclude"`
	Adopt                  bool      `bun:"adopt"`
	RegistrationOnMissing  string    `bun:"registration_on_missing"`
	RegistrationMissingCap int       `bun:"registration_on_missing_cap"`
	Health                 string    `bun:"health"`
	HealthDate             time.Time `bun:"health_date,nullzero"`
	Removed                time.Time `bun:"removed,nullzero"`
	Created                time.Time `bun:"date_created,nullzero"`
	Updated                time.Time `bun:"date_last_updated,nullzero"`
}

// serverFields are a server's fields in the REST API (legacy section 3.4).
var serverFields = fields{
	"id":                           {expr: "s.id", typ: integer},
	"name":                         {expr: "s.name", typ: text},
	"username":                     {expr: "s.username", typ: text},
	"vault_service_account_mount":  {expr: "s.credential_mount", typ: text},
	"repo_sync_health_rollup":      {expr: "s.health", typ: text, values: texts(fleet.Healths)},
	"repo_sync_health_rollup_id":   {expr: position("s.health", fleet.Healths), typ: integer, nullable: true},
	"repo_sync_health_rollup_date": {expr: "s.health_date", typ: moment, nullable: true},
	"snapshot_supported":           {expr: "s.snapshot_supported", typ: boolean},
	"max_concurrent_snapshots":     {expr: "s.max_concurrent_snapshots", typ: integer},

	"repo_config_registration_schedule":      {expr: "s.registration_schedule", typ: text},
	"repo_config_registration_max_runtime":   {expr: "s.registration_max_runtime", typ: text},
	"repo_config_registration_regex_include": {expr: "s.registration_include", typ: text},
	"repo_config_registration_regex_exclude": {expr: "s.registration_exclude", typ: text},

	"reachable":          {expr: "(SELECT ss.reachable FROM server_states AS ss WHERE ss.server_id = s.id AND ss.checked IS NOT NULL)", typ: boolean, nullable: true},
	"online_workers":     {expr: "(SELECT ss.workers FROM server_states AS ss WHERE ss.server_id = s.id AND ss.versions <> '')", typ: integer, nullable: true, number: true},
	"pulp_tasks_waiting": {expr: "(SELECT ss.tasks_waiting FROM server_states AS ss WHERE ss.server_id = s.id AND ss.versions <> '')", typ: integer, nullable: true, number: true},

	"date_created":      {expr: "s.date_created", typ: moment},
	"date_last_updated": {expr: "s.date_last_updated", typ: moment},
}

// Server implements fleet.Servers.
func (s *Store) Server(ctx context.Context, id fleet.ServerID) (fleet.Server, error) {
	return s.server(ctx, s.read.NewSelect().Where("s.id = ?", id), "there is no server %d", id)
}

// ServerByName implements fleet.Servers.
func (s *Store) ServerByName(ctx context.Context, name fleet.ServerName) (fleet.Server, error) {
	query := s.read.NewSelect().Where("s.name = ?", name).Where("s.removed IS NULL")
	return s.server(ctx, query, "there is no server %s in the configuration", name)
}

func (s *Store) server(ctx context.Context, query *bun.SelectQuery, missing string, args ...any) (fleet.Server, error) {
	var row serverRow
	if err := query.Model(&row).Scan(ctx); err != nil {
		return fleet.Server{}, s.oneErr(ctx, err, "read a server", missing, args...)
	}
	return row.server(), nil
}

// oneErr is the error of reading one row, which may be missing.
func (s *Store) oneErr(ctx context.Context, err error, doing, missing string, args ...any) error {
	err = s.errors.classify(ctx, err, doing)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, missing, args...)
	}
	return err
}

// FindServers implements fleet.Servers.
func (s *Store) FindServers(ctx context.Context, q fleet.Query) (fleet.Page[fleet.Server], error) {
	return list(ctx, s, q, listed[serverRow, fleet.Server]{
		fields: serverFields, id: "s.id", convert: serverRow.server,
		only: func(sel *bun.SelectQuery) *bun.SelectQuery { return sel.Where("s.removed IS NULL") },
	})
}

// SetServerHealth implements fleet.Servers.
func (s *Store) SetServerHealth(ctx context.Context, id fleet.ServerID, health fleet.Health) error {
	return s.inTx(ctx, "store a server's health", func(ctx context.Context, t tx) error {
		n, err := changed(t.NewUpdate().Table("servers").Set("health = ?", health).Set("health_date = ?", t.now()).
			Where("id = ?", id).Exec(ctx))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "there is no server %d", id)
		}
		return err
	})
}

func (r serverRow) server() fleet.Server {
	s := fleet.Server{
		ID: fleet.ServerID(r.ID), Name: fleet.ServerName(r.Name),
		Username: r.Username, CredentialMount: r.CredentialMount, Password: fleet.SecretRef(r.PasswordRef),
		URL: r.URL, ContentOrigin: r.ContentOrigin, MirrorURL: r.MirrorURL, Domain: r.Domain, Description: r.Description,
		SnapshotSupported: r.SnapshotSupported, MaxConcurrentSnapshots: r.MaxConcurrentSnapshots, Adopt: r.Adopt,
		Health: fleet.Health(r.Health), HealthDate: utc(r.HealthDate),
		Removed: utc(r.Removed), Created: utc(r.Created), Updated: utc(r.Updated),
	}
	if r.Registered {
		s.Registration = &fleet.Registration{
			Schedule: r.RegistrationSchedule, MaxRuntime: r.RegistrationMaxRuntime,
			Include: r.RegistrationInclude, Exclude: r.RegistrationExclude,
			OnMissing: r.RegistrationOnMissing, OnMissingCap: r.RegistrationMissingCap,
		}
	}
	return s
}

// newServerRow gives the columns that the configuration decides.
func newServerRow(s fleet.Server) serverRow {
	r := serverRow{
		Name: string(s.Name), Username: s.Username, CredentialMount: s.CredentialMount, PasswordRef: string(s.Password),
		URL: s.URL, ContentOrigin: s.ContentOrigin, MirrorURL: s.MirrorURL, Domain: s.Domain, Description: s.Description,
		SnapshotSupported: s.SnapshotSupported, MaxConcurrentSnapshots: s.MaxConcurrentSnapshots, Adopt: s.Adopt,
	}
	if g := s.Registration; g != nil {
		r.Registered, r.RegistrationSchedule, r.RegistrationMaxRuntime = true, g.Schedule, g.MaxRuntime
		r.RegistrationInclude, r.RegistrationExclude = g.Include, g.Exclude
		r.RegistrationOnMissing, r.RegistrationMissingCap = g.OnMissing, g.OnMissingCap
	}
	return r
}
