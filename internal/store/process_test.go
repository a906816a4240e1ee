// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// Who has not been seen for a while does not count as there, and is forgotten after a day.
func TestSilentProcesses(t *testing.T) {
	s := openTest(t, Options{DataDir: t.TempDir()})
	note := func(owner string) {
		must(t, s.NoteProcess(t.Context(), fleet.Process{Owner: owner, Host: "a", PID: 1, Roles: "worker"}))
	}
	ago := map[string]time.Duration{"now": 0, "there": fleet.AliveFor - 5*time.Second, "silent": fleet.AliveFor + time.Second, "gone": forgetProcesses + time.Second}
	for owner, silent := range ago {
		note(owner)
		must(t, s.inTx(t.Context(), "test", func(ctx context.Context, tx tx) error {
			_, err := tx.NewUpdate().Model((*processRow)(nil)).Set("last_seen = ?", time.Now().Add(-silent)).Where("owner = ?", owner).Exec(ctx)
			return err
		}))
	}
	note("now")
	page, err := s.FindProcesses(t.Context(), fleet.Query{Page: 1, Size: 10})
	must(t, err)
	want := map[string]bool{"now": true, "there": true, "silent": false}
	if len(page.Items) != len(want) {
		t.Errorf("%d processes, want %d", len(page.Items), len(want))
	}
	for _, p := range page.Items {
		if alive, ok := want[p.Owner]; !ok || alive != p.Alive {
			t.Errorf("%s: alive %t", p.Owner, p.Alive)
		}
	}
}
