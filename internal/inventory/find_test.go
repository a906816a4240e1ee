// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// odd are packages with what must be escaped in an address (D58).
var odd = []pulpfake.Package{
	{Name: "libstdc++6", Version: "12.2.0-14+deb12u1"}, {Name: "libstdc", Version: "12.2.0-14"}, {Name: "rc", Version: "1.0~rc1+b1"},
}

// stocked gives a repository of a type that holds packages, as the store knows it.
func (s *shelf) stocked(kind pulpfake.TreeKind, path string, packages ...pulpfake.Package) fleet.Repository {
	s.t.Helper()
	up := pulpfake.NewUpstream()
	tree := up.Add(string(kind), pulpfake.Spec{Kind: kind, Suite: "stable", Packages: packages})
	body := pulp.Fields{"name": string(kind), "url": tree.URL(up.Start(s.t.(pulpfake.TB)))}
	if kind == pulpfake.DebTree {
		body["distributions"] = "stable"
	}
	remote, err := s.client.CreateRemote(s.t.Context(), path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	repository := s.repository(path, string(kind), remote.Href)
	task, err := s.client.Sync(s.t.Context(), repository, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.wait(task)
	return fleet.Repository{Name: string(kind), Type: fleet.RepositoryType(kind), Href: string(repository)}
}

func TestFind(t *testing.T) {
	s := newShelf(t)
	deb := s.stocked(pulpfake.DebTree, "deb/apt", odd...)
	rpm := s.stocked(pulpfake.RPMTree, "rpm/rpm", pulpfake.Package{Name: "bear", Version: "1.0"}, pulpfake.Package{Name: "bear", Version: "2.0"}, pulpfake.Package{Name: "c++", Version: "1.0"})
	file := s.stocked(pulpfake.FileTree, "file/file", pulpfake.Package{Name: "a b+c.txt"}, pulpfake.Package{Name: "a.txt"})
	for _, test := range []struct {
		in     fleet.Repository
		search Search
		want   []string
	}{
		{deb, Search{Name: "libstdc++6"}, []string{"libstdc++6 12.2.0-14+deb12u1 amd64"}},
		{deb, Search{Name: "libstdc"}, []string{"libstdc 12.2.0-14 amd64"}},
		{deb, Search{Version: "1.0~rc1+b1"}, []string{"rc 1.0~rc1+b1 amd64"}},
		{deb, Search{Name: "nothing&package=rc"}, nil},
		{deb, Search{Name: "rc#"}, nil},
		{deb, Search{Name: "libstdc%2B%2B6"}, nil},
		{deb, Search{Name: "libstdc++6", Version: "1.0"}, nil},
		{deb, Search{Name: "nothing"}, nil},
		{rpm, Search{Name: "bear"}, []string{"bear 1.0-1 x86_64", "bear 2.0-1 x86_64"}},
		{rpm, Search{Name: "bear", Version: "2.0"}, []string{"bear 2.0-1 x86_64"}},
		{rpm, Search{Name: "bear", Version: "2.0-1"}, []string{"bear 2.0-1 x86_64"}}, // as rpm writes it
		{rpm, Search{Name: "bear", Version: "2.0-2"}, nil},
		{rpm, Search{Version: "1.0"}, []string{"bear 1.0-1 x86_64", "c++ 1.0-1 x86_64"}},
		{file, Search{Name: "a b+c.txt"}, []string{"a b+c.txt"}},
	} {
		found, err := Find(t.Context(), s.client, test.in, test.search)
		var names []string
		for _, f := range found {
			names = append(names, f.FullName())
		}
		slices.Sort(names)
		if err != nil || !slices.Equal(names, test.want) {
			t.Errorf("%s %+v: %q %v, want %q", test.in.Name, test.search, names, err, test.want)
		}
		for _, f := range found {
			for _, hash := range []string{f.SHA256, strings.ToUpper(f.SHA256), "sha256:" + f.SHA256} {
				again, err := Find(t.Context(), s.client, test.in, Search{SHA256: hash})
				if err != nil || len(again) != 1 || again[0].Href != f.Href {
					t.Errorf("by hash %s: %v %v", hash, again, err)
				}
			}
		}
	}
}

// What Pulp gave is given on: the original's clients read it.
func TestFindGivesPulpsFields(t *testing.T) {
	s := newShelf(t)
	deb, err := Find(t.Context(), s.client, s.stocked(pulpfake.DebTree, "deb/apt", odd...), Search{Name: "libstdc"})
	if err != nil || len(deb) != 1 || deb[0].Fields["package"] != "libstdc" || deb[0].Fields["pkgId"] != nil || deb[0].Name != "libstdc" {
		t.Errorf("deb: %+v %v", deb, err)
	}
	rpm, err := Find(t.Context(), s.client, s.stocked(pulpfake.RPMTree, "rpm/rpm", pulpfake.Package{Name: "bear", Version: "1.0"}), Search{Name: "bear"})
	if err != nil || len(rpm) != 1 || rpm[0].Fields["version"] != "1.0" || rpm[0].Fields["pkgId"] != rpm[0].SHA256 || rpm[0].Version != "1.0-1" {
		t.Errorf("rpm: %+v %v", rpm, err)
	}
}

func TestFindRefuses(t *testing.T) {
	s := newShelf(t)
	file := s.stocked(pulpfake.FileTree, "file/file", pulpfake.Package{Name: "a.txt"})
	gone := file
	gone.Href = strings.Replace(gone.Href, gone.Href[len(gone.Href)-9:], "00000000/", 1)
	asked := len(s.server.Requests())
	for name, test := range map[string]struct {
		in     fleet.Repository
		search Search
		kind   fault.Kind
		says   string
	}{
		"nothing":                     {file, Search{}, fault.Invalid, "must be given"},
		"a version of a file":         {file, Search{Name: "a.txt", Version: "1"}, fault.Invalid, "has no version"},
		"a type we do not know":       {fleet.Repository{Name: "x", Type: "ostree"}, Search{Name: "x"}, fault.Invalid, "cannot be searched"},
		"a repository that is gone":   {gone, Search{Name: "a.txt"}, fault.NotFound, "read repository"},
		"a repository without a href": {fleet.Repository{Name: "x", Type: "file", Href: "nonsense"}, Search{Name: "x"}, fault.Unavailable, "not the href"},
	} {
		_, err := Find(t.Context(), s.client, test.in, test.search)
		if fault.KindOf(err) != test.kind || !strings.Contains(fault.Message(err), test.says) {
			t.Errorf("%s: %v (%s), want %s: %q", name, err, fault.KindOf(err), test.kind, test.says)
		}
	}
	if n := len(s.server.Requests()) - asked; n > 1 {
		t.Errorf("%d requests were made", n)
	}
}

// Whatever ails the server, or our account on it, is not the fault of who asks.
func TestFindFromAServerInTrouble(t *testing.T) {
	s := newShelf(t)
	file := s.stocked(pulpfake.FileTree, "file/file", pulpfake.Package{Name: "a.txt"})
	s.server.Inject(func(*http.Request, int) pulpfake.Fault { return pulpfake.Unavailable503 })
	if _, err := Find(t.Context(), s.client, file, Search{Name: "a.txt"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("503: %v", err)
	}
	s.server.Inject(nil)
	s.server.SetPassword("another")
	s.server.EndSessions()
	if _, err := Find(t.Context(), s.client, file, Search{Name: "a.txt"}); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Hint(err), "password") {
		t.Errorf("refused login: %v, %q", err, fault.Hint(err))
	}
}
