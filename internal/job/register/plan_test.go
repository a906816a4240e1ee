// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/adopt"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp"
)

func dry(a *register.Args) { a.DryRun = true }

// A dry run tells what would be made, field by field, and makes nothing; the run after it does just that, and the dry run
// after that finds nothing to do.
func TestDryRun(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"file"} })
	steps := f.DryRun(f.QueueRegister(f.Primary, dry))
	if len(steps) != 1 || steps[0].Action != fleet.PlanCreate || steps[0].Repository != "ext-file" || steps[0].Server != jobtest.Name(f.Primary) {
		t.Fatalf("plan: %+v", steps)
	}
	line := jobtest.PlanLines(steps)[0]
	for _, field := range []string{
		`[remote url: none → "` + f.Trees["ext-file"].URL(f.UpstreamURL), `[repository name: none → "ext-file"]`, `[distribution base_path: none → "repos/ext-file"]`,
		`[repository remote: none → its own]`,
	} {
		if !strings.Contains(line, field) {
			t.Errorf("%q is not in %s", field, line)
		}
	}
	if f.Primary.Object("repositories", "ext-file") != nil {
		t.Fatal("it was made")
	}
	f.Register(f.Primary)
	if got := f.DryRun(f.QueueRegister(f.Primary, dry)); got[0].Action != fleet.PlanUnchanged || len(got) != 1 {
		t.Errorf("plan afterwards: %+v", got)
	}

	patch(t, f, "remotes", "ext-file", pulp.Fields{"url": "http://evil.example.com/"})
	f.Spoil(fleet.DefinitionProblem{Source: "remote/bad.json", Err: fault.New(fault.Invalid, "no name")})
	f.Define(f.Definition("file", "ext-file-b", "http://new.example.com/"))
	got := f.DryRun(f.QueueRegister(f.Primary, dry))
	if len(got) != 3 || got[0].Action != fleet.PlanUpdate || got[1].Action != fleet.PlanCreate || got[2].Action != fleet.PlanRefuse || got[2].From != "remote/bad.json" {
		t.Fatalf("plan: %+v", got)
	}
	url := fleet.PlanChange{Part: "remote", Field: "url", Before: `"http://evil.example.com/"`, After: `"` + f.Trees["ext-file"].URL(f.UpstreamURL) + `"`, ByHand: true}
	if diff := cmp.Diff([]fleet.PlanChange{url}, got[0].Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// What nothing defines any more is kept or removed, as on_missing says.
func TestDryRunOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		onMissing string
		limit     int
		action    fleet.PlanAction
		says      string
	}{
		"kept":     {fleet.KeepMissing, 0, fleet.PlanKeep, "on_missing: keep"},
		"removed":  {fleet.RemoveMissing, 5, fleet.PlanRemove, "on_missing: remove"},
		"too many": {fleet.RemoveMissing, 1, fleet.PlanKeep, "more than the 1 that one run removes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := jobtest.New(t, func(w *jobtest.World) {
				w.Types, w.Copies, w.Mirrors = []fleet.RepositoryType{"file"}, 2, false
				w.Configure = func(c *fleet.Configuration) {
					c.Servers[0].Server.Registration = &fleet.Registration{Schedule: "0 3 * * *", MaxRuntime: "1h", OnMissing: test.onMissing, OnMissingCap: test.limit}
				}
			})
			f.Register(f.Primary)
			f.Undefine("ext-file-0", "ext-file-1")
			steps := f.DryRun(f.QueueRegister(f.Primary, dry))
			if len(steps) != 3 || steps[0].Action != fleet.PlanUnchanged || steps[1].Action != test.action || !strings.Contains(steps[1].Why, test.says) {
				t.Fatalf("plan: %+v", steps)
			}
			if removes := len(steps[2].Changes); (removes == 3) != (test.action == fleet.PlanRemove) {
				t.Errorf("%d parts would go", removes)
			}
			if f.Primary.Object("repositories", "ext-file-0") == nil {
				t.Error("it is gone")
			}
		})
	}
}

// What somebody else made waits; adopting it is planned, too: labels, and what comes after.
func TestDryRunOfAdoption(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"file"} })
	byHand(t, f, "ext-file", "http://old.example.com/")
	steps := f.DryRun(f.QueueRegister(f.Primary, dry))
	if len(steps) != 1 || steps[0].Action != fleet.PlanWait || len(steps[0].Changes) == 0 {
		t.Fatalf("plan: %+v", steps)
	}
	f.Work(f.QueueRegister(f.Primary))
	steps = f.DryRun(f.Queue(adopt.NewTask(f.Server(f.Primary), adopt.Args{DryRun: true})))
	if len(steps) != 1 || steps[0].Action != fleet.PlanAdopt || len(steps[0].Changes) != 3 || !strings.Contains(strings.Join(steps[0].Notes, "\n"), "http://old.example.com/") {
		t.Fatalf("plan: %+v", steps)
	}
	if steps[0].Changes[0].Field != "label pulp_manager" {
		t.Errorf("changes: %+v", steps[0].Changes)
	}
	if got := labels(f, "repositories", "ext-file"); got != "map[]" {
		t.Errorf("labels are %s", got)
	}
}
