// SPDX-License-Identifier: Apache-2.0

package reposync_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/reposync"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// banning is a fleet with a pattern that can be changed, and two packages in each repository: alpha and beta in
// ext-deb, bear and zebra in ext-rpm.
type banning struct {
	*jobtest.Fleet
	t       *testing.T
	pattern *fleet.Pattern
	domains []string // that are internal
}

func ban(t *testing.T, pattern string) *banning {
	t.Helper()
	b := &banning{t: t}
	b.Fleet = jobtest.New(t, func(w *jobtest.World) {
		w.Bans = reposync.Bans{
			Banned:   func() *fleet.Pattern { return b.pattern },
			Internal: func(feed string) bool { return reconcile.Rules{InternalDomains: b.domains}.Internal(feed) },
		}
	})
	b.set(pattern)
	b.Trees["ext-rpm"].Put(pulpfake.Package{Name: "zebra", Version: "1.0"})
	b.Register(b.Primary)
	return b
}

func (b *banning) set(pattern string) {
	b.t.Helper()
	var err error
	if b.pattern, err = fleet.CompilePattern(pattern); err != nil {
		b.t.Fatal(err)
	}
}

func (b *banning) href(name string) pulp.Href {
	href, _ := b.Primary.Object("repositories", name)["pulp_href"].(string)
	return pulp.Href(href)
}

// numbers gives the numbers of a repository's versions but 0, newest first.
func (b *banning) numbers(name string) string {
	b.t.Helper()
	found, err := b.Client(b.Primary).NewestVersions(b.t.Context(), b.href(name), 1)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []int
	for _, v := range found {
		all = append(all, v.Number)
	}
	return fmt.Sprint(all)
}

// packages gives the names of what is served, by the files there are.
func (b *banning) packages(name string) string {
	var all []string
	for file := range b.Primary.ServedFiles("repos/" + name) {
		base := file[strings.LastIndex(file, "/")+1:]
		if strings.HasSuffix(base, ".deb") || strings.HasSuffix(base, ".rpm") {
			all = append(all, base[:strings.IndexAny(base, "-_")])
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// sees fails the test unless a repository serves these packages, and has versions of these numbers.
func (b *banning) sees(name, packages, numbers string) {
	b.t.Helper()
	if got := b.packages(name); got != packages {
		b.t.Errorf("%s serves %q, want %q", name, got, packages)
	}
	if got := b.numbers(name); got != numbers {
		b.t.Errorf("%s has versions %s, want %s", name, got, numbers)
	}
}

// stage gives the detail of a stage of a task.
func (b *banning) stage(task fleet.Task, name string) map[string]any {
	b.t.Helper()
	stages, err := b.Store.Stages(b.t.Context(), task.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, s := range stages {
		if s.Name == name {
			return s.Detail
		}
	}
	b.t.Fatalf("task %d has no stage %q:\n%s", task.ID, name, b.Story(task.ID))
	return nil
}

func (b *banning) msg(task fleet.Task) string {
	b.t.Helper()
	text, _ := b.stage(task, "remove banned packages")["msg"].(string)
	return text
}

const (
	debs = "ext-deb"
	rpms = "ext-rpm"
)

// TestBanned: packages that are banned are never served; a sync without a change upstream publishes nothing, and
// leaves no version behind (D116), though Pulp brings them back each time. The repository is looked at once a run (D92).
func TestBanned(t *testing.T) {
	t.Parallel()
	b := ban(t, "^(beta|zebra)$")
	left := map[string]string{debs: "alpha", rpms: "bear"}
	first := map[string]map[string][]byte{}
	for _, name := range []string{debs, rpms} {
		task := b.Completed(alone(t, b.Fleet, name))
		b.sees(name, left[name], "[2]")
		first[name] = b.Primary.ServedFiles("repos/" + name)
		var units []content.Unit
		told, _ := json.Marshal(b.stage(task, "remove banned packages")["removed"])
		if err := json.Unmarshal(told, &units); err != nil || len(units) != 1 {
			t.Fatalf("removed: %s %v", told, err)
		}
		u := units[0]
		if u.Name != map[string]string{debs: "beta", rpms: "zebra"}[name] || !strings.HasPrefix(u.Version, "1.0") || u.Architecture == "" || len(u.SHA256) != 64 || u.Href == "" {
			t.Errorf("removed: %+v", u)
		}
		if msg := b.msg(task); !strings.Contains(msg, "1 banned package: "+u.String()) {
			t.Errorf("%s: %s", name, msg)
		}
		if href, _ := b.stage(task, "remove banned packages")["task_href"].(string); !strings.Contains(href, "/tasks/") {
			t.Errorf("task_href: %q", href)
		}
	}
	for round := range 2 {
		for _, name := range []string{debs, rpms} {
			b.Primary.ForgetRequests()
			published := len(b.Primary.TasksStarted("publish"))
			task := b.Completed(alone(t, b.Fleet, name))
			asked, _ := jobtest.Asked(b.Primary)
			writes := b.Primary.Writes()
			b.sees(name, left[name], "[2]")
			if !maps.EqualFunc(first[name], b.Primary.ServedFiles("repos/"+name), bytes.Equal) || len(b.Primary.TasksStarted("publish")) != published {
				t.Errorf("%s was published again:\n%s", name, b.Story(task.ID))
			}
			if msg, _ := b.stage(task, "publish repo")["msg"].(string); !strings.Contains(msg, "unchanged") {
				t.Errorf("%s: %s", name, msg)
			}
			// Beyond looking at the repository and its sync: the versions, names before and after, what is banned,
			// modify, the version that came, the difference, two deletions; and what a deb sync was asked for.
			n := asked["GET content/deb/package_indices/"] + asked["GET content/deb/packages/"] + asked["GET content/rpm/packages/"] + asked["GET content/"]
			for what, count := range asked {
				if strings.Contains(what, "modify") || strings.Contains(what, "/versions/") {
					n += count
				}
			}
			if want := map[string]int{debs: 10, rpms: 9}[name]; n != want || writes != 4 {
				t.Errorf("round %d: %d requests to clean %s, want %d; %d writes: %v", round, n, name, want, writes, asked)
			}
		}
	}
	b.Tidy()
}

// TestBannedChange: what is new is published once, without what is banned; a re-dated upstream is no change.
func TestBannedChange(t *testing.T) {
	t.Parallel()
	b := ban(t, "^(beta|zebra)$")
	for name, tree := range map[string]*pulpfake.Tree{debs: b.Trees[debs], rpms: b.Trees[rpms]} {
		b.Completed(alone(t, b.Fleet, name))
		tree.Put(pulpfake.Package{Name: "omega", Version: "1.0"})
		b.Completed(alone(t, b.Fleet, name))
		b.sees(name, map[string]string{debs: "alpha omega", rpms: "bear omega"}[name], "[4 2]")
		before, published := b.Primary.ServedFiles("repos/"+name), len(b.Primary.TasksStarted("publish"))
		tree.Touch()
		task := b.Completed(alone(t, b.Fleet, name))
		if !maps.EqualFunc(before, b.Primary.ServedFiles("repos/"+name), bytes.Equal) || len(b.Primary.TasksStarted("publish")) != published {
			t.Errorf("%s was published again:\n%s", name, b.Story(task.ID))
		}
		b.sees(name, map[string]string{debs: "alpha omega", rpms: "bear omega"}[name], "[4 2]")
	}
	b.Completed(alone(t, b.Fleet, "ext-file"))
	b.Sync(b.Secondary, b.Primary)
	b.Sound()
}

// TestBannedLater: a pattern that is set later holds for what is served already, though upstream has not changed;
// one that is taken back gives back what it took.
func TestBannedLater(t *testing.T) {
	t.Parallel()
	b := ban(t, "")
	for _, name := range []string{debs, rpms} {
		b.set("")
		all := map[string]string{debs: "alpha beta", rpms: "bear zebra"}[name]
		if msg := b.msg(b.Completed(alone(t, b.Fleet, name))); msg != "skipped: no packages are banned" {
			t.Errorf("%s: %s", name, msg)
		}
		b.sees(name, all, "[1]")
		b.set("et|ebr")
		b.Completed(alone(t, b.Fleet, name))
		b.sees(name, strings.Fields(all)[0], "[2 1]")
		b.set("")
		b.Completed(alone(t, b.Fleet, name))
		b.sees(name, all, "[3 2 1]")
	}
	b.Tidy()
}

// TestBannedByName: names are matched here, as Python's re.search does, for all types: case counts (D84), and what
// has a meaning in a query reaches no query (D58).
func TestBannedByName(t *testing.T) {
	t.Parallel()
	b := ban(t, `^(Beta|ZEBRA|libstdc\+\+6|g\+\+-1|a#b)$`)
	for name, more := range map[string][]pulpfake.Package{
		debs: {{Name: "libstdc++6", Version: "1.0+b1"}, {Name: "g++-1", Version: "1"}, {Name: "libstdccc6", Version: "1"}},
		rpms: {{Name: "libstdc++6", Version: "1.0"}, {Name: "g++-1", Version: "1"}, {Name: "libstdccc6", Version: "1"}},
	} {
		b.Trees[name].Put(more...)
		if msg := b.msg(b.Completed(alone(t, b.Fleet, name))); !strings.Contains(msg, "2 banned packages: g++-1 1") || !strings.Contains(msg, "libstdc++6 1.0") {
			t.Errorf("%s: %s", name, msg)
		}
		b.sees(name, map[string]string{debs: "alpha beta libstdccc6", rpms: "bear libstdccc6 zebra"}[name], "[2]")
	}
	b.Tidy()
}

// TestBannedElsewhere: mirrors, internal feeds and types without packages are left as they are; no domain
// is internal unless one is configured (D66).
func TestBannedElsewhere(t *testing.T) {
	t.Parallel()
	b := ban(t, "a")
	b.domains = []string{"127.0.0.1"}
	for name, words := range map[string]string{
		debs: "skipped: its feed is internal", rpms: "skipped: its feed is internal", "ext-file": "skipped: no files are banned from file repositories",
	} {
		if msg := b.msg(b.Completed(alone(t, b.Fleet, name))); msg != words {
			t.Errorf("%s: %s", name, msg)
		}
	}
	b.sees(debs, "alpha beta", "[1]")
	for name, task := range b.Children(b.Sync(b.Secondary, b.Primary).ID) {
		if msg := b.msg(task); !strings.HasPrefix(msg, "skipped: ") {
			t.Errorf("%s on the secondary: %s", name, msg)
		}
	}
	b.Same()
	b.domains = nil
	b.set("beta")
	b.Completed(alone(t, b.Fleet, debs))
	b.sees(debs, "alpha", "[2 1]")
	b.Tidy()
}

// TestAllBanned: a pattern that finds everything publishes nothing, says so, and leaves no heap of versions.
func TestAllBanned(t *testing.T) {
	t.Parallel()
	b := ban(t, "a")
	for _, name := range []string{debs, rpms} {
		for range 2 {
			task := b.Failed(alone(t, b.Fleet, name))
			if !strings.Contains(task.Error.Msg, "bans all of its 2 packages: not published") || !strings.Contains(task.Error.Msg, name) {
				t.Errorf("error: %+v", task.Error)
			}
			b.sees(name, "", "[1]")
		}
	}
	if n := len(b.Primary.TasksStarted("publish")); n != 0 {
		t.Errorf("%d publications", n)
	}
	b.Tidy()
}

// TestBanFails: where cleaning fails the sync has failed with the reason (D85), nothing is published, and the next
// one finds what was left, although upstream has not changed.
func TestBanFails(t *testing.T) {
	t.Parallel()
	b := ban(t, "^(beta|zebra)$")
	for _, name := range []string{debs, rpms} {
		b.Completed(alone(t, b.Fleet, name))
		before := b.Primary.ServedFiles("repos/" + name)
		b.Primary.FailNext(pulpfake.On{Task: "add_and_remove", Repository: name}, "out of space")
		task := b.Failed(alone(t, b.Fleet, name))
		if !strings.Contains(task.Error.Msg, "out of space") || !strings.Contains(task.Error.Msg, "remove banned packages") {
			t.Errorf("error: %+v", task.Error)
		}
		b.sees(name, map[string]string{debs: "alpha", rpms: "bear"}[name], "[3 2]")
		b.Completed(alone(t, b.Fleet, name))
		// What an earlier run left is not this one's to delete: the cleaned version stays before it.
		b.sees(name, map[string]string{debs: "alpha", rpms: "bear"}[name], "[4 3 2]")
		for range 2 {
			b.Completed(alone(t, b.Fleet, name))
			b.sees(name, map[string]string{debs: "alpha", rpms: "bear"}[name], "[4 3 2]")
		}
		if !maps.EqualFunc(before, b.Primary.ServedFiles("repos/"+name), bytes.Equal) {
			t.Errorf("%s was published again", name)
		}
	}
	b.Tidy()
}

// TestBannedByHand: what somebody else made is not deleted, nor what they pinned.
func TestBannedByHand(t *testing.T) {
	t.Parallel()
	b := ban(t, "^(beta|zebra)$")
	c, ctx := b.Client(b.Primary), t.Context()
	b.Completed(alone(t, b.Fleet, rpms))
	found, err := c.Content(ctx, "rpm/packages", map[string][]string{"name": {"zebra"}})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	task, err := c.Modify(ctx, b.href(rpms), pulp.Fields{"add_content_units": []pulp.Href{found[0].Href()}})
	b.Done(c, task, err)
	for range 2 {
		b.Completed(alone(t, b.Fleet, rpms))
		if got := b.numbers(rpms); !strings.HasSuffix(got, "3 2]") || strings.Count(got, " ") != 2 {
			t.Errorf("versions %s", got)
		}
		if got := b.packages(rpms); got != "bear" {
			t.Errorf("served: %s", got)
		}
	}
}

// TestBannedAutopublish: where Pulp would itself publish what a sync brings, nothing is synced.
func TestBannedAutopublish(t *testing.T) {
	t.Parallel()
	b := ban(t, "^(beta|zebra)$")
	c, ctx := b.Client(b.Primary), t.Context()
	for _, name := range []string{debs, rpms} {
		change, err := c.UpdateRepository(ctx, b.href(name), pulp.Fields{"autopublish": true})
		if change.Task != "" || err != nil {
			b.Done(c, change.Task, err)
		}
		task := b.Failed(alone(t, b.Fleet, name))
		if !strings.Contains(task.Error.Msg, "autopublish") || !strings.Contains(task.Error.Detail, "false") {
			t.Errorf("error: %+v", task.Error)
		}
		b.sees(name, "", "[]")
	}
	change, err := c.UpdateRepository(ctx, b.href(rpms), pulp.Fields{"autopublish": false})
	if change.Task != "" || err != nil {
		b.Done(c, change.Task, err)
	}
	for _, options := range []map[string]any{{"sync_policy": "mirror_complete"}, {"mirror": true}} {
		task := b.Failed(alone(t, b.Fleet, rpms, func(a *reposync.Args) { a.SyncOptions = options }))
		if !strings.Contains(task.Error.Msg, "Pulp publishes what it syncs by itself") {
			t.Errorf("%v: %+v", options, task.Error)
		}
	}
	b.sees(rpms, "", "[]")
}

// TestBannedAsked: that upstream lacks what a definition asks for is found out although cleaning drops what tells it.
func TestBannedAsked(t *testing.T) {
	t.Parallel()
	b := ban(t, "^beta$")
	b.Completed(alone(t, b.Fleet, debs))
	d := b.Defined()[slices.IndexFunc(b.Defined(), func(d fleet.Definition) bool { return d.Name == debs })]
	d.Options = map[string]any{"components": "main nowhere"}
	b.Define(d)
	b.Register(b.Primary)
	task := b.Failed(alone(t, b.Fleet, debs))
	if !strings.Contains(task.Error.Msg, `no component "nowhere"`) {
		t.Errorf("error: %+v", task.Error)
	}
	b.sees(debs, "alpha", "[3 2]")
	b.Tidy()
}
