// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// baselineRow is a row of baselines.
type baselineRow struct {
	bun.BaseModel `bun:"table:baselines,alias:b"`

	ServerID int64  `bun:"server_id,pk"`
	Noun     string `bun:"noun,pk"`
	Name     string `bun:"name,pk"`
	Type     string `bun:"type"`
	Href     string `bun:"href"`
	Fields   string `bun:"fields"`
}

// Baselines implements fleet.Ownership.
func (s *Store) Baselines(ctx context.Context, server fleet.ServerID) (map[fleet.BaselineKey]fleet.Baseline, error) {
	var rows []baselineRow
	if err := s.read.NewSelect().Model(&rows).Where("b.server_id = ?", server).Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read how a server's repositories were left")
	}
	all := make(map[fleet.BaselineKey]fleet.Baseline, len(rows))
	for _, r := range rows {
		b := fleet.Baseline{Noun: r.Noun, Name: r.Name, Type: fleet.RepositoryType(r.Type), Href: r.Href}
		if err := json.Unmarshal([]byte(r.Fields), &b.Fields); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "how %s %s was left cannot be read", r.Noun, r.Name)
		}
		all[fleet.BaselineKey{Noun: r.Noun, Name: r.Name}] = b
	}
	return all, nil
}

// SetBaselines implements fleet.Ownership.
func (s *Store) SetBaselines(ctx context.Context, server fleet.ServerID, all []fleet.Baseline) error {
	rows := make([]baselineRow, 0, len(all))
	for _, b := range all {
		fields, err := json.Marshal(b.Fields)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "how %s %s was left cannot be stored", b.Noun, b.Name)
		}
		rows = append(rows, baselineRow{
			ServerID: int64(server), Noun: b.Noun, Name: b.Name, Type: string(b.Type), Href: b.Href, Fields: string(fields),
		})
	}
	slices.SortFunc(rows, func(a, b baselineRow) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Noun, b.Noun)) })
	return s.inTx(ctx, "store how a server's repositories were left", func(ctx context.Context, t tx) error {
		return inChunks(rows, func(part []baselineRow) error {
			_, err := t.NewInsert().Model(&part).On("CONFLICT (server_id, name, noun) DO UPDATE").
				Set("type = excluded.type").Set("href = excluded.href").Set("fields = excluded.fields").Returning("NULL").Exec(ctx)
			return err
		})
	})
}

// DropBaselines implements fleet.Ownership.
func (s *Store) DropBaselines(ctx context.Context, server fleet.ServerID, names []string) error {
	return s.inTx(ctx, "forget how repositories were left", func(ctx context.Context, t tx) error {
		return inChunks(names, func(part []string) error {
			_, err := t.NewDelete().Model((*baselineRow)(nil)).Where("b.server_id = ? AND b.name IN (?)", server, bun.List(part)).Exec(ctx)
			return err
		})
	})
}

// adoptionRow is a row of adoptions.
type adoptionRow struct {
	bun.BaseModel `bun:"table:adoptions,alias:ad"`

	ServerID int64     `bun:"server_id,pk"`
	Name     string    `bun:"name,pk"`
	Type     string    `bun:"type"`
	Hrefs    string    `bun:"hrefs"`
	Changes  string    `bun:"changes"`
	Noticed  time.Time `bun:"noticed,nullzero"`
}

// Adoptions implements fleet.Ownership.
func (s *Store) Adoptions(ctx context.Context, server fleet.ServerID) ([]fleet.Adoption, error) {
	var rows []adoptionRow
	if err := s.read.NewSelect().Model(&rows).Where("ad.server_id = ?", server).OrderExpr("ad.name").Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, "read what waits to be adopted")
	}
	all := make([]fleet.Adoption, 0, len(rows))
	for _, r := range rows {
		all = append(all, fleet.Adoption{
			Name: r.Name, Type: fleet.RepositoryType(r.Type), Hrefs: lines(r.Hrefs), Changes: lines(r.Changes), Noticed: utc(r.Noticed),
		})
	}
	return all, nil
}

// SetAdoptions implements fleet.Ownership. One that waited already keeps the moment when it was noticed.
func (s *Store) SetAdoptions(ctx context.Context, server fleet.ServerID, looked []string, waiting []fleet.Adoption) error {
	rows := make([]adoptionRow, 0, len(waiting))
	waits := map[string]bool{}
	for _, a := range waiting {
		waits[a.Name] = true
		rows = append(rows, adoptionRow{
			ServerID: int64(server), Name: a.Name, Type: string(a.Type), Hrefs: oneLineEach(a.Hrefs), Changes: oneLineEach(a.Changes),
		})
	}
	over := slices.DeleteFunc(slices.Clone(looked), func(name string) bool { return waits[name] })
	slices.SortFunc(rows, func(a, b adoptionRow) int { return cmp.Compare(a.Name, b.Name) })
	return s.inTx(ctx, "store what waits to be adopted", func(ctx context.Context, t tx) error {
		err := inChunks(over, func(part []string) error {
			_, err := t.NewDelete().Model((*adoptionRow)(nil)).Where("ad.server_id = ? AND ad.name IN (?)", server, bun.List(part)).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
		return inChunks(rows, func(part []adoptionRow) error {
			_, err := t.NewInsert().Model(&part).Value("noticed", "?", t.now()).On("CONFLICT (server_id, name) DO UPDATE").
				Set("type = excluded.type").Set("hrefs = excluded.hrefs").Set("changes = excluded.changes").Returning("NULL").Exec(ctx)
			return err
		})
	})
}

// SetUnwanted implements fleet.Ownership.
func (s *Store) SetUnwanted(ctx context.Context, server fleet.ServerID, looked, unwanted []string) error {
	gone := map[string]bool{}
	for _, name := range unwanted {
		gone[name] = true
	}
	wanted := slices.DeleteFunc(slices.Clone(looked), func(name string) bool { return gone[name] })
	const named = "server_id = ? AND name_id IN (SELECT id FROM repository_names WHERE name IN (?))"
	return s.inTx(ctx, "store which repositories nothing wants", func(ctx context.Context, t tx) error {
		if err := lockServer(ctx, t, server); err != nil {
			return err
		}
		err := inChunks(wanted, func(part []string) error {
			_, err := t.NewUpdate().Table("repositories").Set("unwanted = NULL").
				Where("unwanted IS NOT NULL AND "+named, server, bun.List(part)).Exec(ctx)
			return err
		})
		if err != nil {
			return err
		}
		return inChunks(unwanted, func(part []string) error {
			_, err := t.NewUpdate().Table("repositories").Set("unwanted = ?", t.now()).
				Where("unwanted IS NULL AND "+named, server, bun.List(part)).Exec(ctx)
			return err
		})
	})
}

// lines and oneLineEach keep a list of texts in one.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func oneLineEach(all []string) string {
	kept := make([]string, 0, len(all))
	for _, text := range all {
		kept = append(kept, strings.ReplaceAll(text, "\n", " "))
	}
	return strings.Join(kept, "\n")
}
