// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// stageRow is a row of task_stages.
type stageRow struct {
	bun.BaseModel `bun:"table:task_stages,alias:st"`

	ID      int64     `bun:"id,pk,autoincrement"`
	TaskID  int64     `bun:"task_id"`
	Name    string    `bun:"name"`
	State   string    `bun:"state"`
	Detail  string    `bun:"detail,nullzero"`
	Error   string    `bun:"error,nullzero"`
	Result  string    `bun:"result,nullzero"`
	Created time.Time `bun:"date_created,nullzero"`
	Updated time.Time `bun:"date_last_updated,nullzero"`
}

// SaveStage implements fleet.Work.
func (s *Store) SaveStage(ctx context.Context, lease fleet.Lease, stage fleet.Stage) (fleet.Stage, error) {
	row, err := newStageRow(stage)
	if err != nil {
		return fleet.Stage{}, err
	}
	err = s.inTx(ctx, fmt.Sprintf("store stage %q of task %d", stage.Name, stage.Task), func(ctx context.Context, t tx) error {
		if err := fenced(ctx, t, lease, stage.Task); err != nil {
			return err
		}
		now := t.present()
		return t.ask(ctx, &row, `INSERT INTO task_stages (task_id, name, state, detail, error, result, date_created, date_last_updated)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task_id, name) DO UPDATE SET state = excluded.state, detail = excluded.detail,
			error = excluded.error, result = excluded.result, date_last_updated = excluded.date_last_updated
			RETURNING id, date_created, date_last_updated`,
			row.TaskID, row.Name, row.State, orNull(row.Detail), orNull(row.Error), orNull(row.Result), now, now)
	})
	if err != nil {
		return fleet.Stage{}, err
	}
	return row.stage()
}

// Stages implements fleet.Tasks.
func (s *Store) Stages(ctx context.Context, id fleet.TaskID) ([]fleet.Stage, error) {
	var rows []stageRow
	if err := s.read.NewSelect().Model(&rows).Where("st.task_id = ?", id).OrderExpr("st.id").Scan(ctx); err != nil {
		return nil, s.errors.classify(ctx, err, fmt.Sprintf("read the stages of task %d", id))
	}
	all := make([]fleet.Stage, 0, len(rows))
	for _, r := range rows {
		stage, err := r.stage()
		if err != nil {
			return nil, err
		}
		all = append(all, stage)
	}
	return all, nil
}

func newStageRow(s fleet.Stage) (stageRow, error) {
	row := stageRow{TaskID: int64(s.Task), Name: s.Name, State: string(s.State), Result: string(s.Result)}
	if s.Detail != nil {
		detail, err := json.Marshal(s.Detail)
		if err != nil {
			return row, fmt.Errorf("detail of stage %q: %w", s.Name, err)
		}
		row.Detail = string(detail)
	}
	var err error
	row.Error, err = errorText(s.Error)
	return row, err
}

func (r stageRow) stage() (fleet.Stage, error) {
	s := fleet.Stage{
		ID: fleet.StageID(r.ID), Task: fleet.TaskID(r.TaskID), Name: r.Name, State: fleet.StageState(r.State),
		Error: taskError(r.Error), Created: utc(r.Created), Updated: utc(r.Updated),
	}
	if r.Result != "" {
		s.Result = json.RawMessage(r.Result)
	}
	if r.Detail != "" {
		if err := json.Unmarshal([]byte(r.Detail), &s.Detail); err != nil {
			return s, fmt.Errorf("detail of stage %d: %w", r.ID, err)
		}
	}
	return s, nil
}
