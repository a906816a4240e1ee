// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/riverqueue/river"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// untilWoken is when a job that waits for another task would begin by itself.
const untilWoken = 10 * 365 * 24 * time.Hour

// insertMany implements jobs.
func (r *riverJobs[T]) insertMany(ctx context.Context, now, later []fleet.TaskID) (map[fleet.TaskID]int64, error) {
	var all []river.InsertManyParams
	for _, id := range now {
		all = append(all, river.InsertManyParams{Args: taskArgs{TaskID: id}, InsertOpts: &river.InsertOpts{MaxAttempts: 1}})
	}
	for _, id := range later {
		all = append(all, river.InsertManyParams{Args: taskArgs{TaskID: id}, InsertOpts: &river.InsertOpts{MaxAttempts: 1, ScheduledAt: time.Now().Add(untilWoken)}})
	}
	if len(all) == 0 {
		return nil, nil
	}
	inserted, err := r.client.InsertManyTx(ctx, r.tx, all)
	if err != nil {
		return nil, err
	}
	r.queued = r.queued || len(now) > 0
	ids := make(map[fleet.TaskID]int64, len(inserted))
	for _, i := range inserted {
		var args taskArgs
		if err := json.Unmarshal(i.Job.EncodedArgs, &args); err != nil {
			return nil, err
		}
		ids[args.TaskID] = i.Job.ID
	}
	return ids, nil
}
