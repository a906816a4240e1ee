// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// TestFiveThousand: a server of 5,000 repositories that is as defined costs few requests, none of them a write, and
// nothing for each repository.
func TestFiveThousand(t *testing.T) {
	t.Parallel()
	all := jobtest.Fewer(5000)
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = nil; w.Primary.Workers = 64; w.Timing.LookEach = time.Minute })
	definitions := make([]fleet.Definition, all)
	for i := range definitions {
		kind := []fleet.RepositoryType{"rpm", "file"}[i%2]
		definitions[i] = f.Definition(kind, fmt.Sprintf("int-%s-%d", kind, i), "")
	}
	f.DefineAll(definitions)
	c, labels := f.Client(f.Primary), map[string]string{"pulp_manager": string(jobtest.Name(f.Primary))}
	var makers sync.WaitGroup
	for part := range 4 {
		makers.Go(func() {
			for i := part; i < all; i += 4 {
				d := definitions[i]
				path := string(d.Type) + "/" + string(d.Type)
				made, err := c.CreateRepository(t.Context(), path, pulp.Fields{"name": d.Name, "description": d.PulpDescription(), "pulp_labels": labels})
				if err == nil {
					_, err = c.CreateDistribution(t.Context(), path, pulp.Fields{
						"name": d.Name, "base_path": "repos/" + d.Name, "repository": made.Href, "pulp_labels": labels,
					})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	makers.Wait()
	if err := f.Primary.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"seen for the first time", "known"} {
		f.Primary.ForgetRequests()
		f.Register(f.Primary)
		if n := f.Primary.Writes(); n != 0 {
			t.Errorf("%s: %d writes without a change", when, n)
		}
		if asked, n := jobtest.Asked(f.Primary); n > 30 {
			t.Errorf("%s: %d requests without a change: %v", when, n, asked)
		}
	}
	if n := len(f.Repositories(f.Primary)); n != all {
		t.Errorf("%d repositories known", n)
	}
}
