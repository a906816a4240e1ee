// SPDX-License-Identifier: Apache-2.0

package snapshot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job/jobtest"
	"github.com/pulp/pulp-manager/internal/job/snapshot"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// TestSnapshot: a snapshot of each type holds what its source serves, on a primary and on a secondary, where a
// deb one has the very bytes; it stays when the source goes on; it is labelled, known to the store, and no
// snapshot of a snapshot is made. Its child has a parent (D100) and is no sync (D88).
func TestSnapshot(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		before := map[string]fleet.Repository{}
		for _, r := range f.Repositories(s) {
			before[r.Name] = r
		}
		task := f.Completed(queue(f, s))
		says(t, f, task, "snapshot repos: completed map[msg:3/3]")
		for _, name := range []string{"ext-deb", "ext-rpm", "ext-file"} {
			sameAs(t, s, name, "snap-a-"+name)
			c := child(t, f, task, name)
			if c.Parent != task.ID || c.State != fleet.Completed || !strings.Contains(string(c.Args), `"dest_repo_href"`) {
				t.Errorf("child: %+v", c)
			}
			labels, _ := json.Marshal(s.Object("distributions", "snap-a-"+name)["pulp_labels"])
			version := strings.TrimSuffix(before[name].ServedVersion[strings.LastIndex(strings.TrimSuffix(before[name].ServedVersion, "/"), "/"):], "/")
			for _, want := range []string{
				`"pulp_manager":"` + string(jobtest.Name(s)) + `"`, `"pulp_manager_snapshot":"` + href(s, "repositories", name).ID() + "/versions" + version + `"`,
				`"pulp_manager_snapshot_version":"1"`,
			} {
				if !strings.Contains(string(labels), want) {
					t.Errorf("labels of %s: %s, no %s", name, labels, want)
				}
			}
		}
		after := map[string]fleet.Repository{}
		for _, r := range f.Repositories(s) {
			after[r.Name] = r
		}
		for name, r := range before {
			if a := after[name]; !a.LastAttempt.Equal(r.LastAttempt) || !a.LastSuccess.Equal(r.LastSuccess) || a.ServedVersion != r.ServedVersion {
				t.Errorf("%s was %+v, is %+v", name, r, a)
			}
			snap := after["snap-a-"+name]
			if snap.Href != string(href(s, "repositories", snap.Name)) || snap.ServedVersion != snap.Href+"versions/1/" || snap.DistributionHref == "" ||
				snap.HasRemote() || !snap.LastAttempt.IsZero() || snap.Health != "" {
				t.Errorf("the store knows %+v", snap)
			}
		}
		second := f.Completed(queue(f, s, func(a *snapshot.Args) { a.Prefix = "snap-b-" }))
		if n := len(f.Repositories(s)); n != 9 {
			t.Errorf("%d repositories after a second snapshot:\n%s", n, f.Story(second.ID))
		}
	}
	deb := "dists/stable/InRelease"
	if source := f.Secondary.ServedFiles("repos/ext-deb")[deb]; len(source) == 0 || !bytes.Equal(source, f.Secondary.ServedFiles("repos/snap-a-ext-deb")[deb]) {
		t.Error("the snapshot's InRelease on the secondary is not the source's")
	}
	if !bytes.Contains(f.Primary.ServedFiles("repos/snap-a-ext-deb")[deb], []byte("BEGIN PGP SIGNATURE")) {
		t.Error("the snapshot on the primary is not signed")
	}
	held := f.Primary.ServedFiles("repos/snap-a-ext-rpm")
	f.Trees["ext-rpm"].Put(pulpfake.Package{Name: "cat", Version: "2.0"})
	f.Sync(f.Primary, nil)
	if now := f.Primary.ServedFiles("repos/snap-a-ext-rpm"); len(now) != len(held) || !bytes.Equal(now["repodata/repomd.xml"], held["repodata/repomd.xml"]) {
		t.Error("the snapshot changed with its source")
	}
	f.Tidy()
}

// TestAsksLittle: the snapshot of a repository with 10,000 files takes at most twelve requests, polling apart, however
// many files there are; each further repository of its type takes four.
func TestAsksLittle(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t, func(w *jobtest.World) { w.Types = []fleet.RepositoryType{"file"}; w.Copies = 3 })
	many := pulpfake.Spec{Kind: pulpfake.FileTree}
	files := jobtest.Fewer(10000)
	for i := range files {
		many.Packages = append(many.Packages, pulpfake.Package{Name: fmt.Sprintf("f/%d.txt", i)})
	}
	f.Define(f.Definition("file", "ext-many", f.Upstream.Add("many", many).URL(f.UpstreamURL)))
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Primary.ForgetRequests()
	f.Completed(queue(f, f.Primary, only("^ext-many$")))
	if asked, n := jobtest.Asked(f.Primary); n > 12 {
		t.Errorf("%d requests: %v", n, asked)
	}
	if n := len(f.Primary.ServedFiles("repos/snap-a-ext-many")); n < files {
		t.Errorf("%d files are served", n)
	}
	f.Primary.ForgetRequests()
	f.Completed(queue(f, f.Primary, only(`^ext-file-`)))
	if asked, n := jobtest.Asked(f.Primary); n > 8+3*4 {
		t.Errorf("%d requests: %v", n, asked)
	}
	f.Tidy()
}

// TestExists: a name that is taken is told, all of them, and nothing is done; what only begins likewise is not in
// the way, nor is the prefix a pattern (D101).
func TestExists(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.Register(f.Primary)
	f.Sync(f.Primary, nil)
	f.Completed(queue(f, f.Primary, func(a *snapshot.Args) { a.Prefix = "snap-a-longer" }, only("rpm|file")))
	f.Completed(queue(f, f.Primary, func(a *snapshot.Args) { a.Prefix = "snap.a" }, only("rpm")))
	f.Completed(queue(f, f.Primary, only("rpm|file")))
	writes := f.Primary.Writes()
	task := f.Failed(queue(f, f.Primary))
	if !strings.Contains(task.Error.Msg, "snap-a-ext-file, snap-a-ext-rpm") || strings.Contains(task.Error.Msg, "deb") ||
		!strings.Contains(task.Error.Detail, "allow_snapshot_reuse") {
		t.Errorf("error: %+v", task.Error)
	}
	if n := f.Primary.Writes(); n != writes {
		t.Errorf("%d writes", n-writes)
	}
	f.Tidy()
}

// TestReuse: a snapshot that is used again equals its source again, removals included (D103), and what it serves in
// between is what it served before; one whose source has not changed takes no work.
func TestReuse(t *testing.T) {
	t.Parallel()
	f := jobtest.New(t)
	f.SyncAll()
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		f.Completed(queue(f, s))
	}
	f.Primary.ForgetRequests()
	task := f.Completed(queue(f, f.Primary, reuse))
	says(t, f, task, "unchanged: snap-a-ext-deb serves what ext-deb serves already")
	if n := f.Primary.Writes(); n != 0 {
		t.Errorf("%d writes without a change", n)
	}
	if asked, n := jobtest.Asked(f.Primary); n > 20 {
		t.Errorf("%d requests without a change: %v", n, asked)
	}
	for name, gone := range map[string]string{"ext-deb": "alpha", "ext-rpm": "bear", "ext-file": "a.txt"} {
		f.Trees[name].Remove(gone)
		f.Trees[name].Put(pulpfake.Package{Name: "new.txt", Version: "2.0"})
	}
	// An additive sync of the primary keeps what upstream no longer has, so it is taken out by hand.
	f.Sync(f.Primary, nil)
	c := f.Client(f.Primary)
	for name, path := range map[string]string{"ext-rpm": "rpm/packages/?name=bear", "ext-file": "file/files/?relative_path=a.txt", "ext-deb": "deb/packages/?package=alpha"} {
		where, query, _ := strings.Cut(path, "?")
		field, value, _ := strings.Cut(query, "=")
		version := f.Primary.Object("repositories", name)["latest_version_href"].(string)
		units, err := c.Content(t.Context(), where, map[string][]string{field: {value}, "repository_version": {version}})
		if err != nil || len(units) != 1 {
			t.Fatalf("%s: %v %v", name, units, err)
		}
		started, err := c.Modify(t.Context(), href(f.Primary, "repositories", name), pulp.Fields{"remove_content_units": []pulp.Href{units[0].Href()}})
		f.Done(c, started, err)
	}
	publish(t, f, c)
	f.Sync(f.Secondary, f.Primary)
	for _, s := range []*pulpfake.Server{f.Primary, f.Secondary} {
		held := map[string]map[string][]byte{}
		for name := range f.Trees {
			held[name] = s.ServedFiles("repos/snap-a-" + name)
		}
		release := s.Hold(pulpfake.On{Task: "publish"})
		wait := f.Go(queue(f, s, reuse))
		f.Until("publications to wait", func() bool { return len(waiting(s, "publish")) >= 2 })
		for name := range f.Trees {
			if now := s.ServedFiles("repos/snap-a-" + name); !sameBytes(now, held[name]) {
				t.Errorf("%s: %s serves something else while it is being made", s.Name(), name)
			}
		}
		release()
		if done := wait(); done.State != fleet.Completed {
			t.Fatalf("%s: %s %+v\n%s", s.Name(), done.State, done.Error, f.Story(done.ID))
		}
		for name, gone := range map[string]string{"ext-deb": "alpha", "ext-rpm": "bear", "ext-file": "a.txt"} {
			sameAs(t, s, name, "snap-a-"+name)
			for file := range s.ServedFiles("repos/snap-a-" + name) {
				if strings.Contains(file, gone) {
					t.Errorf("%s: %s still serves %s", s.Name(), name, file)
				}
			}
			labels, _ := s.Object("distributions", "snap-a-"+name)["pulp_labels"].(map[string]any)
			if labels["pulp_manager_snapshot"] != s.Object("repositories", "snap-a-"+name)["pulp_labels"].(map[string]any)["pulp_manager_snapshot"] {
				t.Errorf("labels: %v", labels)
			}
		}
		says(t, f, f.Completed(queue(f, s, reuse)), "3 of them unchanged")
		if locks := f.Locks(s); len(locks) > 0 {
			t.Errorf("locks: %+v", locks)
		}
	}
}

func sameBytes(a, b map[string][]byte) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for file := range a {
		if !bytes.Equal(a[file], b[file]) {
			return false
		}
	}
	return true
}

// waiting gives the Pulp tasks of a kind that are not over.
func waiting(s *pulpfake.Server, name string) []string {
	var all []string
	for _, task := range s.TasksStarted(name) {
		if !slices.Contains([]string{"completed", "failed", "canceled"}, task.State) {
			all = append(all, task.Subject)
		}
	}
	return all
}

// publish publishes the newest versions on the primary by hand, and has them served.
func publish(t *testing.T, f *jobtest.Fleet, c *pulp.Client) {
	t.Helper()
	service := f.Primary.Object("repositories", "ext-deb")["signing_service"]
	for name, body := range map[string]pulp.Fields{
		"ext-deb": {"structured": true, "signing_service": service}, "ext-rpm": {"checksum_type": "sha256"}, "ext-file": {},
	} {
		kind := map[string]string{"ext-deb": "deb/apt", "ext-rpm": "rpm/rpm", "ext-file": "file/file"}[name]
		body["repository"] = href(f.Primary, "repositories", name)
		started, err := c.CreatePublication(t.Context(), kind, body)
		publication, _ := f.Done(c, started, err).CreatedPublication()
		if name == "ext-deb" {
			continue
		}
		change, err := c.UpdateDistribution(t.Context(), href(f.Primary, "distributions", name), pulp.Fields{"publication": publication})
		if change.Task != "" || err != nil {
			f.Done(c, change.Task, err)
		}
	}
}
