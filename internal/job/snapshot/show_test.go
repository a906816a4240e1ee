// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
)

// A dry run tells which names would be made or used again, from which version, and makes none.
func TestDryRun(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"deb", "file"} })
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	dry := func(a *snapshot.Args) { a.DryRun = true }
	plan := func(change ...func(*snapshot.Args)) [][3]string {
		var got [][3]string
		for _, s := range f.DryRun(queue(f, f.Primary, append(change, dry)...)) {
			got = append(got, [3]string{string(s.Action), s.Repository, s.From})
		}
		return got
	}
	want := func(deb, file string) [][3]string {
		return [][3]string{{deb, "snap-a-ext-deb", "version 1 of ext-deb"}, {file, "snap-a-ext-file", "version 1 of ext-file"}}
	}
	if diff := cmp.Diff(want("create", "create"), plan()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if names := f.Primary.Names("repositories"); len(names) != 2 {
		t.Fatalf("there are %v", names)
	}
	f.Work(queue(f, f.Primary, only("deb")))
	if diff := cmp.Diff(want("refuse", "create"), plan()); diff != "" {
		t.Errorf("plan with one there (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want("unchanged", "create"), plan(reuse)); diff != "" {
		t.Errorf("plan to use one again (-want +got):\n%s", diff)
	}
}
