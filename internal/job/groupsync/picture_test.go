// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// TestOlderPicture: a picture that was taken before another run brought and served a version does not make the store forget that: the
// run after it would publish the same version once more.
func TestOlderPicture(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	server := f.Server(f.Primary)
	keeper := reconcile.Keeper{Server: server.ID, Repositories: f.Store, Ownership: f.Store, Locks: f.Store}
	for round, change := range []func(){func() {}, func() { f.Trees["ext-file"].Put(pulpfake.Package{Name: "new.txt", Body: "new"}) }} {
		change()
		before, err := keeper.Known(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		picture, err := inventory.Take(t.Context(), f.Client(f.Primary), server.Name)
		if err == nil {
			err = picture.Serve(t.Context(), f.Client(f.Primary))
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range picture.Repositories {
			if round == 0 {
				r.Distribution = nil // it was just being made
			}
		}
		f.Sync(f.Primary, nil)
		want := f.Repositories(f.Primary)
		if _, err := keeper.Keep(t.Context(), picture, before); err != nil {
			t.Fatal(err)
		}
		for i, r := range f.Repositories(f.Primary) {
			if r.ServedVersion != want[i].ServedVersion || r.LatestVersion != want[i].LatestVersion || r.ServedVersion == "" {
				t.Errorf("round %d: %s: newest %s and served %s, want %s and %s", round, r.Name, r.LatestVersion, r.ServedVersion, want[i].LatestVersion, want[i].ServedVersion)
			}
		}
	}
}
