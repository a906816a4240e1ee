// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// slotRow is a row of sync_slots.
type slotRow struct {
	bun.BaseModel `bun:"table:sync_slots,alias:sl"`

	Name   string    `bun:"name,pk"`
	TaskID int64     `bun:"task_id,pk"`
	RootID int64     `bun:"root_id"`
	Since  time.Time `bun:"since,nullzero"`
}

// TakeSlots implements fleet.SyncSlots. Who takes one of a name keeps others from taking one of it until it is done, so
// that none is counted twice.
func (s *Store) TakeSlots(ctx context.Context, lease fleet.Lease, task fleet.TaskID, slots []fleet.SyncSlot, force bool) (*fleet.SyncSlot, error) {
	slots = slices.SortedFunc(slices.Values(slots), func(a, b fleet.SyncSlot) int { return strings.Compare(a.Name, b.Name) })
	var full *fleet.SyncSlot
	err := s.inTx(ctx, fmt.Sprintf("take a slot for task %d", task), func(ctx context.Context, t tx) error {
		full = nil
		for _, slot := range slots { // in one order, so that two do not wait for each other
			if err := onlyTaker(ctx, t, slot.Name); err != nil {
				return err
			}
		}
		if err := fenced(ctx, t, lease, lease.Task); err != nil {
			return err
		}
		for i, slot := range slots {
			if force {
				break
			}
			n, err := slotsInUse(ctx, t, slot.Name, task)
			if err != nil {
				return err
			}
			if n >= slot.Most {
				full = &slots[i]
				return nil
			}
		}
		for _, slot := range slots {
			row := slotRow{Name: slot.Name, TaskID: int64(task), RootID: int64(lease.Task)}
			_, err := t.NewInsert().Model(&row).Value("since", "?", t.now()).On("CONFLICT (name, task_id) DO NOTHING").Returning("NULL").Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return full, err
}

// onlyTaker keeps others from taking a slot of that name until the transaction ends.
func onlyTaker(ctx context.Context, t tx, name string) error {
	if t.dialect == SQLite {
		return nil
	}
	var none []string
	return t.NewRaw("SELECT CAST(pg_advisory_xact_lock(hashtextextended(?, ?)) AS text)", name, int64(slotKey)).Scan(ctx, &none)
}

// slotsInUse counts the slots of a name that others than a task have.
func slotsInUse(ctx context.Context, t tx, name string, but fleet.TaskID) (int, error) {
	n, err := t.NewSelect().Model((*slotRow)(nil)).
		Join("JOIN tasks AS t ON t.id = sl.task_id AND t.state = ?", fleet.Running).
		Join("JOIN tasks AS root ON root.id = sl.root_id AND root.lease_owner IS NOT NULL AND root.lease_until >= ?", t.now()).
		Where("sl.name = ? AND sl.task_id <> ?", name, but).Count(ctx)
	return int(n), err
}

// FreeSlots implements fleet.SyncSlots.
func (s *Store) FreeSlots(ctx context.Context, task fleet.TaskID, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return s.inTx(ctx, fmt.Sprintf("give back the slots of task %d", task), func(ctx context.Context, t tx) error {
		_, err := t.NewDelete().Model((*slotRow)(nil)).Where("sl.task_id = ? AND sl.name IN (?)", task, bun.List(names)).Exec(ctx)
		return err
	})
}

// freeSlotsOf gives back what a task that is over has left, and its parts with it where it is a root.
func freeSlotsOf(ctx context.Context, t tx, id fleet.TaskID, root bool) error {
	if t.dialect == SQLite {
		return nil // one process keeps them in its memory
	}
	column := "task_id"
	if root {
		column = "root_id"
	}
	_, err := t.NewDelete().Model((*slotRow)(nil)).Where("sl.? = ?", bun.Ident(column), id).Exec(ctx)
	return err
}
