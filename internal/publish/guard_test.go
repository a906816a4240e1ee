// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

type ctx = context.Context

// empty takes everything out of the repository.
func (b *bench) empty() {
	b.t.Helper()
	b.change(func(ctx ctx) (pulp.Href, error) {
		return b.client.Modify(ctx, b.repository.Href, pulp.Fields{"remove_content_units": []string{"*"}})
	})
}

// ask sets fields of the remote.
func (b *bench) ask(fields pulp.Fields) {
	b.t.Helper()
	found, _ := b.look()
	b.must(b.Task(b.t.Context(), "ask", func(ctx ctx) (pulp.Href, error) {
		change, err := b.client.UpdateRemote(ctx, found.Remote.Href, fields)
		return change.Task, err
	}))
}

// What must never be served: nothing where there was something, nothing at all, and less than was asked for.
func TestGuard(t *testing.T) {
	for _, test := range []struct {
		what     string
		kinds    []fleet.RepositoryType
		packages []string
		do       func(b *bench)
		says     string // "": it is served
		serves   []string
	}{
		{"packages, never served", kinds, []string{"alpha"}, func(b *bench) { b.sync() }, "", []string{"alpha"}},
		{"no packages, never served", kinds, nil, func(b *bench) { b.sync() }, "upstream has no ", nil},
		{
			"no packages, never served, a mirror",
			[]fleet.RepositoryType{"rpm", "file"},
			nil,
			func(b *bench) { b.mirror, b.method = true, b.kind.MirrorSync[0]; b.sync() }, "",
			[]string{},
		},
		{"emptied after it was served", kinds, []string{"alpha"}, func(b *bench) { b.sync(); b.publish(); b.empty() }, "its newest version has no ", []string{"alpha"}},
		{
			"a mirror emptied after it was served",
			[]fleet.RepositoryType{"rpm", "file"},
			[]string{"alpha"},
			func(b *bench) {
				b.mirror, b.method = true, b.kind.MirrorSync[0]
				b.sync()
				b.publish()
				b.tree.Empty()
				b.sync()
			},
			"its newest version has no ",
			[]string{"alpha"},
		},
		{
			"one package less",
			[]fleet.RepositoryType{"rpm", "file"},
			[]string{"alpha", "beta"},
			func(b *bench) {
				b.mirror, b.method = true, b.kind.MirrorSync[0]
				b.sync()
				b.publish()
				b.tree.Remove("beta")
				b.sync()
			},
			"",
			[]string{"alpha"},
		},

		{"deb: a component that upstream lacks", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.ask(pulp.Fields{"components": "main universe"})
			b.sync()
		}, `upstream has no component "universe" in stable; it has main`, nil},
		{"deb: an architecture that upstream lacks", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.ask(pulp.Fields{"architectures": "amd64 riscv64"})
			b.sync()
		}, `upstream has no architecture "riscv64"`, nil},
		{"deb: nothing of what was asked for", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.ask(pulp.Fields{"components": "universe"})
			b.sync()
		}, "upstream has no packages for it", nil},
		{"deb: a component that went", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.sync()
			b.publish()
			b.ask(pulp.Fields{"components": "main universe"})
			b.tree.Put(pulpfake.Package{Name: "beta", Version: "1.0"})
			b.sync()
		}, `no component "universe"`, []string{"alpha"}},
		{"deb: upstream went empty", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.sync()
			b.publish()
			b.tree.Empty()
			b.sync() // an additive one keeps alpha, and says that all is well
		}, "upstream has gone empty", []string{"alpha"}},
		{"deb: only re-dated", []fleet.RepositoryType{"deb"}, []string{"alpha"}, func(b *bench) {
			b.sync()
			b.publish()
			b.tree.Touch()
			b.sync()
		}, "", []string{"alpha"}},
	} {
		for _, kind := range test.kinds {
			t.Run(string(kind)+" "+test.what, func(t *testing.T) {
				b := newBench(t, kind, test.packages...)
				test.do(b)
				done, requests, err := b.serve()
				switch {
				case test.says == "" && err != nil:
					t.Errorf("%v", err)
				case test.says == "" && done.Unchanged:
					t.Error("nothing was looked at")
				case test.says == "":
				case !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" || !strings.Contains(fault.Message(err), "repository a: ") ||
					!strings.Contains(fault.Message(err), test.says) || !strings.Contains(fault.Message(err), "not published"):
					t.Errorf("%v; want %q", err, test.says)
				case len(requests) > 0 || len(b.steps) > 0:
					t.Errorf("refused, but sent %q", requests)
				}
				b.serves(test.serves...)
			})
		}
	}
}

func (b *bench) publish() {
	b.t.Helper()
	if _, _, err := b.serve(); err != nil {
		b.t.Fatal(err)
	}
}

func TestGuardVersionGone(t *testing.T) {
	b := newBench(t, "rpm", "alpha")
	b.sync()
	_, requests, err := b.serve(func(r *Request) { r.Newest, r.Publications = b.repository.Href+"versions/99/", nil })
	if !fault.Is(err, fault.NotFound) || len(requests) > 0 || fault.Hint(err) == "" {
		t.Errorf("%v, %q", err, requests)
	}
	// The served version may be gone: somebody removed old ones.
	done, _, err := b.serve(func(r *Request) { r.Repository.Served = string(b.repository.Href) + "versions/99/" })
	if err != nil || done.Units != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// A server that does not answer while it is looked at leaves everything as it is.
func TestGuardServerDown(t *testing.T) {
	b := newBench(t, "deb", "alpha")
	b.sync()
	found, picture := b.look()
	b.server.Inject(func(*http.Request, int) pulpfake.Fault { return pulpfake.BadGateway })
	down := patience{b.hands}
	_, err := Serve(t.Context(), down, Request{Repository: found, Newest: b.newest, Publications: picture.PublicationsOf(b.newest), Method: b.method})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	b.server.Inject(nil)
	b.serves()
}

// patience tries once.
type patience struct{ *hands }

func (p patience) Try(ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }

// Lister gives an object once, however often a request had to be repeated.
func TestLister(t *testing.T) {
	b := newBench(t, "deb", "alpha", "beta")
	b.sync()
	tries := 0
	list := Lister(twice{b.hands, &tries})
	found, err := list(t.Context(), "content/deb/packages/", url.Values{"repository_version": {string(b.newest)}, "fields": {"package"}})
	if err != nil || len(found) != 2 || tries != 2 {
		t.Errorf("%v after %d tries, %v", found, tries, err)
	}
	if _, err := list(t.Context(), "content/deb/packages/", url.Values{"bogus": {"1"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
}

// twice believes an answer the second time.
type twice struct {
	*hands
	tries *int
}

func (h twice) Try(ctx context.Context, fn func(ctx context.Context) error) error {
	first := fn(ctx)
	second := fn(ctx)
	*h.tries += 2
	return errors.Join(first, second)
}
