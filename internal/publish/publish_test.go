// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// bench is a server with one repository "a", and the upstream that it syncs from.
type bench struct {
	*hands
	t      *testing.T
	server *pulpfake.Server
	tree   *pulpfake.Tree
	kind   content.Type
	method content.Method
	mirror bool

	repository pulp.Repository
	newest     pulp.Href
}

// newBench makes a repository of a type, with a remote and a distribution as registration makes them.
func newBench(t *testing.T, kind fleet.RepositoryType, packages ...string) *bench {
	t.Helper()
	h, server := newHands(t, pulpfake.Options{})
	b := &bench{hands: h, t: t, server: server}
	b.kind, _ = content.Find(kind)
	b.method = b.kind.Sync
	up := pulpfake.NewUpstream()
	b.tree = up.Add("a", pulpfake.Spec{Kind: pulpfake.TreeKind(kind), Packages: named(packages...)})
	fields := b.kind.Remote(map[string]any{"upstream_name": "a"}) // which registries want
	fields["name"], fields["url"] = "a", b.tree.URL(up.Start(t))
	remote, err := h.client.CreateRemote(t.Context(), b.kind.Path, given(fields))
	if err != nil {
		t.Fatal(err)
	}
	if b.repository, err = h.client.CreateRepository(t.Context(), b.kind.Path, pulp.Fields{"name": "a", "remote": remote.Href}); err != nil {
		t.Fatal(err)
	}
	distribution := pulp.Fields{"name": "a", "base_path": "a"}
	if b.kind.Serving == content.Following {
		distribution["repository"] = b.repository.Href
	}
	b.must(h.Task(t.Context(), "distribution", func(ctx ctx) (pulp.Href, error) {
		return h.client.CreateDistribution(ctx, b.kind.DistributionKind(), distribution)
	}))
	b.newest = b.repository.LatestVersion
	return b
}

func named(packages ...string) []pulpfake.Package {
	var all []pulpfake.Package
	for _, p := range packages {
		all = append(all, pulpfake.Package{Name: p, Version: "1.0"})
	}
	return all
}

func given(fields map[string]any) pulp.Fields {
	kept := pulp.Fields{}
	for name, value := range fields {
		if value != nil {
			kept[name] = value
		}
	}
	return kept
}

func (b *bench) must(task pulp.Task, err error) pulp.Task {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return task
}

// sync syncs by the bench's method and notes the newest version.
func (b *bench) sync() {
	b.t.Helper()
	b.change(func(ctx ctx) (pulp.Href, error) {
		return b.client.Sync(ctx, b.repository.Href, b.kind.SyncBody(b.method, nil, false))
	})
}

func (b *bench) change(start func(ctx ctx) (pulp.Href, error)) {
	b.t.Helper()
	task := b.must(b.Task(b.t.Context(), "change", start))
	if version, ok := task.CreatedVersion(); ok {
		b.newest = version
	}
}

// look gives the repository and its newest version's publications, as a job sees them.
func (b *bench) look() (*inventory.Repository, *inventory.Picture) {
	b.t.Helper()
	picture, err := inventory.Take(b.t.Context(), b.client, "alpha", "a")
	if err == nil {
		err = picture.Serve(b.t.Context(), b.client, b.repository.Href)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return picture.Find(b.kind.Name, "a"), picture
}

// serve publishes, and gives what was asked of the server meanwhile, logins left out.
func (b *bench) serve(change ...func(*Request)) (Done, []string, error) {
	b.t.Helper()
	found, picture := b.look()
	r := Request{Repository: found, Newest: b.newest, Publications: picture.PublicationsOf(b.newest), Method: b.method, Mirrored: b.mirror}
	for _, f := range change {
		f(&r)
	}
	b.server.ForgetRequests()
	b.steps = nil
	done, err := Serve(b.t.Context(), b, r)
	var requests []string
	for _, q := range b.server.Requests() {
		if path := strings.TrimPrefix(q.Path, "/pulp/api/v3/"); q.Method != http.MethodGet {
			requests = append(requests, q.Method+" "+strings.Split(path, "/")[0])
		}
	}
	return done, requests, err
}

// served gives the names of the packages that clients find, by what type.Read reads.
func (b *bench) served() []string {
	b.t.Helper()
	files := b.server.ServedFiles("a")
	view, err := b.kind.Read(b.t.Context(), func(_ ctx, path string) ([]byte, error) {
		if body, ok := files[path]; ok {
			return body, nil
		}
		return nil, fault.New(fault.NotFound, "%s is not served", path)
	}, b.kind.Remote(nil))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		b.t.Fatal(err)
	}
	names := []string{}
	for _, unit := range view.Units {
		names = append(names, strings.Fields(unit)[0])
	}
	return names
}

func (b *bench) serves(packages ...string) {
	b.t.Helper()
	if diff := cmp.Diff(packages, b.served()); diff != "" {
		b.t.Errorf("clients find: %s", diff)
	}
}

var kinds = []fleet.RepositoryType{"deb", "rpm", "file"}

// What is served is the newest version, after the first sync and after each that brought something.
func TestServe(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, kind, "alpha")
			b.sync()
			b.serves()
			done, requests, err := b.serve()
			if err != nil || done.Unchanged || done.Units != 1 || done.Publication == "" {
				t.Fatalf("%+v, %v", done, err)
			}
			b.serves("alpha")
			// deb's distribution follows by itself; the others are switched.
			want := []string{"POST publications", "PATCH distributions"}
			if kind == "deb" {
				want = want[:1]
			}
			if diff := cmp.Diff(want, requests); diff != "" {
				t.Error(diff)
			}

			b.tree.Put(pulpfake.Package{Name: "beta", Version: "1.0"})
			b.sync()
			b.serves("alpha") // until it is looked at
			if done, _, err = b.serve(); err != nil || done.Units != 2 {
				t.Fatalf("%+v, %v", done, err)
			}
			b.serves("alpha", "beta")
			if err := b.server.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing new asks nothing of Pulp: neither a request that changes something nor one that looks.
func TestServeUnchanged(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, kind, "alpha")
			b.sync()
			if _, _, err := b.serve(); err != nil {
				t.Fatal(err)
			}
			b.sync()
			done, _, err := b.serve()
			if err != nil || !done.Unchanged || done.Units != -1 {
				t.Errorf("%+v, %v", done, err)
			}
			if n := len(b.server.Requests()); n > 0 {
				t.Errorf("%d requests: %+v", n, b.server.Requests())
			}
		})
	}
}

// What a run that died left half done is completed by the next: what is published already is not published again.
func TestServeAfterACrash(t *testing.T) {
	for _, kind := range []fleet.RepositoryType{"rpm", "file"} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, kind, "alpha")
			b.sync()
			path, options := b.kind.Publication(nil)
			options["repository_version"] = b.newest
			b.must(b.Task(t.Context(), "publish", func(ctx ctx) (pulp.Href, error) { return b.client.CreatePublication(ctx, path, options) }))
			done, requests, err := b.serve()
			if err != nil || done.Unchanged || !slices.Equal(requests, []string{"PATCH distributions"}) {
				t.Errorf("%+v, %v, %q", done, err, requests)
			}
			b.serves("alpha")
			if err := b.server.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A distribution that served the repository directly is pinned, whatever it named before.
func TestServePinsWhatFollowed(t *testing.T) {
	b := newBench(t, "rpm", "alpha")
	b.sync()
	found, _ := b.look()
	b.must(b.Task(t.Context(), "follow", func(ctx ctx) (pulp.Href, error) {
		change, err := b.client.UpdateDistribution(ctx, found.Distribution.Href, pulp.Fields{"repository": b.repository.Href})
		return change.Task, err
	}))
	if _, _, err := b.serve(); err != nil {
		t.Fatal(err)
	}
	b.serves("alpha")
	if d := b.server.Object("distributions", "a"); d["repository"] != nil || d["publication"] == nil {
		t.Errorf("distribution %v", d)
	}
}

func TestServeNeedsADistribution(t *testing.T) {
	for _, kind := range kinds {
		b := newBench(t, kind, "alpha")
		b.sync()
		done, _, err := b.serve(func(r *Request) { r.Repository.Distribution = nil })
		if !fault.Is(err, fault.NotFound) || !strings.Contains(fault.Message(err), "repository a has no distribution") || fault.Hint(err) == "" {
			t.Errorf("%s: %+v, %v", kind, done, err)
		}
		if n := len(b.server.Requests()); n > 0 {
			t.Errorf("%s: %d requests", kind, n)
		}
	}
}

// A deb distribution that does not follow its repository is not switched: going back from that does not work.
func TestServeDebThatDoesNotFollow(t *testing.T) {
	b := newBench(t, "deb", "alpha")
	b.sync()
	found, _ := b.look()
	b.must(b.Task(t.Context(), "unlink", func(ctx ctx) (pulp.Href, error) {
		change, err := b.client.UpdateDistribution(ctx, found.Distribution.Href, pulp.Fields{"repository": nil})
		return change.Task, err
	}))
	_, requests, err := b.serve()
	if !fault.Is(err, fault.Conflict) || fault.Hint(err) == "" || slices.Contains(requests, "PATCH distributions") {
		t.Errorf("%v, %q", err, requests)
	}
	b.serves()
}

// A secondary's copy is published byte for byte: by the sync itself, or verbatim.
func TestServeMirrored(t *testing.T) {
	for kind, want := range map[fleet.RepositoryType][]string{
		"deb": {"POST publications"}, "rpm": {"PATCH distributions"}, "file": {"PATCH distributions"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, kind, "alpha")
			b.method, b.mirror = b.kind.MirrorSync[0], true
			b.sync()
			done, requests, err := b.serve()
			if diff := cmp.Diff(want, requests); err != nil || diff != "" {
				t.Errorf("%+v, %v, %s", done, err, diff)
			}
			b.serves("alpha")
			for _, path := range []string{"dists/stable/InRelease", "repodata/repomd.xml", "PULP_MANIFEST"} {
				if upstream := b.tree.File(path); upstream != nil && string(upstream) != string(b.server.Served("a", path)) {
					t.Errorf("%s has not the bytes of upstream", path)
				}
			}

			// Somebody publishes the same version once more, and serves that: the copy is served again.
			path, options := b.kind.Publication(nil)
			options["repository_version"] = b.newest
			other, ok := b.must(b.Task(t.Context(), "publish", func(ctx ctx) (pulp.Href, error) {
				return b.client.CreatePublication(ctx, path, options)
			})).CreatedPublication()
			if !ok {
				t.Fatal("not published")
			}
			found, _ := b.look()
			if kind != "deb" {
				b.must(b.Task(t.Context(), "pin", func(ctx ctx) (pulp.Href, error) {
					change, err := b.client.UpdateDistribution(ctx, found.Distribution.Href, pulp.Fields{"publication": other})
					return change.Task, err
				}))
			}
			done, requests, err = b.serve()
			if diff := cmp.Diff(want, requests); err != nil || diff != "" || done.Publication == other {
				t.Errorf("%+v, %v, %s", done, err, diff)
			}
			if done, requests, err = b.serve(); err != nil || !done.Unchanged || len(requests) > 0 {
				t.Errorf("and again: %+v, %v, %q", done, err, requests)
			}
		})
	}
}

// What fails on the way leaves what was served before, and the next run completes it.
func TestServeFails(t *testing.T) {
	for _, part := range []string{"publish", "distribution"} {
		t.Run(part, func(t *testing.T) {
			b := newBench(t, "rpm", "alpha")
			b.sync()
			if _, _, err := b.serve(); err != nil {
				t.Fatal(err)
			}
			b.tree.Put(pulpfake.Package{Name: "beta", Version: "1.0"})
			b.sync()
			if part == "publish" {
				b.server.FailNext(pulpfake.On{Task: "publish"}, "No space left on device")
			} else {
				b.server.FailNext(pulpfake.On{Task: "general_update"}, "No space left on device")
			}
			_, _, err := b.serve()
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "No space left on device") {
				t.Errorf("%v", err)
			}
			b.serves("alpha")
			if _, _, err := b.serve(); err != nil {
				t.Fatal(err)
			}
			b.serves("alpha", "beta")
			if err := b.server.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
