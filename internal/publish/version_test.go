// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// unpublished are the types without publications, each with the names of two units and what clients find of them.
var unpublished = []struct {
	kind       fleet.RepositoryType
	unit       string
	both, left []string
}{
	{"python", "python.python", []string{"alpha-1.0-py3-none-any.whl", "beta-1.0-py3-none-any.whl"}, []string{"beta-1.0-py3-none-any.whl"}},
	{"container", "container.tag", []string{"alpha", "beta"}, []string{"beta"}},
}

// names gives what a distribution serves, as clients name it.
func (b *bench) names() []string {
	b.t.Helper()
	var found []string
	for path := range b.server.ServedFiles("a") {
		if name, ok := strings.CutPrefix(path, "manifests/"); ok && strings.HasPrefix(name, "sha256:") || strings.HasPrefix(path, "blobs/") || path == "tags/list" {
			continue
		} else if found = append(found, path); ok {
			found[len(found)-1] = name
		}
	}
	slices.Sort(found)
	return found
}

// D83: of a type without publications the distribution names the version, and is switched once that has been
// looked at; nothing is published, and the second time nothing is asked for.
func TestServeVersion(t *testing.T) {
	for _, c := range unpublished {
		t.Run(string(c.kind), func(t *testing.T) {
			b := newBench(t, c.kind, "alpha", "beta")
			b.method = b.kind.MirrorSync[0]
			b.sync()
			if got := b.names(); len(got) != 0 {
				t.Fatalf("served before it was looked at: %v", got)
			}
			done, requests, err := b.serve()
			if err != nil || done.Unchanged || done.Units != 2 || done.Publication != "" {
				t.Fatalf("%+v, %v", done, err)
			}
			if diff := cmp.Diff([]string{"PATCH distributions"}, requests); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.both, b.names()); diff != "" {
				t.Error(diff)
			}
			if done, requests, err = b.serve(); !done.Unchanged || len(requests) > 0 || err != nil {
				t.Errorf("again: %+v %v %v", done, requests, err)
			}
			b.tree.Remove("alpha")
			b.sync()
			if diff := cmp.Diff(c.both, b.names()); diff != "" {
				t.Errorf("synced, not served yet: %s", diff)
			}
			if done, _, err = b.serve(); err != nil || done.Units != 1 {
				t.Errorf("%+v, %v", done, err)
			}
			if diff := cmp.Diff(c.left, b.names()); diff != "" {
				t.Error(diff)
			}
			b.tree.Empty()
			b.sync()
			for _, mirrored := range []bool{false, true} {
				_, requests, err = b.serve(func(r *Request) { r.Mirrored = mirrored })
				if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "its newest version has no") || len(requests) > 0 {
					t.Errorf("gone empty: %v %v", requests, err)
				}
			}
			if diff := cmp.Diff(c.left, b.names()); diff != "" {
				t.Errorf("what was served before is served on: %s", diff)
			}
			if err := b.server.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A distribution that follows its repository is pinned, so that the next sync is looked at first; by hand it
// keeps its mode.
func TestServeVersionOfFollower(t *testing.T) {
	for _, c := range unpublished {
		b := newBench(t, c.kind, "alpha", "beta")
		b.sync()
		href, _ := b.server.Object("distributions", "a")["pulp_href"].(string)
		b.change(func(ctx ctx) (pulp.Href, error) {
			change, err := b.client.UpdateDistribution(ctx, pulp.Href(href), pulp.Fields{"repository": b.repository.Href})
			return change.Task, err
		})
		if done, requests, err := b.serve(func(r *Request) { r.ByHand = true }); !done.Unchanged || len(requests) > 0 || err != nil {
			t.Errorf("%s by hand: %+v %v %v", c.kind, done, requests, err)
		}
		if done, requests, err := b.serve(); done.Unchanged || len(requests) != 1 || err != nil {
			t.Errorf("%s: %+v %v %v", c.kind, done, requests, err)
		}
		if now := b.server.Object("distributions", "a"); now["repository"] != nil || now["repository_version"] != string(b.newest) {
			t.Errorf("%s serves %v and %v", c.kind, now["repository"], now["repository_version"])
		}
	}
}

// What Pulp lost of a mirror without a word is not served, nor taken for whole where it is served already.
func TestGuardMirror(t *testing.T) {
	b := newBench(t, "python", "alpha", "beta")
	b.method, b.mirror = b.kind.MirrorSync[0], true
	b.sync()
	asked := 0
	whole := pulp.Href("")
	theirs := func(r *Request) {
		r.Theirs = func(context.Context) (content.Version, error) {
			asked++
			return content.Version{Href: string(whole), List: Lister(b)}, nil
		}
	}
	whole = b.newest
	if _, _, err := b.serve(theirs); err != nil || asked != 1 {
		t.Fatal(asked, err)
	}
	b.tree.Miss("pypi/beta/json")
	b.sync() // "completed"
	if b.newest == whole {
		t.Fatal("nothing was lost")
	}
	_, requests, err := b.serve(theirs)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "1 files that the sync did not bring: beta-1.0-py3-none-any.whl") || len(requests) > 0 {
		t.Errorf("%v %v", requests, err)
	}
	if got := b.names(); len(got) != 2 {
		t.Errorf("served: %v", got)
	}
	b.tree.Miss("")
	b.tree.Put(pulpfake.Package{Name: "gamma", Version: "1.0"})
	b.sync()
	b.newest, whole = whole, b.newest
	if done, _, err := b.serve(theirs); !fault.Is(err, fault.Invalid) || !done.Unchanged {
		t.Errorf("behind, though unchanged: %+v %v", done, err)
	}
	whole = ""
	if done, _, err := b.serve(theirs); err != nil || !done.Unchanged {
		t.Errorf("a primary that serves nothing: %+v %v", done, err)
	}
}
