// SPDX-License-Identifier: Apache-2.0

package removecontent_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

type ctx = context.Context

// fill makes a repository that is defined without a url, with the packages of another one, published so.
func (s *shop) fill(kind, name, from string, publication pulp.Fields) pulp.Href {
	s.t.Helper()
	source, _ := s.Primary.Object("repositories", from)["latest_version_href"].(string)
	there, _ := s.Primary.Object("repositories", name)["pulp_href"].(string)
	task, err := s.client.Modify(s.t.Context(), pulp.Href(there), pulp.Fields{"base_version": source})
	s.Done(s.client, task, err)
	publication["repository"] = there
	task, err = s.client.CreatePublication(s.t.Context(), kind, publication)
	s.Done(s.client, task, err)
	return pulp.Href(there)
}

// TestWithoutRemote: a repository without a remote is published as it was, and its distribution goes on
// following it (D117).
func TestWithoutRemote(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Define(s.Definition("deb", "int-flat", ""), s.Definition("deb", "int-deb", ""), s.Definition("rpm", "int-rpm", ""))
	s.Register(s.Primary)
	s.fill("deb/apt", "int-flat", "ext-deb", pulp.Fields{"simple": true, "structured": false})
	s.fill("deb/apt", "int-deb", "ext-deb", pulp.Fields{"simple": false, "structured": true})
	s.fill("rpm/rpm", "int-rpm", "ext-rpm", pulp.Fields{"checksum_type": "sha512"})
	s.Register(s.Primary) // the store sees them
	for repository, want := range map[string]struct {
		unit, kind string
		options    pulp.Fields
	}{
		"int-flat": {"alpha", "deb/apt", pulp.Fields{"simple": true, "structured": false}},
		"int-deb":  {"alpha", "deb/apt", pulp.Fields{"simple": false, "structured": true}},
		"int-rpm":  {"cat", "rpm/rpm", pulp.Fields{"checksum_type": "sha512"}},
	} {
		task := s.Completed(s.queue(s.Primary, repository, s.unit(s.Primary, repository, want.unit)))
		if strings.Contains(s.Story(task.ID), "the next sync") {
			t.Errorf("warns of a sync:\n%s", s.Story(task.ID))
		}
		row := s.row(s.Primary, repository)
		publications, err := s.client.Publications(t.Context(), want.kind, url.Values{"repository_version": {row.LatestVersion}})
		if err != nil || len(publications) != 1 || row.ServedVersion != row.LatestVersion {
			t.Fatalf("%s: published are %v %v, the store has %+v", repository, publications, err, row)
		}
		for option, value := range want.options {
			if got := publications[0].Fields[option]; got != value {
				t.Errorf("%s: published with %s %v, want %v", repository, option, got, value)
			}
		}
		if s.unitsOf(repository, want.unit) != 0 {
			t.Errorf("%s still has %s", repository, want.unit)
		}
		if d := s.Primary.Object("distributions", repository); d["repository"] == nil || d["publication"] != nil {
			t.Errorf("distribution of %s: %v", repository, d)
		}
	}
}

// unitsOf counts the units of a name in the newest version of a repository.
func (s *shop) unitsOf(repository, name string) int {
	s.t.Helper()
	found, err := inventory.Find(s.t.Context(), s.client, s.row(s.Primary, repository), inventory.Search{Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(found)
}

// TestPinned: a distribution that names a publication is switched; one that is missing stops nothing.
func TestPinned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Define(s.Definition("file", "int-file", ""))
	s.Register(s.Primary)
	there := s.fill("file/file", "int-file", "ext-file", pulp.Fields{})
	publications, err := s.client.Publications(t.Context(), "file/file", url.Values{"repository": {string(there)}})
	if err != nil || len(publications) != 1 {
		t.Fatalf("%v %v", publications, err)
	}
	distribution, _ := s.Primary.Object("distributions", "int-file")["pulp_href"].(string)
	change, err := s.client.UpdateDistribution(t.Context(), pulp.Href(distribution), pulp.Fields{"publication": publications[0].Href, "repository": nil})
	s.Done(s.client, change.Task, err)
	s.Sync(s.Primary, nil)
	s.Completed(s.queue(s.Primary, "int-file", s.unit(s.Primary, "int-file", "a.txt")))
	s.sees("int-file", "b+c.txt")
	if d := s.Primary.Object("distributions", "int-file"); d["publication"] == nil || d["publication"] == publications[0].Href || d["repository"] != nil {
		t.Errorf("distribution: %v", d)
	}

	task, err := s.client.DeleteDistribution(t.Context(), pulp.Href(distribution))
	s.Done(s.client, task, err)
	s.fill("file/file", "int-file", "ext-file", pulp.Fields{})
	done := s.Completed(s.queue(s.Primary, "int-file", s.unit(s.Primary, "int-file", "a.txt")))
	if !strings.Contains(s.Story(done.ID), "there is no distribution int-file") {
		t.Errorf("says:\n%s", s.Story(done.ID))
	}
}

// TestAsksLittle: one change and one publication, and no more.
func TestAsksLittle(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	steps := s.Primary.TasksStarted("")
	s.Completed(s.queue(s.Primary, "ext-deb", s.unit(s.Primary, "ext-deb", "alpha")))
	started := s.Primary.TasksStarted("")[len(steps):]
	var names []string
	for _, task := range started {
		names = append(names, task.Name)
	}
	if len(names) != 2 || !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "publish") }) {
		t.Errorf("asked for %q, want a modify and a publish", names)
	}
	s.Tidy()
}
