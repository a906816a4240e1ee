// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// shelf is a server to put things on.
type shelf struct {
	t      testing.TB
	client *pulp.Client
	server *pulpfake.Server
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	server, base := pulpfake.Start(t, pulpfake.Options{Workers: 8})
	return &shelf{t, connect(t, base), server}
}

func connect(t *testing.T, base string) *pulp.Client {
	t.Helper()
	client, err := pulp.New(pulp.Config{
		Base: base, Name: "alpha", Username: "admin", RetryWait: time.Millisecond,
		Password: func(context.Context) (string, error) { return "password", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func (s *shelf) remote(kind, name string) pulp.Href {
	s.t.Helper()
	body := pulp.Fields{"name": name, "url": "http://up.test/" + name + "/"}
	if strings.HasPrefix(kind, "deb") {
		body["distributions"] = "stable"
	}
	if strings.HasPrefix(kind, "container") {
		body["upstream_name"] = name
	}
	made, err := s.client.CreateRemote(s.t.Context(), kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Href
}

func (s *shelf) repository(kind, name string, remote pulp.Href) pulp.Href {
	s.t.Helper()
	body := pulp.Fields{"name": name}
	if remote != "" {
		body["remote"] = remote
	}
	made, err := s.client.CreateRepository(s.t.Context(), kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Href
}

func (s *shelf) distribution(kind, name string, serves pulp.Fields) {
	s.t.Helper()
	body := pulp.Fields{"name": name, "base_path": kind + "/" + name}
	for field, value := range serves {
		body[field] = value
	}
	task, err := s.client.CreateDistribution(s.t.Context(), kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.wait(task)
}

// wait waits for a Pulp task.
func (s *shelf) wait(href pulp.Href) pulp.Task {
	s.t.Helper()
	if err := s.server.WaitIdle(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	task, err := s.client.Task(s.t.Context(), href)
	if err != nil || task.State != pulp.Completed {
		s.t.Fatalf("%s is %s: %s, %v", task.Name, task.State, task.Reason, err)
	}
	return task
}

func (s *shelf) take(names ...string) *Picture {
	s.t.Helper()
	p, err := Take(s.t.Context(), s.client, "alpha", names...)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func TestTake(t *testing.T) {
	s := newShelf(t)
	remote := s.remote("rpm/rpm", "b")
	repository := s.repository("rpm/rpm", "b", remote)
	s.distribution("rpm/rpm", "b", pulp.Fields{"repository": repository})
	s.repository("deb/apt", "uploads", "")
	s.distribution("file/file", "alone", nil)

	p := s.take()
	if p.Server != "alpha" || len(p.Types) != len(content.Types()) || !p.Status.Has("deb") {
		t.Errorf("server %q, %d types, status %+v", p.Server, len(p.Types), p.Status)
	}
	var names []string
	for _, r := range p.Repositories {
		names = append(names, string(r.Type.Name)+" "+r.Name)
	}
	if diff := cmp.Diff([]string{"deb uploads", "file alone", "rpm b"}, names); diff != "" {
		t.Error(diff)
	}
	b := p.Find("rpm", "b")
	if b.Repository.Href != repository || b.Remote.Href != remote || b.Own != b.Remote || !b.Linked || b.Distribution.Repository != repository {
		t.Errorf("b is %+v", b)
	}
	if u := p.Find("deb", "uploads"); u.Repository == nil || u.Remote != nil || u.Own != nil || u.Linked || u.Distribution != nil {
		t.Errorf("uploads is %+v", u)
	}
	if a := p.Find("file", "alone"); a.Repository != nil || a.Distribution == nil {
		t.Errorf("alone is %+v", a)
	}
	if p.Find("rpm", "uploads") != nil || p.Find("deb", "nothing") != nil {
		t.Error("found what is not there")
	}
	if p.FindByHref(string(repository)) != b || p.FindByHref("") != nil || p.FindByHref(string(remote)) != nil {
		t.Error("not found by href")
	}

	want := []fleet.Repository{
		{Server: 7, Name: "uploads", Type: "deb", Href: string(p.Find("deb", "uploads").Repository.Href), LatestVersion: string(p.Find("deb", "uploads").Repository.LatestVersion)},
		{
			Server: 7, Name: "b", Type: "rpm", Href: string(repository), RemoteHref: string(remote), RemoteFeed: "http://up.test/b/",
			DistributionHref: string(b.Distribution.Href), BasePath: "rpm/rpm/b", LatestVersion: string(repository) + "versions/0/",
		},
	}
	if diff := cmp.Diff(want, p.Fleet(7)); diff != "" {
		t.Error(diff)
	}
}

func TestTakeSome(t *testing.T) {
	s := newShelf(t)
	for _, name := range []string{"a", "b", "c"} {
		s.repository("rpm/rpm", name, s.remote("rpm/rpm", name))
	}
	for _, test := range [][]string{{"b"}, {"a", "c"}, {"nothing"}} {
		p := s.take(test...)
		var found []string
		for _, r := range p.Repositories {
			found = append(found, r.Name)
		}
		if want := strings.ReplaceAll(strings.Join(test, " "), "nothing", ""); strings.Join(found, " ") != want {
			t.Errorf("%q: %q", test, found)
		}
	}
}

// D93: a remote of the repository's name that it does not name makes nothing sync.
func TestUnlinkedRemote(t *testing.T) {
	s := newShelf(t)
	own := s.remote("rpm/rpm", "a")
	other := s.remote("rpm/rpm", "other")
	s.repository("rpm/rpm", "a", "")
	s.remote("rpm/rpm", "b")
	s.repository("rpm/rpm", "b", other)

	p := s.take()
	a := p.Find("rpm", "a")
	if a.Linked || a.Remote.Href != own || a.Own.Href != own {
		t.Errorf("a is %+v", a)
	}
	b := p.Find("rpm", "b")
	if !b.Linked || b.Remote.Href != other || b.Own.Name != "b" {
		t.Errorf("b is %+v", b)
	}
	for _, row := range p.Fleet(1) {
		want := map[string][2]string{"a": {}, "b": {string(other), "http://up.test/other/"}}[row.Name]
		if got := [2]string{row.RemoteHref, row.RemoteFeed}; got != want || row.HasRemote() != (row.Name == "b") {
			t.Errorf("%s: remote %q, want %q", row.Name, got, want)
		}
	}
	// Looked at alone, the remote of another name is not seen; that it syncs is known all the same.
	if alone := s.take("b").Find("rpm", "b"); !alone.Linked || alone.Remote != nil {
		t.Errorf("b alone is %+v", alone)
	}
}

// D95: what has one name and different types does not hide each other.
func TestOneNameManyTypes(t *testing.T) {
	s := newShelf(t)
	repository := s.repository("rpm/rpm", "a", "")
	remote := s.remote("deb/apt", "a")
	s.distribution("file/file", "a", nil)
	p := s.take()
	if len(p.Repositories) != 3 {
		t.Fatalf("%d entries", len(p.Repositories))
	}
	if r := p.Find("rpm", "a"); r.Repository.Href != repository || r.Remote != nil || r.Distribution != nil {
		t.Errorf("rpm is %+v", r)
	}
	if r := p.Find("deb", "a"); r.Repository != nil || r.Remote.Href != remote || r.Distribution != nil {
		t.Errorf("deb is %+v", r)
	}
	if r := p.Find("file", "a"); r.Repository != nil || r.Remote != nil || r.Distribution == nil {
		t.Errorf("file is %+v", r)
	}
	rows := p.Fleet(1)
	if len(rows) != 1 || rows[0].Type != "rpm" || rows[0].HasRemote() || rows[0].DistributionHref != "" {
		t.Errorf("%+v", rows)
	}
}

// D94: plugins whose names are not plain letters, that we do not know, or that are not there stop nothing.
func TestPlugins(t *testing.T) {
	s := newShelf(t)
	s.repository("rpm/rpm", "a", "")
	s.repository("python/python", "p", "")
	for _, test := range []struct {
		plugins []string
		types   string
	}{
		{[]string{"core", "rpm"}, "rpm"},
		{[]string{"core", "rpm", "hugging_face", "3d-models", "pulp.npm", ""}, "rpm"},
		{[]string{"core"}, ""},
		{[]string{"file", "deb", "rpm"}, "deb rpm file"},
	} {
		p, err := Take(t.Context(), connect(t, withPlugins(t, s.server, test.plugins...)), "alpha")
		if err != nil {
			t.Errorf("%q: %v", test.plugins, err)
			continue
		}
		var types []string
		for _, typ := range p.Types {
			types = append(types, string(typ.Name))
		}
		if strings.Join(types, " ") != test.types || len(p.Repositories) != strings.Count(test.types, "rpm") {
			t.Errorf("%q: types %q, %d repositories", test.plugins, types, len(p.Repositories))
		}
	}
}

// withPlugins serves a server that says it has other plugins, and has no more than those.
func withPlugins(t *testing.T, server *pulpfake.Server, plugins ...string) string {
	t.Helper()
	var versions []map[string]string
	for _, p := range plugins {
		versions = append(versions, map[string]string{"component": p, "version": "3.1.0"})
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := strings.Split(strings.TrimPrefix(r.URL.Path, "/pulp/api/v3/"), "/")
		if len(part) > 2 && !strings.Contains(" "+strings.Join(plugins, " ")+" ", " "+part[1]+" ") {
			http.NotFound(w, r)
			return
		}
		answer := httptest.NewRecorder()
		server.Handler().ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if part[0] == "status" {
			status := map[string]any{}
			if err := json.Unmarshal(body, &status); err != nil {
				t.Error(err)
			}
			status["versions"] = versions
			body, _ = json.Marshal(status)
		}
		answer.Header().Del("Content-Length")
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// D90: a server with 1,000 repositories is looked at with three requests a type, and four more.
func TestRequests(t *testing.T) {
	s := newShelf(t)
	kinds := content.Types()
	for i := range 1000 {
		kind, name := kinds[i%len(kinds)].Path, fmt.Sprintf("r%04d", i)
		served := kinds[i%len(kinds)].DistributionKind()
		repository := s.repository(kind, name, s.remote(kind, name))
		task, err := s.client.CreateDistribution(t.Context(), served, pulp.Fields{"name": name, "base_path": name, "repository": repository})
		if err != nil {
			t.Fatal(task, err)
		}
	}
	if err := s.server.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.server.ForgetRequests()
	client := connect(t, s.server.Base()) // which has to log in first
	p, err := Take(t.Context(), client, "alpha")
	if err == nil {
		err = p.Serve(t.Context(), client)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.server.Requests()); n > 3*len(kinds)+4 {
		t.Errorf("%d requests", n)
	}
	if rows := p.Fleet(1); len(rows) != 1000 || rows[0].RemoteFeed == "" || rows[999].DistributionHref == "" {
		t.Errorf("%d repositories", len(rows))
	}
	s.server.ForgetRequests()
	one := s.take("r0500")
	if err := one.Serve(t.Context(), s.client, one.Repositories[0].Repository.Href); err != nil || len(one.Repositories) != 1 {
		t.Errorf("%d repositories, %v", len(one.Repositories), err)
	}
	if n := len(s.server.Requests()); n > 3*len(kinds)+3 {
		t.Errorf("%d requests for one repository", n)
	}
}

func TestTakeFails(t *testing.T) {
	s := newShelf(t)
	for _, part := range []string{"status/", "repositories/rpm/", "remotes/file/", "distributions/deb/"} {
		s.server.Inject(func(r *http.Request, _ int) pulpfake.Fault {
			if strings.Contains(r.URL.Path, part) {
				return pulpfake.BadGateway
			}
			return pulpfake.None
		})
		if p, err := Take(t.Context(), s.client, "alpha"); p != nil || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v, %v: half a picture would look as if the rest were gone", part, p, err)
		}
	}
}

func TestNewPicture(t *testing.T) {
	types := content.Types()
	p := NewPicture("alpha", pulp.Status{Versions: map[string]string{"rpm": "3.1"}},
		&Repository{Type: types[1], Name: "b"}, &Repository{Type: types[0], Name: "z"}, &Repository{Type: types[1], Name: "a"})
	var names []string
	for _, r := range p.Repositories {
		names = append(names, string(r.Type.Name)+" "+r.Name)
	}
	if diff := cmp.Diff([]string{"deb z", "rpm a", "rpm b"}, names); diff != "" {
		t.Error(diff)
	}
	if len(p.Types) != 1 || p.Types[0].Name != "rpm" || p.Find("rpm", "b") != p.Repositories[2] {
		t.Errorf("%+v", p)
	}
}
