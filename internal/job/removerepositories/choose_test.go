// SPDX-License-Identifier: Apache-2.0

package removerepositories_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestAskRefuses: D113, D114.
func TestAskRefuses(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, test := range map[string]struct {
		args removerepositories.Args
		says string
	}{
		"nothing":             {removerepositories.Args{MaxRuntime: "1h"}, "regex_include must say"},
		"an exclude alone":    {removerepositories.Args{MaxRuntime: "1h", RegexExclude: text("^ext-")}, "regex_include must say"},
		"an empty include":    {removerepositories.Args{MaxRuntime: "1h", RegexInclude: text(""), DryRun: true}, "regex_include must say"},
		"a bad include":       {removerepositories.Args{MaxRuntime: "1h", RegexInclude: text("(a")}, "not a regular expression"},
		"a bad exclude":       {removerepositories.Args{MaxRuntime: "1h", RegexInclude: text("a"), RegexExclude: text("[")}, "not a regular expression"},
		"a long include":      {removerepositories.Args{MaxRuntime: "1h", RegexInclude: text(strings.Repeat("a", 2000))}, "too long"},
		"no time":             {removerepositories.Args{RegexInclude: text("a")}, "max_runtime"},
		"a bad time":          {removerepositories.Args{MaxRuntime: "soon", RegexInclude: text("a")}, "max_runtime"},
		"a number below none": {removerepositories.Args{MaxRuntime: "1h", RegexInclude: text("a"), Confirm: -1}, "confirm"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := removerepositories.NewTask(fleet.Server{ID: 1, Name: "a"}, test.args)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.says) {
				t.Errorf("%v, want one that says %q", err, test.says)
			}
		})
	}
}

// TestNothingMatches: D107.
func TestNothingMatches(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	f.Primary.ForgetRequests()
	for include, says := range map[string]string{"^nothing$": "no repository matches", "^(a+)+(?!b)$": "no repository matches"} {
		for _, a := range []removerepositories.Args{args(include), args(include, dry)} {
			if task := f.Failed(queue(f, f.Primary, a)); !strings.Contains(task.Error.Msg, says) || task.Started.IsZero() {
				t.Errorf("%s: %+v", include, task.Error)
			}
		}
	}
	if n := f.Primary.Writes(); n > 0 {
		t.Errorf("%d writes", n)
	}
	f.Tidy()
}

// TestSlowPattern: a pattern that takes too long ends the task before anything is changed.
func TestSlowPattern(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	name := strings.Repeat("a", 60)
	if _, err := f.Client(f.Primary).CreateRepository(t.Context(), "file/file", pulp.Fields{"name": name + "b"}); err != nil {
		t.Fatal(err)
	}
	f.Primary.ForgetRequests()
	task := f.Failed(queue(f, f.Primary, args(`^(a+)+(?!b)c$`)))
	if !strings.Contains(task.Error.Msg, "took longer") || f.Primary.Writes() > 0 {
		t.Errorf("%+v, %d writes", task.Error, f.Primary.Writes())
	}
	f.Tidy()
}

// TestConfirm: many repositories, and those that others use, go only when that is confirmed (D114).
func TestConfirm(t *testing.T) {
	t.Parallel()
	f := synced(t, false, func(w *jobtest.World) { w.Copies = 3 }) // 12 repositories
	refused := func(a removerepositories.Args, says string) {
		t.Helper()
		if task := f.Failed(queue(f, f.Primary, a)); !strings.Contains(task.Error.Msg, says) {
			t.Errorf("%+v, want one that says %q", task.Error, says)
		}
		if n := len(f.Primary.Names("repositories")); n != 12 {
			t.Fatalf("%d repositories are left", n)
		}
	}
	refused(args("^ext-"), "12 repositories would be removed: that must be confirmed (more than 10 repositories)")
	refused(args("^ext-", confirm(11)), "12 repositories would be removed, confirm allows 11")
	refused(args("^ext-deb", confirm(1)), "4 repositories would be removed, confirm allows 1")
	f.Sync(f.Secondary, f.Primary)
	refused(args("^ext-deb-0$"), "other servers mirror 1 of them")
	f.Completed(queue(f, f.Primary, args("^ext-deb-0$", confirm(1))))
	f.Completed(queue(f, f.Primary, args("^ext-", confirm(12))))
	if got := parts(f.Primary, ""); got != nil {
		t.Errorf("left are %v", got)
	}
	// A mirror comes back, and says so; nobody mirrors it.
	task := f.Completed(queue(f, f.Secondary, args("^ext-rpm-1$")))
	_, byName := stages(t, f, task)
	list, _ := byName[find].Detail["repositories"].([]any)
	if item, _ := list[0].(map[string]any); item["mirror_of"] != string(jobtest.Name(f.Primary)) {
		t.Errorf("shown is %v", list)
	}
	f.Tidy()
}

// TestWithoutRemote: repositories that no sync fills are not removed unasked, snapshots are (D114).
func TestWithoutRemote(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	c := f.Client(f.Primary)
	for _, name := range []string{"int-tools", "snap-2026-ext-file"} {
		made, err := c.CreateRepository(t.Context(), "file/file", pulp.Fields{"name": name})
		if err != nil {
			t.Fatal(err)
		}
		href, err := c.CreateDistribution(t.Context(), "file/file", pulp.Fields{"name": name, "base_path": name, "repository": made.Href})
		f.Done(c, href, err)
	}
	task := f.Failed(queue(f, f.Primary, args("^int-")))
	if !strings.Contains(task.Error.Msg, "no repository with a remote") || !strings.Contains(task.Error.Detail, "int-tools") {
		t.Errorf("says %+v", task.Error)
	}
	task = f.Completed(queue(f, f.Primary, args("^(int|snap)-")))
	if got := parts(f.Primary, "-"); len(got) != 3*3+2 || !strings.Contains(f.Story(task.ID), "left out because they have no remote: int-tools") {
		t.Errorf("left are %v:\n%s", got, f.Story(task.ID))
	}
	f.Completed(queue(f, f.Primary, args("^int-", internal)))
	if got := parts(f.Primary, "int-"); got != nil {
		t.Errorf("left are %v", got)
	}
	f.Tidy()
}

// TestSharedParts: a remote that another repository names stays, and goes with the last one (D115); a
// distribution that serves another repository stays, and one of another name must be thought of.
func TestSharedParts(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	c := f.Client(f.Primary)
	href := func(class, name string) pulp.Href {
		text, _ := f.Primary.Object(class, name)["pulp_href"].(string)
		return pulp.Href(text)
	}
	remote := href("remotes", "ext-file")
	for _, name := range []string{"ext-two", "ext-three"} {
		if _, err := c.CreateRepository(t.Context(), "file/file", pulp.Fields{"name": name, "remote": remote}); err != nil {
			t.Fatal(err)
		}
	}
	made, err := c.CreateDistribution(t.Context(), "file/file", pulp.Fields{"name": "ext-three", "base_path": "three", "repository": href("repositories", "ext-two")})
	f.Done(c, made, err)

	task := f.Completed(queue(f, f.Primary, args("^ext-three$")))
	if got := parts(f.Primary, "three"); !slices.Equal(got, []string{"distributions ext-three"}) || href("remotes", "ext-file") != remote {
		t.Errorf("left are %v", got)
	}
	_, byName := stages(t, f, task)
	list, _ := byName[find].Detail["repositories"].([]any)
	item, _ := list[0].(map[string]any)
	if stays, _ := item["stays"].([]any); len(stays) != 2 || stays[1] != "remote ext-file, which ext-file, ext-two needs" {
		t.Errorf("shown is %v", item)
	}
	if task := f.Failed(queue(f, f.Primary, args("^ext-two$"))); !strings.Contains(task.Error.Msg, "distributions of other names serve 1 of them") {
		t.Errorf("says %+v", task.Error)
	}
	f.Completed(queue(f, f.Primary, args("^ext-(two|file)$", confirm(2))))
	if got := f.Primary.Names("remotes"); slices.Contains(got, "ext-file") {
		t.Errorf("remotes left are %v", got)
	}
	f.Tidy()
}

// TestRemoteOfAFailure: a remote stays while a repository that names it could not be removed.
func TestRemoteOfAFailure(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	remote, _ := f.Primary.Object("remotes", "ext-file")["pulp_href"].(string)
	if _, err := f.Client(f.Primary).CreateRepository(t.Context(), "file/file", pulp.Fields{"name": "ext-two", "remote": remote}); err != nil {
		t.Fatal(err)
	}
	f.Primary.FailNext(failing("ext-two"), "not today")
	f.Failed(queue(f, f.Primary, args("^ext-(two|file)$")))
	if got := parts(f.Primary, ""); !slices.Contains(got, "remotes ext-file") || slices.Contains(got, "repositories ext-file") {
		t.Errorf("left are %v", got)
	}
	f.Completed(queue(f, f.Primary, args("^ext-(two|file)$")))
	if got := parts(f.Primary, "file"); got != nil {
		t.Errorf("left are %v", got)
	}
	f.Tidy()
}

// failing picks the deletion of what has a name.
func failing(name string) pulpfake.On { return pulpfake.On{Task: "delete", Repository: name} }
