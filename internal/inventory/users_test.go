// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"testing"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// Who uses what is known for each way in which a distribution can name it.
func TestUsers(t *testing.T) {
	s := newShelf(t)
	repository, versions := s.filled("a", 2)
	published := s.publish(versions[1])
	s.publish(versions[2])
	other := s.repository("file/file", "b", "")
	remote := s.remote("file/file", "b") // of its name, though it does not name it
	s.distribution("file/file", "a", pulp.Fields{"repository": repository})
	s.distribution("file/file", "pinned", pulp.Fields{"publication": published})
	s.distribution("file/file", "version", pulp.Fields{"repository_version": versions[1]})
	s.distribution("file/file", "b", pulp.Fields{"repository": other})
	s.distribution("file/file", "nothing", nil)
	p := s.take()
	if err := p.Serve(t.Context(), s.client); err != nil {
		t.Fatal(err)
	}
	u := p.Users()
	names := map[string]bool{}
	for _, d := range u.Distributions[repository] {
		names[d.Name] = true
	}
	if len(u.Distributions[repository]) != 3 || !names["a"] || !names["pinned"] || !names["version"] {
		t.Errorf("of a: %v", names)
	}
	if of := u.Distributions[other]; len(of) != 1 || of[0].Name != "b" {
		t.Errorf("of b: %v", of)
	}
	if u.Publications[repository] != 2 || u.Publications[other] != 0 {
		t.Errorf("publications: %v", u.Publications)
	}
	if of := u.Remotes[remote]; len(of) != 1 || of[0].Name != "b" {
		t.Errorf("remote b: %v", of)
	}
	for name, want := range map[string]bool{"a": false, "pinned": false, "version": false, "nothing": true} {
		if got := LeadsNowhere(p.Find("file", name).Distribution); got != want {
			t.Errorf("%s leads nowhere: %t", name, got)
		}
	}
}
