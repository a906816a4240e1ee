// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// publish publishes a version of a file repository.
func (s *shelf) publish(version pulp.Href) pulp.Href {
	s.t.Helper()
	task, err := s.client.CreatePublication(s.t.Context(), "file/file", pulp.Fields{"repository_version": version})
	if err != nil {
		s.t.Fatal(err)
	}
	made, ok := s.wait(task).CreatedPublication()
	if !ok {
		s.t.Fatal("nothing was published")
	}
	return made
}

// filled gives a file repository with versions 1 to n, which hold a file more each.
func (s *shelf) filled(name string, n int) (repository pulp.Href, versions []pulp.Href) {
	s.t.Helper()
	up := pulpfake.NewUpstream()
	tree := up.Add(name, pulpfake.Spec{Kind: pulpfake.FileTree})
	remote, err := s.client.CreateRemote(s.t.Context(), "file/file", pulp.Fields{"name": name, "url": tree.URL(up.Start(s.t.(pulpfake.TB)))})
	if err != nil {
		s.t.Fatal(err)
	}
	repository = s.repository("file/file", name, remote.Href)
	versions = []pulp.Href{repository + "versions/0/"}
	for i := range n {
		tree.Put(pulpfake.Package{Name: fmt.Sprintf("%s-%d.txt", name, i), Version: "1"})
		task, err := s.client.Sync(s.t.Context(), repository, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		version, ok := s.wait(task).CreatedVersion()
		if !ok {
			s.t.Fatal("no new version")
		}
		versions = append(versions, version)
	}
	return repository, versions
}

// The version that is served, for each way in which a distribution can name it, is the one whose files
// clients get.
func TestServe(t *testing.T) {
	s := newShelf(t)
	repository, v := s.filled("a", 4)
	var first, second, again pulp.Href
	for _, test := range []struct {
		what   string
		do     func()
		serves func() pulp.Fields
		want   func() (pulp.Href, pulp.Href) // version, publication
	}{
		{"repository, nothing published", func() {}, func() pulp.Fields { return pulp.Fields{"repository": repository} }, func() (pulp.Href, pulp.Href) { return "", "" }},
		{"repository, an old version published", func() { first = s.publish(v[1]) }, func() pulp.Fields { return pulp.Fields{"repository": repository} }, func() (pulp.Href, pulp.Href) { return v[1], first }},
		{"repository, a newer one published", func() { second = s.publish(v[3]) }, func() pulp.Fields { return pulp.Fields{"repository": repository} }, func() (pulp.Href, pulp.Href) { return v[3], second }},
		{"repository, the old one published again", func() { again = s.publish(v[1]) }, func() pulp.Fields { return pulp.Fields{"repository": repository} }, func() (pulp.Href, pulp.Href) { return v[3], second }},
		{"publication", func() {}, func() pulp.Fields { return pulp.Fields{"publication": first} }, func() (pulp.Href, pulp.Href) { return v[1], first }},
		{"publication, newer", func() {}, func() pulp.Fields { return pulp.Fields{"publication": second} }, func() (pulp.Href, pulp.Href) { return v[3], second }},
		{"version, published twice", func() {}, func() pulp.Fields { return pulp.Fields{"repository_version": v[1]} }, func() (pulp.Href, pulp.Href) { return v[1], again }},
		{"version, not published", func() {}, func() pulp.Fields { return pulp.Fields{"repository_version": v[2]} }, func() (pulp.Href, pulp.Href) { return v[2], "" }},
		{"nothing", func() {}, func() pulp.Fields { return nil }, func() (pulp.Href, pulp.Href) { return "", "" }},
	} {
		test.do()
		s.distribution("file/file", "a", test.serves())
		version, publication := test.want()
		p := s.take()
		for what, only := range map[string][]pulp.Href{"all": nil, "one": {repository}} {
			if err := p.Serve(t.Context(), s.client, only...); err != nil {
				t.Fatal(err)
			}
			if r := p.Find("file", "a"); r.Served != string(version) || r.ServedPublication != publication {
				t.Errorf("%s (%s): serves %q by %q, want %q by %q", test.what, what, r.Served, r.ServedPublication, version, publication)
			}
		}
		_, number, _ := version.VersionNumber()
		if files := len(s.server.ServedFiles("file/file/a")); publication != "" && files != number+1 { // and its manifest
			t.Errorf("%s: clients find %d files, want those of version %d", test.what, files, number)
		} else if publication == "" && files != 0 {
			t.Errorf("%s: clients find %d files", test.what, files)
		}
		href := p.Find("file", "a").Distribution.Href
		task, err := s.client.DeleteDistribution(t.Context(), href)
		if err != nil {
			t.Fatal(err)
		}
		s.wait(task)
	}
}

func TestPublicationsOf(t *testing.T) {
	s := newShelf(t)
	_, v := s.filled("a", 2)
	want := []pulp.Href{s.publish(v[1]), s.publish(v[1]), s.publish(v[1])}
	p := s.take()
	if got := p.PublicationsOf(v[1]); len(got) > 0 {
		t.Errorf("before Serve: %q", got)
	}
	if err := p.Serve(t.Context(), s.client); err != nil {
		t.Fatal(err)
	}
	if got := p.PublicationsOf(v[1]); !slices.Equal(got, want) {
		t.Errorf("%q, want the oldest first: %q", got, want)
	}
	if got := p.PublicationsOf(v[2]); len(got) > 0 {
		t.Errorf("of what is not published: %q", got)
	}
	if p.Find("file", "a").Served != "" {
		t.Error("served without a distribution")
	}
}

// Several repositories are looked at by name: Pulp takes one "repository" of a query.
func TestServeSome(t *testing.T) {
	s := newShelf(t)
	served := map[string]pulp.Href{}
	var only []pulp.Href
	for _, name := range []string{"a", "b", "c"} {
		repository, v := s.filled(name, 1)
		s.publish(v[1])
		s.distribution("file/file", name, pulp.Fields{"repository": repository})
		if served[name] = v[1]; name != "c" {
			only = append(only, repository)
		}
	}
	p := s.take()
	if err := p.Serve(t.Context(), s.client, only...); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		if got := p.Find("file", name).Served; got != string(served[name]) {
			t.Errorf("%s serves %q, want %q", name, got, served[name])
		}
	}
	for _, r := range p.Fleet(1) {
		if r.Name != "c" && r.ServedVersion != string(served[r.Name]) {
			t.Errorf("%s: stored as serving %q", r.Name, r.ServedVersion)
		}
	}
}

// Where the list cannot be read, what is known stays: it does not look as if nothing were served.
func TestServeFails(t *testing.T) {
	s := newShelf(t)
	repository, v := s.filled("a", 1)
	s.publish(v[1])
	s.distribution("file/file", "a", pulp.Fields{"repository": repository})
	p := s.take()
	if err := p.Serve(t.Context(), s.client); err != nil {
		t.Fatal(err)
	}
	s.server.Inject(func(r *http.Request, _ int) pulpfake.Fault {
		if strings.HasSuffix(r.URL.Path, "/publications/") {
			return pulpfake.BadGateway
		}
		return pulpfake.None
	})
	for _, only := range [][]pulp.Href{nil, {repository}} {
		if err := p.Serve(t.Context(), s.client, only...); !fault.Is(err, fault.Unavailable) || p.Find("file", "a").Served != string(v[1]) {
			t.Errorf("%v, serves %q", err, p.Find("file", "a").Served)
		}
	}
}
