// SPDX-License-Identifier: Apache-2.0

package jobtest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// bans makes a fleet ban one package of each deb and rpm repository, and sync the primary twice.
func bans(w *jobtest.World) {
	pattern, err := fleet.CompilePattern("^(beta|zebra)$")
	if err != nil {
		panic(err)
	}
	w.Bans = reposync.Bans{Banned: func() *fleet.Pattern { return pattern }}
	w.Again = true
}

// banning makes such a fleet.
func banning(t *testing.T) *jobtest.Fleet {
	t.Helper()
	f := jobtest.New(t, bans, short)
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "zebra", Version: "1.0"})
	return f
}

// served gives an error where a server serves a package that is banned, or names it in its metadata.
func served(s *pulpfake.Server) error {
	var errs []error
	for name, banned := range map[string]string{"ext-deb": "beta", "ext-rpm": "zebra"} {
		for file, body := range s.ServedFiles("repos/" + name) {
			if strings.HasSuffix(file, ".gz") {
				if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
					body, _ = io.ReadAll(r)
				}
			}
			if strings.Contains(file, banned) || bytes.Contains(body, []byte(banned)) {
				errs = append(errs, fmt.Errorf("%s serves %s in %s of %s", s.Name(), banned, file, name))
			}
		}
	}
	return errors.Join(errs...)
}

// versions gives the numbers of the versions of each repository on the primary.
func versions(t *testing.T, f *jobtest.Fleet) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	for _, d := range f.Defined() {
		href, _ := f.Primary.Object("repositories", d.Name)["pulp_href"].(string)
		found, err := f.Client(f.Primary).NewestVersions(t.Context(), pulp.Href(href), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			all[d.Name] = append(all[d.Name], v.Number)
		}
	}
	return all
}

// TestKilledCleaning kills the process at requests of two syncs of repositories from which packages are taken out:
// nothing banned is served at any moment, and the second process leaves what an undisturbed one does.
func TestKilledCleaning(t *testing.T) {
	t.Parallel()
	f := banning(t)
	f.CloseStore()
	if err := f.StartChild().Wait(jobtest.Patience); err != nil {
		t.Fatal(err)
	}
	f.OpenStore()
	want := undisturbed{served: f.Stable(), started: startedBy(f), requests: [2]int{len(f.Primary.Requests()), len(f.Secondary.Requests())}, roots: 4}
	if err := served(f.Primary); err != nil {
		t.Fatal(err)
	}
	numbers := versions(t, f)
	if !slices.Equal(numbers["ext-deb"], []int{2}) || !slices.Equal(numbers["ext-rpm"], []int{2}) {
		t.Fatalf("versions %v", numbers)
	}
	for _, k := range kills(t, undisturbed{requests: [2]int{want.requests[0], 0}}) {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			f := banning(t)
			var dirty atomic.Value // error: what was served at some request
			f.Primary.Inject(func(*http.Request, int) pulpfake.Fault {
				if err := served(f.Primary); err != nil {
					dirty.Store(err)
				}
				return pulpfake.None
			})
			k.strike(t, f)
			f.Primary.Inject(nil)
			verify(t, f, want)
			for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
				if err := served(s); err != nil {
					t.Error(err)
				}
			}
			if err := dirty.Load(); err != nil {
				t.Errorf("during the run: %v", err)
			}
			if left := versions(t, f); !maps.EqualFunc(left, numbers, func(a, b []int) bool { return len(a) == len(b) }) {
				t.Errorf("versions left: %v, want %v", left, numbers)
			}
			if t.Failed() {
				t.Log(f.Stories())
			}
		})
	}
}
