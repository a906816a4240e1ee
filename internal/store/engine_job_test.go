// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// A job that looks as if it were at work, but is nobody's any more, does not look so for ever.
func TestForgottenJobs(t *testing.T) {
	const lease = 200 * time.Millisecond
	s := openTest(t, Options{DataDir: t.TempDir(), LeaseTime: lease})
	ctx := t.Context()
	jobOf := func(id fleet.TaskID) (state string) {
		t.Helper()
		must(t, s.read.NewRaw("SELECT j.state FROM river_job AS j JOIN tasks AS t ON t.job_id = j.id WHERE t.id = ?", id).Scan(ctx, &state))
		return state
	}
	taken := func(id fleet.TaskID, ago time.Duration) (job string) {
		t.Helper()
		must(t, s.inTx(ctx, "test", func(ctx context.Context, tx tx) error {
			_, err := tx.NewRaw("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = ? WHERE id = (SELECT job_id FROM tasks WHERE id = ?)", tx.in(-ago), id).Exec(ctx)
			return err
		}))
		must(t, s.read.NewRaw("SELECT CAST(job_id AS text) FROM tasks WHERE id = ?", id).Scan(ctx, &job))
		return job
	}
	begin := func(name string, ago time.Duration) fleet.Lease {
		t.Helper()
		task, err := s.Enqueue(ctx, fleet.NewTask{Name: name, Kind: fleet.KindRepoGroupSync, MaxRuntime: time.Hour})
		must(t, err)
		_, lease, err := s.Claim(ctx, task.ID, "me", "host", taken(task.ID, ago))
		must(t, err)
		return lease
	}
	over := begin("over, but its process could not tell", time.Hour)
	must(t, second(s.Transition(ctx, over, over.Task, fleet.Completed, nil)))
	just := begin("over in this moment", 0)
	must(t, second(s.Transition(ctx, just, just.Task, fleet.Completed, nil)))
	working := begin("at work for long", time.Hour)
	must(t, second(s.Sweep(ctx)))
	for id, want := range map[fleet.TaskID]string{over.Task: "discarded", just.Task: "running", working.Task: "running"} {
		if got := jobOf(id); got != want {
			t.Errorf("the job of task %d is %s, want %s", id, got, want)
		}
	}
}
