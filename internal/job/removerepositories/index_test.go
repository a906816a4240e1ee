// SPDX-License-Identifier: Apache-2.0

package removerepositories_test

import (
	"slices"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// indices are the types that have no publications.
func indices(w *jobtest.World) { w.Types = []fleet.RepositoryType{"python", "container"} }

// TestDryRunOfIndices: a dry run counts the packages of a Python index and the tags of a registry's repository, and
// changes nothing.
func TestDryRunOfIndices(t *testing.T) {
	t.Parallel()
	f := synced(t, true, indices)
	before := parts(f.Primary, "")
	f.Primary.ForgetRequests()
	_, byName := stages(t, f, f.Completed(queue(f, f.Primary, args("^ext-", dry))))
	if n := f.Primary.Writes(); n > 0 || !slices.Equal(before, parts(f.Primary, "")) {
		t.Errorf("%d writes, left are %v", n, parts(f.Primary, ""))
	}
	list, _ := byName[find+" (Dry Run)"].Detail["repositories"].([]any)
	if len(list) != 2 {
		t.Fatalf("shown are %v", list)
	}
	for i, kind := range []string{"container", "python"} {
		item, _ := list[i].(map[string]any)
		distribution, _ := item["distribution"].(map[string]any)
		remotes, _ := item["remotes"].([]any)
		mirrors, _ := item["mirrored_by"].([]any)
		if item["repository"] != "ext-"+kind || item["type"] != kind || item["packages"] != 2.0 || (item["publications"] != nil && item["publications"] != 0.0) ||
			distribution["name"] != "ext-"+kind || len(remotes) != 1 || !slices.Equal(mirrors, []any{string(jobtest.Name(f.Secondary)) + " ext-" + kind}) || item["stays"] != nil {
			t.Errorf("shown of ext-%s is %v", kind, item)
		}
	}
	f.Tidy()
}

// TestRemoveIndices: Python indices and registries' repositories go from the secondary and from the primary with
// everything that is theirs, and nothing serves them.
func TestRemoveIndices(t *testing.T) {
	t.Parallel()
	f := synced(t, true, indices)
	f.Primary.Push("team/hello", "1", "one") // by a client: it stays
	for _, s := range []*pulpfake.Server{f.Secondary, f.Primary} {
		if len(f.Repositories(s)) != 2 {
			t.Errorf("%s had %v", s.Name(), f.Repositories(s))
		}
		f.Completed(queue(f, s, args("^ext-")))
		if got := parts(s, "ext-"); got != nil {
			t.Errorf("left on %s are %v", s.Name(), got)
		}
		for _, name := range []string{"ext-python", "ext-container"} {
			if files := s.ServedFiles("repos/" + name); len(files) > 0 {
				t.Errorf("%s serves %d files of %s", s.Name(), len(files), name)
			}
		}
		for _, row := range f.Repositories(s) {
			if row.Name != "team/hello" {
				t.Errorf("the store has %s", row.Name)
			}
		}
	}
	if files := f.Primary.ServedFiles("team/hello"); len(files) == 0 {
		t.Error("what a client pushed has gone")
	}
	f.Tidy()
}
