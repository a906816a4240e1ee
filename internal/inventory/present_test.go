// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestTakePresent: nothing is asked about types that a server does not use, unless they are wanted; of those it
// uses nothing is missing.
func TestTakePresent(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.repository("file/file", "a", s.remote("file/file", "a"))
	s.repository("rpm/rpm", "b", "")
	s.remote("deb/apt", "alone")
	for _, test := range []struct {
		name   string
		take   func() (*Picture, error)
		names  []string
		asked  int
		remote bool // whether the picture has the remote of a
	}{
		{"present", func() (*Picture, error) { return TakePresent(t.Context(), s.client, "alpha") }, []string{"a", "b"}, 2 + 2*3, true},
		{"wanted", func() (*Picture, error) { return TakePresent(t.Context(), s.client, "alpha", "deb", "nosuch") }, []string{"alone", "a", "b"}, 2 + 3*3, true},
		{"source", func() (*Picture, error) { return TakeSource(t.Context(), s.client, "alpha") }, []string{"a", "b"}, 2 + 2*2, false},
	} {
		s.server.ForgetRequests()
		p, err := test.take()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range p.Repositories {
			names = append(names, r.Name)
		}
		if diff := cmp.Diff(test.names, names); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		asked := slices.DeleteFunc(s.server.Requests(), func(r pulpfake.Request) bool { return r.Method != "GET" })
		if len(asked) != test.asked {
			t.Errorf("%s: %d requests, want %d", test.name, len(asked), test.asked)
		}
		a := p.Find("file", "a")
		if !a.Linked || (a.Remote != nil) != test.remote || (a.Own != nil) != test.remote {
			t.Errorf("%s: %+v", test.name, a)
		}
		if diff := cmp.Diff([]fleet.RepositoryType{"file", "rpm"}, p.Present()); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	s.server.Stop()
	if _, err := TakePresent(t.Context(), s.client, "alpha"); err == nil {
		t.Error("a server that is down gives a picture")
	}
}
