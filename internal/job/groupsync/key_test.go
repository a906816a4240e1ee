// SPDX-License-Identifier: Apache-2.0

package groupsync_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// signed is a fleet with a few deb repositories, mirrored.
func signed(t *testing.T, shape ...func(*jobtest.World)) *jobtest.Fleet {
	t.Helper()
	f := jobtest.New(t, append(shape, func(w *jobtest.World) { w.Types, w.Copies = []fleet.RepositoryType{"deb"}, 3 })...)
	f.SyncAll()
	return f
}

// key gives the key that a remote checks signatures with. Pulp drops blanks around it.
func key(s *pulpfake.Server, repository string) string {
	text, _ := s.Object("remotes", repository)["gpgkey"].(string)
	return strings.TrimSpace(text)
}

func publicKey(s *pulpfake.Server) string { return strings.TrimSpace(s.PublicKey()) }

// A secondary's remotes know the key of the service that signed what the primary serves, so that tampered metadata
// is refused; it costs two requests a run, however many repositories there are.
func TestMirrorsKnowThePrimarysKey(t *testing.T) {
	t.Parallel()
	f := signed(t)
	for _, d := range f.Defined() {
		if key(f.Secondary, d.Name) != publicKey(f.Primary) {
			t.Errorf("%s: the key is %.60q", d.Name, key(f.Secondary, d.Name))
		}
	}
	f.Same()
	f.Primary.ForgetRequests()
	f.Secondary.ForgetRequests()
	f.Sync(f.Secondary, f.Primary)
	asked := 0
	for _, r := range f.Primary.Requests() {
		if strings.HasSuffix(r.Path, "/signing-services/") || strings.HasSuffix(r.Path, "/publications/deb/apt/") {
			asked++
		}
	}
	if asked != 2 || f.Secondary.Writes() != 0 {
		t.Errorf("without a change: %d requests for signatures, %d writes", asked, f.Secondary.Writes())
	}
	f.Sound()
}

// TestForgedMetadata: what another key signed is refused in Pulp's words, and what was served is served on, until it is
// signed by the key that the primary shows.
func TestForgedMetadata(t *testing.T) {
	t.Parallel()
	f := signed(t)
	before := f.Stable()
	f.Primary.RotateKey() // now what is served is not signed by whom it should be
	failed := f.Failed(f.QueueSync(f.Secondary, f.Primary))
	if !strings.Contains(failed.Error.Msg, "Unable to verify any Release files") || !strings.Contains(failed.Error.Msg, "ext-deb") {
		t.Errorf("error: %+v", failed.Error)
	}
	if !maps.Equal(before, f.Stable()) {
		t.Error("what is served has changed")
	}
	for name, tree := range f.Trees {
		tree.Put(pulpfake.Package{Name: "gamma", Version: "3.0", Body: name})
	}
	f.Sync(f.Primary, nil)
	f.Sync(f.Secondary, f.Primary)
	for _, d := range f.Defined() {
		if key(f.Secondary, d.Name) != publicKey(f.Primary) {
			t.Errorf("%s: the key is not the new one", d.Name)
		}
	}
	if !bytes.Contains(f.Secondary.Served("repos/ext-deb", "dists/stable/InRelease"), []byte("BEGIN PGP SIGNED MESSAGE")) {
		t.Error("the secondary serves no signed release file")
	}
	f.Same()
	f.Sound()
}

// What the primary does not sign has no key; and where it is not known who signed, the remote's key is left as it is: a
// publication made by hand does not name its repository's service, which may have been another one then.
func TestUnsignedAndUnknown(t *testing.T) {
	t.Parallel()
	f := signed(t)
	c := f.Client(f.Primary)
	repository := f.Primary.Object("repositories", "ext-deb")
	href := pulp.Href(repository["pulp_href"].(string))
	publish := func() {
		t.Helper()
		task, err := c.CreatePublication(t.Context(), "deb/apt", pulp.Fields{"repository": href, "structured": true})
		f.Done(c, task, err)
	}
	publish()
	f.Sync(f.Secondary, f.Primary)
	if key(f.Secondary, "ext-deb") != publicKey(f.Primary) {
		t.Errorf("by hand: the key is %.60q", key(f.Secondary, "ext-deb"))
	}
	if _, err := c.UpdateRepository(t.Context(), href, pulp.Fields{"signing_service": nil}); err != nil {
		t.Fatal(err)
	}
	publish()
	f.Sync(f.Secondary, f.Primary)
	if key(f.Secondary, "ext-deb") != "" || key(f.Secondary, "ext-deb-0") != publicKey(f.Primary) {
		t.Errorf("not signed: the key is %.60q; that of another %.60q", key(f.Secondary, "ext-deb"), key(f.Secondary, "ext-deb-0"))
	}
}
