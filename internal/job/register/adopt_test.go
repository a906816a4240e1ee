// SPDX-License-Identifier: Apache-2.0

package register_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/adopt"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/register"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// byHand makes a file repository with its remote and distribution, as somebody else would.
func byHand(t *testing.T, f *jobtest.Fleet, name, url string) {
	t.Helper()
	c, ctx := f.Client(f.Primary), t.Context()
	remote, err := c.CreateRemote(ctx, "file/file", pulp.Fields{"name": name, "url": url, "password": "s3cret", "username": "u"})
	if err != nil {
		t.Fatal(err)
	}
	repository, err := c.CreateRepository(ctx, "file/file", pulp.Fields{"name": name, "remote": remote.Href})
	if err != nil {
		t.Fatal(err)
	}
	href, err := c.CreateDistribution(ctx, "file/file", pulp.Fields{"name": name, "base_path": "old/" + name, "repository": repository.Href})
	f.Done(c, href, err)
}

// patch changes an object as somebody else would.
func patch(t *testing.T, f *jobtest.Fleet, class, name string, body pulp.Fields) {
	t.Helper()
	c, href := f.Client(f.Primary), pulp.Href(fmt.Sprint(f.Primary.Object(class, name)["pulp_href"]))
	update := map[string]func() (pulp.Change, error){
		"remotes":       func() (pulp.Change, error) { return c.UpdateRemote(t.Context(), href, body) },
		"repositories":  func() (pulp.Change, error) { return c.UpdateRepository(t.Context(), href, body) },
		"distributions": func() (pulp.Change, error) { return c.UpdateDistribution(t.Context(), href, body) },
	}[class]
	change, err := update()
	f.Done(c, change.Task, err)
}

func labels(f *jobtest.Fleet, class, name string) string {
	return fmt.Sprint(f.Primary.Object(class, name)["pulp_labels"])
}

// TestAdoption: what somebody else made is only planned, told field by field, until it is adopted; what is ours or
// new goes on as ever, and what no definition names is never touched.
func TestAdoption(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	byHand(t, f, "ext-file", "http://127.0.0.1:9/PULP_MANIFEST")
	byHand(t, f, "ext-other", "http://127.0.0.1:9/other/PULP_MANIFEST")
	before := fmt.Sprint(f.Primary.Object("remotes", "ext-file"), f.Primary.Object("distributions", "ext-file"))
	for range 2 { // the same each hour
		task := f.Failed(f.QueueRegister(f.Primary))
		for _, part := range []string{"2 registered, 1 not", "ext-file", `url: "http://127.0.0.1:9/PULP_MANIFEST" → "http://`} {
			if !strings.Contains(task.Error.Msg, part) {
				t.Errorf("no %q in %s", part, task.Error.Msg)
			}
		}
		if !strings.Contains(task.Error.Detail, "pulp-manager adopt "+string(jobtest.Name(f.Primary))) {
			t.Errorf("what to do: %s", task.Error.Detail)
		}
		if story := f.Story(task.ID); !strings.Contains(story, `base_path: "old/ext-file" → "repos/ext-file"`) || strings.Contains(story, "s3cret") {
			t.Errorf("story:\n%s", story)
		}
		if now := fmt.Sprint(f.Primary.Object("remotes", "ext-file"), f.Primary.Object("distributions", "ext-file")); now != before {
			t.Errorf("changed without a word:\n%s\n%s", before, now)
		}
	}
	for _, r := range f.Repositories(f.Primary) {
		if (len(r.Waiting) > 0) != (r.Name == "ext-file") || r.Owned != (r.Name == "ext-deb" || r.Name == "ext-rpm") {
			t.Errorf("%s: owned %v, waits for %v", r.Name, r.Owned, r.Waiting)
		}
	}
	exclude := "^ext-f"
	f.Completed(f.Queue(adopt.NewTask(f.Server(f.Primary), adopt.Args{RegexExclude: &exclude})))
	if got := labels(f, "repositories", "ext-file"); strings.Contains(got, "pulp_manager") {
		t.Errorf("not chosen, yet adopted: %s", got)
	}
	task := f.Completed(f.Queue(adopt.NewTask(f.Server(f.Primary), adopt.Args{})))
	if story := f.Story(task.ID); !strings.Contains(story, "1 repositories adopted") || strings.Contains(story, "s3cret") {
		t.Errorf("story:\n%s", story)
	}
	if url := f.Primary.Object("remotes", "ext-file")["url"]; url != "http://127.0.0.1:9/PULP_MANIFEST" {
		t.Errorf("adoption changed the url to %v", url)
	}
	f.Register(f.Primary)
	if path := f.Primary.Object("distributions", "ext-file")["base_path"]; path != "repos/ext-file" {
		t.Errorf("base path %v", path)
	}
	if got := labels(f, "repositories", "ext-other") + labels(f, "remotes", "ext-other"); strings.Contains(got, "pulp_manager") {
		t.Errorf("what no definition names got a label: %s", got)
	}
	f.Primary.ForgetRequests()
	f.Register(f.Primary)
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes without a change", n)
	}
	f.Tidy()
}

// TestAdoptAlways: a server whose configuration says so adopts at once.
func TestAdoptAlways(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) {
		w.Configure = func(c *fleet.Configuration) { c.Servers[0].Server.Adopt = true }
	})
	byHand(t, f, "ext-file", "http://127.0.0.1:9/PULP_MANIFEST")
	f.Register(f.Primary)
	if got := labels(f, "distributions", "ext-file"); !strings.Contains(got, "pulp_manager") {
		t.Errorf("labels %s", got)
	}
	f.Tidy()
}

// TestAdoptionDisturbed: whichever request of an adoption is lost or refused, the end is the same.
func TestAdoptionDisturbed(t *testing.T) {
	t.Parallel()
	disturbed(t, func(f *jobtest.Fleet) {
		byHand(t, f, "ext-file", "http://127.0.0.1:9/PULP_MANIFEST")
		f.Failed(f.QueueRegister(f.Primary))
	},
		func(f *jobtest.Fleet) {
			f.Completed(f.Queue(adopt.NewTask(f.Server(f.Primary), adopt.Args{})))
			f.Register(f.Primary)
		},
		func(f *jobtest.Fleet) {
			if got := labels(f, "distributions", "ext-file"); !strings.Contains(got, "pulp_manager") {
				t.Errorf("labels %s", got)
			}
		})
}

// disturbed does something with each of its requests refused or its answer lost, each in a fleet of its own.
func disturbed(t *testing.T, prepare, do, check func(f *jobtest.Fleet), shape ...func(*jobtest.World)) {
	t.Helper()
	step := 5 // a sample; each of them with PULPMAN_FAULTS=all
	if os.Getenv("PULPMAN_FAULTS") == "all" {
		step = 1
	}
	shape = append(shape, func(w *jobtest.World) {
		w.Types, w.Request, w.Timing.InFlight = []fleet.RepositoryType{"file"}, 1500*time.Millisecond, 100*time.Millisecond
	})
	faults := []pulpfake.Fault{pulpfake.LoseReply, pulpfake.BadGatewayDone, pulpfake.Refuse}
	for n, more := 1, true; more; n += step {
		f := jobtest.New(t, shape...)
		prepare(f)
		var seen atomic.Int64
		f.Primary.Inject(func(_ *http.Request, request int) pulpfake.Fault {
			if request != 0 && seen.Add(1) == int64(n) {
				return faults[n%len(faults)]
			}
			return pulpfake.None
		})
		do(f)
		more = seen.Load() >= int64(n)
		f.Primary.Inject(nil)
		check(f)
		f.Tidy()
		if t.Failed() {
			t.Fatalf("request %d, %s:\n%s", n, faults[n%len(faults)], f.Stories())
		}
	}
}

// TestDrift: what somebody else changes is told with a time, and told again when it is overwritten.
func TestDrift(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	patch(t, f, "remotes", "ext-file", pulp.Fields{"url": "http://127.0.0.1:9/elsewhere/PULP_MANIFEST"})
	patch(t, f, "distributions", "ext-rpm", pulp.Fields{"base_path": "moved", "pulp_labels": map[string]string{}})
	include := "^none$" // a registration of nothing: it only looks
	f.Completed(f.QueueRegister(f.Primary, func(a *register.Args) { a.RegexInclude = &include }))
	drift := map[string][]string{}
	for _, r := range f.Repositories(f.Primary) {
		if drift[r.Name] = r.Drift; (len(r.Drift) > 0) == r.DriftDate.IsZero() {
			t.Errorf("%s: %v since %s", r.Name, r.Drift, r.DriftDate)
		}
	}
	if d := drift["ext-file"]; len(d) != 1 || !strings.Contains(d[0], `to "http://127.0.0.1:9/elsewhere/PULP_MANIFEST"`) {
		t.Errorf("ext-file: %q", d)
	}
	if d := drift["ext-rpm"]; len(d) != 2 || !strings.Contains(d[0], "label") || !strings.Contains(d[1], `from "repos/ext-rpm" to "moved"`) {
		t.Errorf("ext-rpm: %q", d)
	}
	if len(drift["ext-deb"]) > 0 {
		t.Errorf("ext-deb: %q", drift["ext-deb"])
	}
	story := f.Story(f.Register(f.Primary).ID) // what lost its label is still known to be ours
	if !strings.Contains(story, "changed by somebody else since we set it") || !strings.Contains(story, "overwritten") {
		t.Errorf("story:\n%s", story)
	}
	for _, r := range f.Repositories(f.Primary) {
		if len(r.Drift) > 0 || !r.DriftDate.IsZero() {
			t.Errorf("%s: still %q", r.Name, r.Drift)
		}
	}
	f.Tidy()
}

// TestPublishedByHand: a publication that somebody else made is noticed, once we have made the repository serve something.
func TestPublishedByHand(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	c := f.Client(f.Primary)
	patch(t, f, "distributions", "ext-file", pulp.Fields{"publication": nil, "repository_version": nil, "repository": nil})
	href, err := c.Modify(t.Context(), pulp.Href(fmt.Sprint(f.Primary.Object("repositories", "ext-deb")["pulp_href"])), pulp.Fields{"remove_content_units": []string{"*"}})
	f.Done(c, href, err)
	href, err = c.CreatePublication(t.Context(), "deb/apt", pulp.Fields{"repository": f.Primary.Object("repositories", "ext-deb")["pulp_href"], "structured": true})
	f.Done(c, href, err)
	include := "^none$"
	f.Completed(f.QueueRegister(f.Primary, func(a *register.Args) { a.RegexInclude = &include }))
	for _, r := range f.Repositories(f.Primary) {
		want := map[string]string{"ext-deb": "it serves version 2, we last made it serve version 1", "ext-file": "it serves nothing, we last made it serve version 1"}[r.Name]
		if strings.Join(r.Drift, ";") != want {
			t.Errorf("%s: %q, want %q", r.Name, r.Drift, want)
		}
	}
}

// TestOddNames: names of every kind, plugins that we do not know, and things that are shared or left over stop nothing
// (D80, D93, D94, D95).
func TestOddNames(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	c, ctx := f.Client(f.Primary), t.Context()
	odd := []string{"ünïcode ☃ 仓库", "with blanks in it", strings.Repeat("x", 255), "..", "a+b", "a,b", "%2F/?#", "0-push"}
	for i, name := range odd {
		remote, err := c.CreateRemote(ctx, "file/file", pulp.Fields{"name": name, "url": "http://127.0.0.1:9/PULP_MANIFEST"})
		if err != nil {
			t.Fatal(err)
		}
		first, err := c.CreateRepository(ctx, "file/file", pulp.Fields{"name": name, "remote": remote.Href})
		if err != nil {
			t.Fatal(err)
		}
		for j := range 2 { // two that share a remote, two distributions of one repository, one of them of another name
			if _, err := c.CreateRepository(ctx, "file/file", pulp.Fields{"name": fmt.Sprintf("shares %d %d", i, j), "remote": remote.Href}); err != nil {
				t.Fatal(err)
			}
			href, err := c.CreateDistribution(ctx, "file/file", pulp.Fields{"name": fmt.Sprintf("serves %d %d", i, j), "base_path": fmt.Sprintf("odd/%d-%d", i, j), "repository": first.Href})
			f.Done(c, href, err)
		}
		if href, err := c.DeleteRepository(ctx, first.Href); i%2 == 0 { // its distributions stay
			f.Done(c, href, err)
		}
	}
	if _, err := c.CreateRepository(ctx, "python/python", pulp.Fields{"name": "python-0"}); err != nil {
		t.Fatal(err)
	}
	f.Register(f.Primary)
	if n := len(f.Repositories(f.Primary)); n < 3+2*len(odd) {
		t.Errorf("%d repositories known", n)
	}
	f.Register(f.Primary)
	f.Tidy()
}

// TestTypeChanged: a definition whose type changed is told as a conflict, with the type there, and nothing is changed.
func TestTypeChanged(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	d := f.Definition("rpm", "ext-file", f.UpstreamURL+"/x/")
	f.Define(d)
	f.Primary.ForgetRequests()
	task := f.Failed(f.QueueRegister(f.Primary))
	if !strings.Contains(task.Error.Msg, "has a file repository, remote or distribution of that name, and a repository's type cannot be changed") {
		t.Errorf("error: %s", task.Error.Msg)
	}
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestPlacesTaken: a base path that a distribution of a type we do not manage has is told before anything is made, and one
// that another leaves is taken after that (legacy section 1.9.4).
func TestPlacesTaken(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	a, b := f.Definition("file", "ext-file", f.Trees["ext-file"].URL(f.UpstreamURL)), f.Definition("file", "int-b", "")
	a.BaseURL, b.BaseURL = "elsewhere", "repos/ext-file" // below the place that ext-file leaves
	f.Define(b, a)
	f.Register(f.Primary)
	if paths := fmt.Sprint(f.Primary.Object("distributions", "ext-file")["base_path"], " ", f.Primary.Object("distributions", "int-b")["base_path"]); paths != "elsewhere/ext-file repos/ext-file/int-b" {
		t.Errorf("base paths %s", paths)
	}
	names := f.Primary.Names("repositories")
	c := f.Definition("file", "int-c", "")
	c.BaseURL = "repos/ext-file/int-b"
	f.Define(c)
	task := f.Failed(f.QueueRegister(f.Primary))
	if !strings.Contains(task.Error.Msg, `lies below "repos/ext-file/int-b" of distribution int-b`) || !slices.Equal(names, f.Primary.Names("repositories")) {
		t.Errorf("error %s, repositories %v", task.Error.Msg, f.Primary.Names("repositories"))
	}
	f.Tidy()
}
