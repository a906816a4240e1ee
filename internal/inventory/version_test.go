// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// What is served of a type without publications: the version that is named, or the newest of the repository
// that is named, once there is one. D83
func TestServeWithoutPublications(t *testing.T) {
	s := newShelf(t)
	s.server.Push("team/a", "1", "one")
	s.server.Push("team/a", "2", "two")
	empty := s.repository("container/container", "empty", "")
	s.distribution("container/container", "empty", pulp.Fields{"repository": empty})
	s.repository("container/container", "alone", "")
	pinned := s.take("team/a").Find("container", "team/a").Repository.Href
	s.distribution("container/container", "pinned", pulp.Fields{"repository_version": pinned + "versions/1/"})
	p := s.take()
	if err := p.Serve(t.Context(), s.client); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]pulp.Href{"team/a": pinned + "versions/2/", "pinned": pinned + "versions/1/", "empty": "", "alone": ""} {
		if r := p.Find("container", name); r == nil || r.Served != string(want) || r.ServedPublication != "" {
			t.Errorf("%s: %+v, want %s", name, r, want)
		}
	}
	one, err := TakeOne(t.Context(), s.client, "alpha", "container", "team/a")
	if err == nil {
		err = one.Serve(t.Context(), s.client, pinned)
	}
	if err != nil || one.Find("container", "team/a").Served != string(pinned+"versions/2/") {
		t.Errorf("%+v, %v", one, err)
	}
}

// Lists that not each version of Pulp has are looked at where there are any; else it is as if they were empty.
func TestOtherPaths(t *testing.T) {
	s := newShelf(t)
	s.server.Push("team/a", "1", "one")
	const other = "repositories/container/container-push/"
	asked := 0
	for answer, want := range map[pulpfake.Fault]bool{pulpfake.None: true, pulpfake.BadGateway: false} {
		s.server.Inject(func(r *http.Request, _ int) pulpfake.Fault {
			if strings.HasSuffix(r.URL.Path, other) {
				asked++
				return answer
			}
			return pulpfake.None
		})
		p, err := Take(t.Context(), s.client, "alpha")
		if (err == nil) != want || (want && p.Find("container", "team/a") == nil) {
			t.Errorf("%v: %v", answer, err)
		}
		if !want && !fault.Is(err, fault.Unavailable) {
			t.Error(err)
		}
	}
	if asked == 0 {
		t.Error("nobody asked for " + other)
	}
	old, _ := content.Find("container")
	old.OtherPaths = []string{"container/nosuch"}
	s.server.Inject(nil)
	p := NewPicture("alpha", pulp.Status{})
	if err := p.take(t.Context(), s.client, old, everyList, nil); err != nil || p.Find("container", "team/a") == nil {
		t.Errorf("a Pulp without that list: %v", err)
	}
}
