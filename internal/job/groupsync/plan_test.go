// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/groupsync"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// A dry run tells what would be mirrored first and what would be synced, from where, with which options and bans; and
// what not, and why.
func TestDryRun(t *testing.T) {
	t.Parallel()
	pattern, err := fleet.CompilePattern("^telnet")
	if err != nil {
		t.Fatal(err)
	}
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Types, w.Bans = []fleet.RepositoryType{"deb", "file"}, reposync.Bans{Banned: func() *fleet.Pattern { return pattern }}
	})
	dry := func(change ...func(*groupsync.Args)) func(*groupsync.Args) {
		return func(a *groupsync.Args) {
			a.DryRun = true
			for _, c := range change {
				c(a)
			}
		}
	}
	heads := func(steps []fleet.PlanStep) []string {
		got := []string{}
		for _, s := range steps {
			got = append(got, string(s.Action)+" "+s.Repository)
		}
		return got
	}
	compare := func(what string, steps []fleet.PlanStep, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, heads(steps)); diff != "" {
			t.Errorf("%s (-want +got):\n%s%+v", what, diff, steps)
		}
	}

	f.Register(f.Primary)
	steps := f.DryRun(f.QueueSync(f.Primary, nil, dry()))
	compare("the primary", steps, "sync ext-deb", "sync ext-file")
	if steps[0].From != f.Trees["ext-deb"].URL(f.UpstreamURL) || len(steps[0].Options) > 0 ||
		!strings.Contains(strings.Join(steps[0].Notes, "\n"), `"^telnet" finds are taken out`) || !strings.Contains(strings.Join(steps[1].Notes, "\n"), "no files are banned") {
		t.Errorf("plan: %+v", steps)
	}
	include := "file"
	compare("chosen ones", f.DryRun(f.QueueSync(f.Primary, nil, dry(func(a *groupsync.Args) { a.RegexInclude = &include }))), "sync ext-file")

	f.Sync(f.Primary, nil)
	steps = f.DryRun(f.QueueSync(f.Secondary, f.Primary, dry()))
	compare("a secondary that has nothing", steps, "create ext-deb", "create ext-file", "sync ext-deb", "sync ext-file")
	if from := steps[2].From; from != "http://"+string(jobtest.Name(f.Primary))+"/pulp/content/repos/ext-deb/" {
		t.Errorf("it would be synced from %s: %+v", from, steps[2])
	}
	if len(f.Secondary.Names("repositories")) > 0 {
		t.Fatal("something was made")
	}

	f.Sync(f.Secondary, f.Primary)
	steps = f.DryRun(f.QueueSync(f.Secondary, f.Primary, dry()))
	compare("nothing has changed", steps, "unchanged ext-deb", "unchanged ext-file")
	if !strings.Contains(steps[0].Why, "serves what was mirrored 20") {
		t.Errorf("why: %q", steps[0].Why)
	}
	forced := f.DryRun(f.QueueSync(f.Secondary, f.Primary, dry(func(a *groupsync.Args) { a.Force = true })))
	compare("forced", forced, "sync ext-deb", "sync ext-file")

	f.Trees["ext-file"].Put(pulpfake.Package{Name: "new.txt"})
	f.Sync(f.Primary, nil)
	steps = f.DryRun(f.QueueSync(f.Secondary, f.Primary, dry()))
	compare("one has changed", steps, "unchanged ext-deb", "sync ext-file")
	if steps[1].Why == "" || steps[1].Options["mirror"] != true {
		t.Errorf("plan: %+v", steps[1])
	}
}
