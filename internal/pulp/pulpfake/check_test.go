// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCheckFindsWhatMustNotBe(t *testing.T) {
	up := NewUpstream()
	base := up.Start(t)
	tree := up.Add("f", Spec{Kind: FileTree, Packages: []Package{{Name: "one.txt"}}})
	setup := func(t *testing.T) (*Server, api, string) {
		s, b := Start(t, Options{})
		a := api{t, b}
		repo, _ := a.mirror("file", "r", tree.URL(base), nil, nil)
		if err := s.Check(); err != nil {
			t.Fatalf("nothing was done wrong yet: %v", err)
		}
		return s, a, text(repo["pulp_href"])
	}
	same := http.Header{"Correlation-Id": {"0123456789abcdef0123456789abcdef"}}
	for name, c := range map[string]struct {
		do   func(t *testing.T, s *Server, a api, repo string)
		want string
	}{
		"one correlation id started two syncs": {func(t *testing.T, _ *Server, a api, repo string) {
			for range 2 {
				if status, _, _ := a.raw("POST", repo+"sync/", obj{}, same); status != 202 {
					t.Fatal(status)
				}
			}
		}, "2 tasks pulp_file.app.tasks.synchronizing.synchronize of r"},
		"a version was published twice": {func(_ *testing.T, _ *Server, a api, repo string) {
			for range 2 {
				a.done(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202))
			}
		}, "2 publications publications/file/file of r version 1"},
		"a distribution lost its repository": {func(_ *testing.T, _ *Server, a api, repo string) {
			a.task(a.do("DELETE", repo, nil, 202))
		}, "distribution r points at a repository that is gone"},
		"a distribution serves the wrong type": {func(_ *testing.T, _ *Server, a api, repo string) {
			p := a.done(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202))
			a.done(a.do("POST", "distributions/rpm/rpm/", obj{"name": "w", "base_path": "w", "publication": p[0]}, 202))
		}, "distribution w points at a publication of another type"},
		"a served file is missing": {func(_ *testing.T, s *Server, a api, repo string) {
			p := a.done(a.do("POST", "publications/file/file/", obj{"repository": repo}, 202))
			s.mu.Lock()
			delete(s.lookup(p[0]).pub.files, "one.txt")
			s.mu.Unlock()
		}, "PULP_MANIFEST lists one.txt, which is not served"},
	} {
		t.Run(name, func(t *testing.T) {
			s, a, repo := setup(t)
			c.do(t, s, a, repo)
			if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("found %v, want %s", err, c.want)
			}
		})
	}
}

// Thousands of repositories must cost no more each than a few.
func TestThousandsOfRepositories(t *testing.T) {
	const n = 1000
	up := NewUpstream()
	base := up.Start(t)
	tree := up.Add("f", Spec{Kind: FileTree, Packages: []Package{{Name: "one.txt"}}})
	s, b := Start(t, Options{Workers: 8})
	a := api{t, b}
	started := time.Now()
	remote := a.do("POST", "remotes/file/file/", obj{"name": "all", "url": tree.URL(base)}, 201)
	var last obj
	for i := range n {
		name := fmt.Sprintf("repo-%d", i)
		repo := a.do("POST", "repositories/file/file/", obj{"name": name, "remote": remote["pulp_href"], "autopublish": true}, 201)
		a.do("POST", text(repo["pulp_href"])+"sync/", obj{}, 202)
		last = a.do("POST", "distributions/file/file/", obj{"name": name, "base_path": "all/" + name, "repository": repo["pulp_href"]}, 202)
	}
	a.done(last)
	if err := s.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.do("GET", "repositories/?limit=1000", nil, 200); got["count"] != float64(n) || len(got["results"].([]any)) != 1000 {
		t.Errorf("count %v", got["count"])
	}
	if got := len(s.TasksStarted("synchronize")); got != n {
		t.Errorf("%d syncs", got)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 30*time.Second {
		t.Errorf("%d repositories took %s", n, took)
	}
	t.Logf("%d repositories in %s", n, time.Since(started))
}
