// SPDX-License-Identifier: Apache-2.0

package removecontent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/removecontent"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// shop is a primary whose repositories have two packages each, synced.
type shop struct {
	*jobtest.Fleet
	t      *testing.T
	client *pulp.Client
}

// more is a second package for the repositories that have one.
var more = map[string]pulpfake.Package{"ext-rpm": {Name: "cat", Version: "2.0"}, "ext-file": {Name: "b+c.txt", Body: "b"}}

func newShop(t *testing.T, shape ...func(*jobtest.World)) *shop {
	t.Helper()
	f := jobtest.New(t, shape...)
	for name, p := range more {
		f.Trees[name].Put(p)
	}
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	return &shop{Fleet: f, t: t, client: f.Client(f.Primary)}
}

func (s *shop) row(server *pulpfake.Server, name string) fleet.Repository {
	s.t.Helper()
	for _, r := range s.Repositories(server) {
		if r.Name == name {
			return r
		}
	}
	s.t.Fatalf("the store knows no %s", name)
	return fleet.Repository{}
}

// unit gives the address of a unit in the newest version of a repository.
func (s *shop) unit(server *pulpfake.Server, repository, name string) string {
	s.t.Helper()
	found, err := inventory.Find(s.t.Context(), s.Client(server), s.row(server, repository), inventory.Search{Name: name})
	if err != nil || len(found) != 1 {
		s.t.Fatalf("%s in %s: %v %v", name, repository, found, err)
	}
	return found[0].Href
}

// queue queues the removal of a unit.
func (s *shop) queue(server *pulpfake.Server, repository, href string, force ...bool) fleet.Task {
	s.t.Helper()
	a := removecontent.Args{MaxRuntime: "10m", ContentHref: href}
	if len(force) > 0 {
		a.ForcePublish = &force[0]
	}
	return s.Queue(removecontent.NewTask(s.Server(server), s.row(server, repository), a))
}

// view gives the names that clients of a repository see.
func (s *shop) view(server *pulpfake.Server, repository string) []string {
	s.t.Helper()
	r := s.row(server, repository)
	t, _ := content.Find(r.Type)
	files := server.ServedFiles("repos/" + repository)
	var remote map[string]any
	if r.HasRemote() {
		remote = server.Object("remotes", repository)
	}
	view, err := t.Read(s.t.Context(), func(_ ctx, path string) ([]byte, error) {
		if _, served := files[path]; !served {
			return nil, fault.New(fault.NotFound, "%s is not served", path)
		}
		return files[path], nil
	}, remote)
	if err != nil {
		s.t.Fatal(err)
	}
	return view.Units
}

// sees fails the test unless clients of a repository see just these units, by a part of their names.
func (s *shop) sees(repository string, names ...string) {
	s.t.Helper()
	got := s.view(s.Primary, repository)
	fits := len(got) == len(names)
	for _, name := range names {
		fits = fits && slices.ContainsFunc(got, func(unit string) bool { return strings.Contains(unit, name) })
	}
	if !fits {
		s.t.Errorf("clients of %s see %q, want %q", repository, got, names)
	}
}

func (s *shop) stages(task fleet.Task) []string {
	s.t.Helper()
	all, err := s.Store.Stages(s.t.Context(), task.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, stage := range all {
		names = append(names, stage.Name)
		if href, _ := stage.Detail["task_href"].(string); strings.Contains(href, " ") { // D118
			s.t.Errorf("task_href is %q", href)
		}
	}
	return names
}

// TestRemove: what is removed is gone from what clients see, for each type.
func TestRemove(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for repository, names := range map[string][2]string{"ext-deb": {"alpha", "beta"}, "ext-rpm": {"cat", "bear"}, "ext-file": {"b+c.txt", "a.txt"}} {
		before := s.row(s.Primary, repository)
		s.sees(repository, names[0], names[1])
		href := s.unit(s.Primary, repository, names[0])
		task := s.Completed(s.queue(s.Primary, repository, href))
		s.sees(repository, names[1])
		row := s.row(s.Primary, repository)
		if got := s.stages(task); !slices.Equal(got, []string{"finding repo on pulp server", "modifying repo content", "publishing repo version " + row.LatestVersion}) {
			t.Errorf("stages are %q", got)
		}
		if row.LatestVersion == before.LatestVersion || row.ServedVersion != row.LatestVersion {
			t.Errorf("%s: the store has %s, of which %s is served", repository, row.LatestVersion, row.ServedVersion)
		}
		if row.LastAttempt != before.LastAttempt || row.Health != before.Health { // D88
			t.Errorf("%s: its health counts the removal", repository)
		}
		if story := s.Story(task.ID); !strings.Contains(story, "the next sync from") {
			t.Errorf("does not warn:\n%s", story)
		}

		// Once more, it is gone already: nothing is asked for.
		s.Primary.ForgetRequests()
		task = s.Completed(s.queue(s.Primary, repository, href))
		if got := s.stages(task); got[len(got)-1] != "publishing repo version skipped" || s.Primary.Writes() > 0 {
			t.Errorf("stages are %q, %d writes", got, s.Primary.Writes())
		}
		n := len(s.Primary.TasksStarted("publish"))
		s.Completed(s.queue(s.Primary, repository, href, true))
		if got := len(s.Primary.TasksStarted("publish")); got != n+1 {
			t.Errorf("%s: forced, it is published %d times", repository, got-n)
		}
		s.sees(repository, names[1])
	}
	s.Tidy()
}

// TestRefused: what does not fit is refused before anything is changed.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Sync(s.Secondary, s.Primary)
	alpha, bear := s.unit(s.Primary, "ext-deb", "alpha"), s.unit(s.Primary, "ext-rpm", "bear")
	for name, href := range map[string]string{
		"another type": bear, "no unit": "/pulp/api/v3/repositories/deb/apt/01a207b1-570a-705f-9896-8bc7c0416a39/", "no id": "/pulp/api/v3/content/deb/packages/",
		"nothing": "", "not from the root": strings.TrimPrefix(alpha, "/"), "a query": alpha + "?x=1", "a part of deb": "/pulp/api/v3/content/deb/releases/01a207b1-570a-705f-9896-8bc7c0416a39/",
	} {
		_, err := removecontent.NewTask(s.Server(s.Primary), s.row(s.Primary, "ext-deb"), removecontent.Args{MaxRuntime: "1h", ContentHref: href})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Hint(err), "/content/deb/packages/ID/") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := removecontent.NewTask(fleet.Server{}, s.row(s.Primary, "ext-deb"), removecontent.Args{MaxRuntime: "soon", ContentHref: alpha}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad time: %v", err)
	}
	if _, err := removecontent.NewTask(fleet.Server{}, fleet.Repository{Type: "ostree"}, removecontent.Args{MaxRuntime: "1h", ContentHref: alpha}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an unknown type: %v", err)
	}
	s.Primary.ForgetRequests()
	s.Secondary.ForgetRequests()
	refused := func(task fleet.Task, says string) {
		t.Helper()
		if task := s.Failed(task); !strings.Contains(task.Error.Msg, says) {
			t.Errorf("%+v, want one that says %q", task.Error, says)
		}
	}
	refused(s.queue(s.Primary, "ext-deb", "/pulp/api/v3/content/deb/packages/01a207b1-570a-705f-9896-8bc7c0416a39/"), "repository ext-deb has no package")
	refused(s.queue(s.Secondary, "ext-deb", s.unit(s.Secondary, "ext-deb", "alpha")), "is a mirror of the one on "+string(jobtest.Name(s.Primary)))
	if s.Primary.Writes() > 0 || s.Secondary.Writes() > 0 {
		t.Errorf("%d and %d writes", s.Primary.Writes(), s.Secondary.Writes())
	}
	s.Same()
	s.Sound()
}

// TestLast: the last unit goes only where that is insisted on.
func TestLast(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Completed(s.queue(s.Primary, "ext-file", s.unit(s.Primary, "ext-file", "a.txt")))
	last := s.unit(s.Primary, "ext-file", "b+c.txt")
	if task := s.Failed(s.queue(s.Primary, "ext-file", last)); !strings.Contains(task.Error.Msg, "b+c.txt is the last file in ext-file") {
		t.Errorf("says %+v", task.Error)
	}
	s.sees("ext-file", "b+c.txt")
	s.Completed(s.queue(s.Primary, "ext-file", last, true))
	s.sees("ext-file")
	s.Tidy()
}

// TestHeldBack: a newest version that is not served is not published by the way.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Trees["ext-deb"].Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	href, err := s.client.Sync(t.Context(), pulp.Href(s.row(s.Primary, "ext-deb").Href), nil) // by hand, not published
	s.Done(s.client, href, err)
	alpha := s.unit(s.Primary, "ext-deb", "alpha")
	if task := s.Failed(s.queue(s.Primary, "ext-deb", alpha)); !strings.Contains(task.Error.Msg, "is not the served one") {
		t.Errorf("says %+v", task.Error)
	}
	s.sees("ext-deb", "alpha", "beta")
	s.Completed(s.queue(s.Primary, "ext-deb", alpha, true))
	s.sees("ext-deb", "beta", "gamma")
}

// TestPublishFails: the task says what has been done, and asking again with force finishes it.
func TestPublishFails(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	alpha := s.unit(s.Primary, "ext-deb", "alpha")
	s.Primary.FailNext(pulpfake.On{Task: "publish", Repository: "ext-deb"}, "the key has expired")
	task := s.Failed(s.queue(s.Primary, "ext-deb", alpha))
	if !strings.Contains(task.Error.Msg, "removed from the newest version, which is not served") || !strings.Contains(task.Error.Msg, "the key has expired") ||
		!strings.Contains(task.Error.Detail, "force_publish") {
		t.Errorf("says %+v", task.Error)
	}
	s.sees("ext-deb", "alpha", "beta")
	s.Completed(s.queue(s.Primary, "ext-deb", alpha, true))
	s.sees("ext-deb", "beta")
	s.Tidy()
}
