// SPDX-License-Identifier: Apache-2.0

package removerepositories_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/removerepositories"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// args choose repositories to be really removed.
func args(include string, change ...func(*removerepositories.Args)) removerepositories.Args {
	a := removerepositories.Args{MaxRuntime: "10m", RegexInclude: &include}
	for _, c := range change {
		c(&a)
	}
	return a
}

func dry(a *removerepositories.Args)      { a.DryRun = true }
func internal(a *removerepositories.Args) { a.Internal = true }
func confirm(n int) func(*removerepositories.Args) {
	return func(a *removerepositories.Args) { a.Confirm = n }
}

// queue queues a removal on a server.
func queue(f *jobtest.Fleet, s *pulpfake.Server, a removerepositories.Args) fleet.Task {
	return f.Queue(removerepositories.NewTask(f.Server(s), a))
}

// synced is a fleet whose primary, and secondary if it mirrors, has everything.
func synced(t *testing.T, mirrored bool, shape ...func(*jobtest.World)) *jobtest.Fleet {
	t.Helper()
	f := jobtest.New(t, shape...)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	if mirrored {
		f.Sync(f.Secondary, f.Primary)
	}
	return f
}

// parts gives the names of all remotes, repositories and distributions of a server that have a text in them.
func parts(s *pulpfake.Server, text string) []string {
	var all []string
	for _, class := range []string{"distributions", "remotes", "repositories"} {
		for _, name := range s.Names(class) {
			if strings.Contains(name, text) {
				all = append(all, class+" "+name)
			}
		}
	}
	return all
}

// stages gives a task's stages by name, in order.
func stages(t *testing.T, f *jobtest.Fleet, task fleet.Task) (names []string, byName map[string]fleet.Stage) {
	t.Helper()
	all, err := f.Store.Stages(t.Context(), task.ID)
	if err != nil {
		t.Fatal(err)
	}
	byName = map[string]fleet.Stage{}
	for _, s := range all {
		names, byName[s.Name] = append(names, s.Name), s
	}
	return names, byName
}

const (
	find  = "Getting Repos for Removal"
	doing = "Removing Repositories and their Distributions/Remotes"
)

// TestDryRun: D109, D111, D112.
func TestDryRun(t *testing.T) {
	t.Parallel()
	f := synced(t, true)
	before := parts(f.Primary, "")
	f.Primary.ForgetRequests()
	task := f.Completed(queue(f, f.Primary, args("^ext-", dry)))
	if n := f.Primary.Writes(); n > 0 || !slices.Equal(before, parts(f.Primary, "")) {
		t.Errorf("%d writes, left are %v", n, parts(f.Primary, ""))
	}
	names, byName := stages(t, f, task)
	if !slices.Equal(names, []string{find + " (Dry Run)", doing + " (Dry Run)"}) || task.Started.IsZero() {
		t.Errorf("stages are %q, started %s", names, task.Started)
	}
	msg, _ := byName[find+" (Dry Run)"].Detail["msg"].(string)
	if !strings.Contains(msg, "ext-deb, ext-file, ext-rpm") || !strings.Contains(msg, "confirm 3") {
		t.Errorf("says %q", msg)
	}
	list, _ := byName[find+" (Dry Run)"].Detail["repositories"].([]any)
	if len(list) != 3 {
		t.Fatalf("shown are %v", list)
	}
	deb, _ := list[0].(map[string]any)
	distribution, _ := deb["distribution"].(map[string]any)
	mirrors, _ := deb["mirrored_by"].([]any)
	if deb["repository"] != "ext-deb" || deb["packages"] != 2.0 || deb["publications"] != 1.0 || distribution["name"] != "ext-deb" ||
		len(mirrors) != 1 || mirrors[0] != string(jobtest.Name(f.Secondary))+" ext-deb" || deb["stays"] != nil {
		t.Errorf("shown of ext-deb is %v", deb)
	}
	f.Tidy()
}

func TestRemove(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	f.Primary.ForgetRequests()
	rows := f.Repositories(f.Primary)
	exclude := "file"
	task := f.Completed(queue(f, f.Primary, args("^ext-", func(a *removerepositories.Args) { a.RegexExclude = &exclude })))
	if got := parts(f.Primary, ""); !slices.Equal(got, []string{"distributions ext-file", "remotes ext-file", "repositories ext-file"}) {
		t.Errorf("left are %v", got)
	}
	names, byName := stages(t, f, task)
	if !slices.Equal(names, []string{find, doing, "reconcile repos"}) {
		t.Errorf("stages are %q", names)
	}
	if msg := byName[doing].Detail["msg"]; msg != "Completed removing repositories, distributions, and remotes. Successfully removed 2, failed to remove 0" {
		t.Errorf("says %q", msg)
	}
	if now := f.Repositories(f.Primary); len(now) != 1 || now[0].Name != "ext-file" {
		t.Errorf("the store has %v", now)
	}
	for _, row := range rows { // history and id stay
		gone, err := f.Store.RepositoryByID(t.Context(), row.ID)
		if err != nil || gone.Missing.IsZero() != (row.Name == "ext-file") {
			t.Errorf("%s: missing since %s, %v", row.Name, gone.Missing, err)
		}
	}
	order := map[string]int{}
	for at, r := range f.Primary.Requests() {
		if r.Method == "DELETE" {
			order[strings.Split(r.Path, "/")[4]+"/"+strings.Split(r.Path, "/")[5]] = at
		}
	}
	for _, kind := range []string{"deb", "rpm"} {
		if d, r, m := order["distributions/"+kind], order["repositories/"+kind], order["remotes/"+kind]; d >= r || r >= m || m == 0 {
			t.Errorf("%s: asked for in the order %v", kind, order)
		}
	}
	f.Tidy()
}

// TestPartsThatAreGone: what is left of repositories goes, whichever part that is (D110).
func TestPartsThatAreGone(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	c, ctx := f.Client(f.Primary), t.Context()
	drop := func(class, name string, with func(href pulp.Href) (pulp.Href, error)) {
		href, _ := f.Primary.Object(class, name)["pulp_href"].(string)
		task, err := with(pulp.Href(href))
		f.Done(c, task, err)
	}
	drop("distributions", "ext-deb", func(h pulp.Href) (pulp.Href, error) { return c.DeleteDistribution(ctx, h) })
	drop("repositories", "ext-rpm", func(h pulp.Href) (pulp.Href, error) { return c.DeleteRepository(ctx, h) })
	drop("repositories", "ext-file", func(h pulp.Href) (pulp.Href, error) { return c.DeleteRepository(ctx, h) })
	drop("distributions", "ext-file", func(h pulp.Href) (pulp.Href, error) { return c.DeleteDistribution(ctx, h) })
	f.Completed(queue(f, f.Primary, args("^ext-")))
	if got := parts(f.Primary, ""); got != nil {
		t.Errorf("left are %v", got)
	}
	if locks := f.Locks(f.Primary); len(locks) > 0 {
		t.Errorf("locks left: %v", locks)
	}
}

// TestGoneMeanwhile: a part that goes between the look and the removal is not missed.
func TestGoneMeanwhile(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	c := f.Client(f.Primary)
	release := f.Primary.Hold(pulpfake.On{Task: "delete", Repository: "ext-deb"})
	task := queue(f, f.Primary, args("^ext-deb$"))
	wait := f.Go(task)
	f.Until("the repository to be being deleted", func() bool {
		started := f.Primary.TasksStarted("delete")
		return len(started) > 1 && started[len(started)-1].State == "running"
	})
	remote, _ := f.Primary.Object("remotes", "ext-deb")["pulp_href"].(string)
	second, err := c.DeleteRemote(t.Context(), pulp.Href(remote))
	release()
	f.Done(c, second, err)
	if task := wait(); task.State != fleet.Completed {
		t.Errorf("%s", f.Story(task.ID))
	}
	if got := parts(f.Primary, "deb"); got != nil {
		t.Errorf("left are %v", got)
	}
	if locks := f.Locks(f.Primary); len(locks) > 0 {
		t.Errorf("locks left: %v", locks)
	}
}

// TestFailure: what cannot be removed is named and stops nothing else, and asking again removes it (D107, D108).
func TestFailure(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	f.Primary.FailNext(pulpfake.On{Task: "delete", Repository: "ext-rpm"}, "the database is in a bad mood")
	task := f.Failed(queue(f, f.Primary, args("^ext-")))
	if msg := task.Error.Msg; !strings.Contains(msg, "1 of 3 not removed: ext-rpm: ") || !strings.Contains(msg, "in a bad mood") || !strings.Contains(task.Error.Detail, "ask again") {
		t.Errorf("says %+v", task.Error)
	}
	if got := parts(f.Primary, ""); !slices.Equal(got, []string{"distributions ext-rpm", "remotes ext-rpm", "repositories ext-rpm"}) {
		t.Errorf("left are %v", got)
	}
	if rows := f.Repositories(f.Primary); len(rows) != 1 {
		t.Errorf("the store has %v", rows)
	}
	f.Completed(queue(f, f.Primary, args("^ext-")))
	if got := parts(f.Primary, ""); got != nil {
		t.Errorf("left are %v", got)
	}
	f.Tidy()
}

// TestServerAway: an outage in the middle is waited for.
func TestServerAway(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	task := queue(f, f.Primary, args("^ext-"))
	release := f.Primary.Hold(pulpfake.On{Task: "delete", Repository: "ext-deb"})
	wait := f.Go(task)
	f.Until("a deletion to run", func() bool { return len(f.Primary.TasksStarted("delete")) > 0 })
	f.Primary.Stop()
	f.Says(task.ID, "down since")
	if err := f.Primary.Restart(); err != nil {
		t.Fatal(err)
	}
	release()
	if task := wait(); task.State != fleet.Completed || parts(f.Primary, "") != nil {
		t.Errorf("left are %v\n%s", parts(f.Primary, ""), f.Story(task.ID))
	}
	f.Tidy()
}

// TestDistributionMadeMeanwhile: a repository that is still being made when its removal is planned gets its distribution
// before the removal has its lock; that goes, too.
func TestDistributionMadeMeanwhile(t *testing.T) {
	t.Parallel()
	f := synced(t, false)
	c := f.Client(f.Primary)
	old, _ := f.Primary.Object("distributions", "ext-file")["pulp_href"].(string)
	href, err := c.DeleteDistribution(t.Context(), pulp.Href(old))
	f.Done(c, href, err)
	maker := f.Queue(fleet.NewTask{Name: "maker", Kind: fleet.KindRepoSnapshot, MaxRuntime: time.Hour}, nil)
	_, lease, err := f.Store.Claim(t.Context(), maker.ID, "maker", "maker", "1")
	if err != nil {
		t.Fatal(err)
	}
	if held, err := f.Store.AcquireLock(t.Context(), lease, f.Server(f.Primary).ID, "ext-file"); held != nil || err != nil {
		t.Fatal(held, err)
	}
	f.Serve()
	task := queue(f, f.Primary, args("^ext-file$"))
	f.Says(task.ID, "changes it since")
	repository, _ := f.Primary.Object("repositories", "ext-file")["pulp_href"].(string)
	href, err = c.CreateDistribution(t.Context(), "file/file", pulp.Fields{"name": "ext-file", "base_path": "late", "repository": repository})
	f.Done(c, href, err)
	if _, err := f.Store.Transition(t.Context(), lease, maker.ID, fleet.Completed, nil); err != nil {
		t.Fatal(err)
	}
	if ended := f.Ended(task); ended.State != fleet.Completed {
		t.Errorf("%s %+v\n%s", ended.State, ended.Error, f.Story(task.ID))
	}
	if left := parts(f.Primary, "ext-file"); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	var deleted []string // the distribution before what it serves: if that fails, nothing leads nowhere
	for _, r := range f.Primary.Requests() {
		if class, _, _ := strings.Cut(strings.TrimPrefix(r.Path, "/pulp/api/v3/"), "/"); r.Method == http.MethodDelete {
			deleted = append(deleted, class)
		}
	}
	if want := []string{"distributions", "distributions", "repositories", "remotes"}; !slices.Equal(deleted, want) {
		t.Errorf("deleted were %v, want %v", deleted, want)
	}
}
