// SPDX-License-Identifier: Apache-2.0

package removecontent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/removecontent"
)

// A dry run names the unit, says that what is left would be served and what would come back, and removes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"rpm", "file"} })
	before := s.view(s.Primary, "ext-rpm")
	dry := func(repository, href string) fleet.Task {
		return s.Queue(removecontent.NewTask(s.Server(s.Primary), s.row(s.Primary, repository), removecontent.Args{MaxRuntime: "10m", ContentHref: href, DryRun: true}))
	}
	unit := s.unit(s.Primary, "ext-rpm", "cat")
	steps := s.DryRun(dry("ext-rpm", unit))
	if len(steps) != 1 || steps[0].Action != fleet.PlanRemoveContent || steps[0].Repository != "ext-rpm" {
		t.Fatalf("plan: %+v", steps)
	}
	want := []fleet.PlanChange{{Part: "package", Before: steps[0].Changes[0].Before, After: "removed"}}
	if diff := cmp.Diff(want, steps[0].Changes); diff != "" || !strings.HasPrefix(want[0].Before, "cat 2.0") {
		t.Errorf("changes: %+v", steps[0].Changes)
	}
	if notes := strings.Join(steps[0].Notes, "\n"); !strings.Contains(notes, "served at repos/ext-rpm") || !strings.Contains(notes, "the next sync from http://") {
		t.Errorf("notes: %s", notes)
	}
	if after := s.view(s.Primary, "ext-rpm"); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
	if done := s.Work(s.queue(s.Primary, "ext-rpm", unit)); done.State != fleet.Completed {
		t.Fatal(s.Story(done.ID))
	}
	if steps = s.DryRun(dry("ext-rpm", unit)); steps[0].Action != fleet.PlanUnchanged {
		t.Errorf("plan afterwards: %+v", steps)
	}
	if done := s.Work(dry("ext-file", strings.Replace(unit, "rpm/packages", "file/files", 1))); done.State != fleet.Failed || !strings.Contains(done.Error.Msg, "has no file") {
		t.Errorf("a unit that is not there: %s", s.Story(done.ID))
	}
}
