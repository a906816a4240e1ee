// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"bytes"
	"testing"

	"github.com/pulp/pulp-manager/internal/job/jobtest"
)

// TestPrimaryToSecondary is the main path: definitions, primary, secondary, and a client that reads
// the same bytes from both.
func TestPrimaryToSecondary(t *testing.T) {
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	for _, file := range []struct{ base, path string }{
		{"repos/ext-deb", "dists/stable/InRelease"},
		{"repos/ext-rpm", "repodata/repomd.xml"},
		{"repos/ext-file", "PULP_MANIFEST"},
	} {
		primary, secondary := f.Primary.Served(file.base, file.path), f.Secondary.Served(file.base, file.path)
		if len(primary) == 0 || !bytes.Equal(primary, secondary) {
			t.Errorf("%s/%s: %d bytes on the primary, %d on the secondary, or they differ", file.base, file.path, len(primary), len(secondary))
		}
	}
	for _, s := range []interface{ Check() error }{f.Primary, f.Secondary} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestNoChangeAsksLittle: what a sync without any change costs Pulp.
func TestNoChangeAsksLittle(t *testing.T) {
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	f.Primary.ForgetRequests()
	f.Register(f.Primary)
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("a registration without change wrote %d times to Pulp", n)
	}
	for _, r := range f.Primary.Requests() { t.Log(r.Method, r.Path, r.Query) }
	f.Primary.ForgetRequests()
	f.Sync(f.Primary, nil)
	for _, r := range f.Primary.Requests() { t.Log(r.Method, r.Path, r.Query) }
}
