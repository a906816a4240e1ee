// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// syncRecordRow is a row of sync_records.
type syncRecordRow struct {
	bun.BaseModel `bun:"table:sync_records,alias:y"`

	RepositoryID int64     `bun:"repository_id,pk"`
	Source       string    `bun:"source"`
	Options      string    `bun:"options"`
	Fields       string    `bun:"fields"`
	Version      string    `bun:"version"`
	Publication  string    `bun:"publication"`
	Synced       time.Time `bun:"synced"`
}

// FindSyncRecords implements fleet.SyncRecords.
func (s *Store) FindSyncRecords(ctx context.Context, server fleet.ServerID) (map[fleet.RepositoryID]fleet.SyncRecord, error) {
	var rows []syncRecordRow
	err := s.read.NewSelect().Model(&rows).Join("JOIN repositories AS r ON r.id = y.repository_id").
		Where("r.server_id = ?", server).Scan(ctx)
	if err != nil {
		return nil, s.errors.classify(ctx, err, "read what repositories were synced from")
	}
	all := make(map[fleet.RepositoryID]fleet.SyncRecord, len(rows))
	for _, row := range rows {
		r, err := row.record()
		if err != nil {
			return nil, err
		}
		all[r.Repository] = r
	}
	return all, nil
}

// SyncRecord implements fleet.SyncRecords.
func (s *Store) SyncRecord(ctx context.Context, id fleet.RepositoryID) (fleet.SyncRecord, error) {
	var rows []syncRecordRow
	if err := s.read.NewSelect().Model(&rows).Where("y.repository_id = ?", id).Scan(ctx); err != nil {
		return fleet.SyncRecord{}, s.errors.classify(ctx, err, "read what a repository was synced from")
	}
	if len(rows) == 0 {
		return fleet.SyncRecord{}, nil
	}
	return rows[0].record()
}

// SaveSyncRecord implements fleet.SyncRecords.
func (s *Store) SaveSyncRecord(ctx context.Context, lease fleet.Lease, r fleet.SyncRecord) error {
	row, err := newSyncRecordRow(r)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "store what a repository was synced from", func(ctx context.Context, t tx) error {
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		insert := t.NewInsert().Model(&row).On("CONFLICT (repository_id) DO UPDATE")
		for _, c := range []string{"source", "options", "fields", "version", "publication", "synced"} {
			insert = insert.Set("? = excluded.?", bun.Ident(c), bun.Ident(c))
		}
		_, err := insert.Returning("NULL").Exec(ctx)
		return err
	})
}

// ForgetSyncRecord implements fleet.SyncRecords.
func (s *Store) ForgetSyncRecord(ctx context.Context, lease fleet.Lease, id fleet.RepositoryID) error {
	return s.inTx(ctx, "forget what a repository was synced from", func(ctx context.Context, t tx) error {
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		_, err := t.NewUpdate().Model((*syncRecordRow)(nil)).Set("source = '{}'").Set("options = ''").Set("fields = ''").
			Where("y.repository_id = ?", id).Exec(ctx)
		return err
	})
}

// CompleteUnchanged implements fleet.SyncRecords, in a few statements however many there are: each child
// goes from queued over running to completed within one transaction.
func (s *Store) CompleteUnchanged(ctx context.Context, lease fleet.Lease, all []fleet.UnchangedSync) ([]fleet.TaskID, error) {
	all = slices.Clone(all) // in one order: no deadlock
	slices.SortFunc(all, func(a, b fleet.UnchangedSync) int { return cmp.Compare(a.Record.Repository, b.Record.Repository) })
	var ended []fleet.TaskID
	err := inChunks(all, func(part []fleet.UnchangedSync) error {
		var done []fleet.TaskID
		err := s.inTx(ctx, fmt.Sprintf("complete %d parts of task %d", len(part), lease.Task), func(ctx context.Context, t tx) error {
			var err error
			done, err = completeUnchanged(ctx, t, lease, part)
			return err
		})
		ended = append(ended, done...)
		return err
	})
	return ended, err
}

func completeUnchanged(ctx context.Context, t tx, lease fleet.Lease, all []fleet.UnchangedSync) ([]fleet.TaskID, error) {
	root, err := fence(ctx, t, lease, toRead)
	if err != nil {
		return nil, err
	}
	records, err := theseRecords(ctx, t, all)
	if err != nil {
		return nil, err
	}
	children, err := queuedSyncs(ctx, t, root, all)
	if err != nil {
		return nil, err
	}
	var (
		done         []fleet.TaskID
		repositories []int64
		stages       []stageRow
	)
	for _, u := range all {
		id := int64(u.Record.Repository)
		row, err := newSyncRecordRow(u.Record)
		if err != nil {
			return nil, err
		}
		if have, ok := records[id]; !ok || !have.same(row) || children[int64(u.Stage.Task)] != id {
			continue
		}
		stage, err := newStageRow(u.Stage)
		if err != nil {
			return nil, err
		}
		done, repositories, stages = append(done, u.Stage.Task), append(repositories, id), append(stages, stage)
	}
	if len(done) == 0 {
		return nil, nil
	}
	_, err = t.NewInsert().Model(&stages).ExcludeColumn("id").
		Value("date_created", "?", t.now()).Value("date_last_updated", "?", t.now()).Returning("NULL").Exec(ctx)
	if err != nil {
		return nil, err
	}
	_, err = t.NewUpdate().Table("tasks").Set("state = ?", fleet.Completed).Set("date_started = ?", t.now()).
		Set("worker_name = ?", root.WorkerName).Set("worker_job_id = ?", root.WorkerJobID).
		Set("date_finished = ?", t.now()).Set("date_last_updated = ?", t.now()).Where("id IN (?)", bun.List(done)).Exec(ctx)
	if err != nil {
		return nil, err
	}
	_, err = t.NewUpdate().Table("repositories").Set("last_attempt = ?", t.now()).Set("last_attempt_state = ?", fleet.Completed).
		Set("last_success = ?", t.now()).Where("id IN (?)", bun.List(repositories)).Exec(ctx)
	return done, err
}

// theseRecords gives the records of repositories and keeps others from changing them.
func theseRecords(ctx context.Context, t tx, all []fleet.UnchangedSync) (map[int64]syncRecordRow, error) {
	ids := make([]int64, len(all))
	for i, u := range all {
		ids[i] = int64(u.Record.Repository)
	}
	var rows []syncRecordRow
	err := t.locked(t.NewSelect().Model(&rows), toRead, "y").Where("y.repository_id IN (?)", bun.List(ids)).
		OrderExpr("y.repository_id").Scan(ctx)
	byID := make(map[int64]syncRecordRow, len(rows))
	for _, r := range rows {
		byID[r.RepositoryID] = r
	}
	return byID, err
}

// queuedSyncs gives the repositories of those children of a root that are queued syncs, and keeps
// others from changing these.
func queuedSyncs(ctx context.Context, t tx, root taskRow, all []fleet.UnchangedSync) (map[int64]int64, error) {
	ids := make([]int64, len(all))
	for i, u := range all {
		ids[i] = int64(u.Stage.Task)
	}
	var rows []taskRow
	err := t.locked(t.NewSelect().Model(&rows), toChange, "t").Where("t.id IN (?)", bun.List(ids)).Where("t.root_id = ?", root.ID).
		Where("t.state = ?", fleet.Queued).Where("t.kind = ?", fleet.KindRepoSync).OrderExpr("t.id").Scan(ctx)
	repositories := make(map[int64]int64, len(rows))
	for _, r := range rows {
		repositories[r.ID] = r.RepositoryID
	}
	return repositories, err
}

func newSyncRecordRow(r fleet.SyncRecord) (syncRecordRow, error) {
	source, err := json.Marshal(r.Basis.Source)
	return syncRecordRow{
		RepositoryID: int64(r.Repository), Source: string(source), Options: r.Basis.Options, Fields: r.Basis.Fields,
		Version: r.Version, Publication: r.Publication, Synced: utc(r.Synced),
	}, err
}

func (r syncRecordRow) same(o syncRecordRow) bool {
	return r.Source == o.Source && r.Options == o.Options && r.Fields == o.Fields && r.Version == o.Version &&
		r.Publication == o.Publication && utc(r.Synced).Equal(utc(o.Synced))
}

func (r syncRecordRow) record() (fleet.SyncRecord, error) {
	record := fleet.SyncRecord{
		Repository: fleet.RepositoryID(r.RepositoryID), Basis: fleet.SyncBasis{Options: r.Options, Fields: r.Fields},
		Version: r.Version, Publication: r.Publication, Synced: utc(r.Synced),
	}
	if err := json.Unmarshal([]byte(r.Source), &record.Basis.Source); err != nil {
		return record, fmt.Errorf("what repository %d was synced from: %w", r.RepositoryID, err)
	}
	return record, nil
}
