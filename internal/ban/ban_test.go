// SPDX-License-Identifier: Apache-2.0

package ban

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/pulp/pulpfake"
)

// hands do what a job's do, without a store.
type hands struct {
	t      *testing.T
	client *pulp.Client
	steps  []string
}

func (h *hands) Client() *pulp.Client { return h.client }

func (h *hands) Try(ctx context.Context, fn func(ctx context.Context) error) error { return fn(ctx) }

func (h *hands) Task(ctx context.Context, step string, start func(ctx context.Context) (pulp.Href, error)) (pulp.Task, error) {
	h.steps = append(h.steps, step)
	href, err := start(pulp.WithCorrelation(ctx, pulp.NewCorrelation()))
	if err != nil {
		return pulp.Task{}, err
	}
	return h.wait(href), nil
}

func (h *hands) wait(href pulp.Href) pulp.Task {
	h.t.Helper()
	for {
		task, err := h.client.Task(h.t.Context(), href)
		if err != nil || task.State == pulp.Failed {
			h.t.Fatalf("%+v %v", task, err)
		}
		if task.State.Final() {
			return task
		}
		<-time.After(time.Millisecond)
	}
}

// world is one rpm repository on a fake whose answers an outer handler may change.
type world struct {
	*hands
	tree    *pulpfake.Tree
	href    pulp.Href
	request Request
}

func newWorld(t *testing.T, pattern string, outer func(http.Handler) http.Handler, packages ...pulpfake.Package) *world {
	t.Helper()
	fake, _ := pulpfake.Start(t, pulpfake.Options{})
	front := httptest.NewServer(outer(fake.Handler()))
	t.Cleanup(front.Close)
	client, err := pulp.New(pulp.Config{Base: front.URL, Username: "admin", Password: func(context.Context) (string, error) { return "password", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	up := pulpfake.NewUpstream()
	w := &world{hands: &hands{t: t, client: client}, tree: up.Add("r", pulpfake.Spec{Kind: pulpfake.RPMTree, Packages: packages})}
	remote, err := client.CreateRemote(t.Context(), "rpm/rpm", pulp.Fields{"name": "r", "url": w.tree.URL(up.Start(t))})
	if err != nil {
		t.Fatal(err)
	}
	repository, err := client.CreateRepository(t.Context(), "rpm/rpm", pulp.Fields{"name": "r", "remote": remote.Href})
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := content.Find("rpm")
	w.href = repository.Href
	w.request = Request{Repository: &inventory.Repository{Type: kind, Name: "r", Repository: &repository}}
	if w.request.Pattern, err = fleet.CompilePattern(pattern); err != nil {
		t.Fatal(err)
	}
	return w
}

func unchanged(h http.Handler) http.Handler { return h }

func (w *world) sync() {
	w.t.Helper()
	href, err := w.client.Sync(w.t.Context(), w.href, pulp.Fields{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.request.Synced, _ = w.wait(href).CreatedVersion()
}

func (w *world) clean() Done {
	w.t.Helper()
	w.steps = nil
	done, err := Clean(w.t.Context(), w, w.request)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func number(h pulp.Href) int {
	_, n, _ := h.VersionNumber()
	return n
}

var three = []pulpfake.Package{{Name: "bear", Version: "1.0"}, {Name: "cat", Version: "1.0"}, {Name: "dog", Version: "1.0"}}

// without answers as a Pulp that does not know a filter.
func without(filter string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has(filter) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `{"errors":["Invalid Filter: '%s'"]}`, filter)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}

// TestClean: what the pattern finds goes, and what this run made in vain, also on a Pulp that cannot compare
// versions (3.85).
func TestClean(t *testing.T) {
	t.Parallel()
	for name, outer := range map[string]func(http.Handler) http.Handler{"new": unchanged, "old": without("added_between")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "^(cat|dog)$", outer, three...)
			w.sync()
			done := w.clean()
			if number(done.Newest) != 2 || done.Serve != done.Newest || done.Count != 2 || !done.Cleaned {
				t.Errorf("%+v", done)
			}
			if got := strings.Join(w.steps, ", "); got != "remove banned packages, delete version 1" {
				t.Errorf("steps: %s", got)
			}
			w.request.Repository.Served = string(done.Newest)
			w.sync()
			done = w.clean()
			if number(done.Newest) != 2 || number(done.Serve) != 2 {
				t.Errorf("%+v", done)
			}
			if got := strings.Join(w.steps, ", "); got != "remove banned packages, delete version 3, delete version 4" {
				t.Errorf("steps: %s", got)
			}
			w.tree.Put(pulpfake.Package{Name: "eel", Version: "1.0"})
			w.tree.Remove("bear")
			w.sync()
			if done = w.clean(); number(done.Newest) != 6 || number(done.Serve) != 6 {
				t.Errorf("%+v", done)
			}
		})
	}
}

// TestMany: what does not fit one request goes by several.
func TestMany(t *testing.T) {
	t.Parallel()
	packages := []pulpfake.Package{{Name: "bear", Version: "1.0"}}
	for i := range maxUnits + 2 {
		packages = append(packages, pulpfake.Package{Name: fmt.Sprintf("x%d", i), Version: "1.0"})
	}
	w := newWorld(t, `^x\d+$`, unchanged, packages...)
	w.sync()
	done := w.clean()
	if done.Count != maxUnits+2 || len(done.Removed) != maxNamed || number(done.Newest) != 3 {
		t.Errorf("%d, %d named, %s", done.Count, len(done.Removed), done.Newest)
	}
	if got := strings.Join(w.steps, ", "); got != "remove banned packages, remove banned packages, part 2, delete version 1, delete version 2" {
		t.Errorf("steps: %s", got)
	}
}

// TestShortList: a list that lacks a package proves nothing.
func TestShortList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "^cat$", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/content/rpm/packages/") {
				q := r.URL.Query()
				q.Set("name", "bear")
				r.URL.RawQuery = q.Encode()
			}
			h.ServeHTTP(w, r)
		})
	}, three...)
	w.sync()
	if done, err := Clean(t.Context(), w, w.request); !fault.Is(err, fault.Internal) || !strings.Contains(err.Error(), "has 3 packages, and lists 1") || len(w.steps) > 0 {
		t.Errorf("%+v %v %v", done, err, w.steps)
	}
}

// TestReferring: what names banned packages only goes with them; what names others too stays.
func TestReferring(t *testing.T) {
	t.Parallel()
	pattern, err := fleet.CompilePattern("^(cat|c-at)$")
	if err != nil {
		t.Fatal(err)
	}
	pkg := func(names ...string) any {
		var all []any
		for _, n := range names {
			all = append(all, map[string]any{"name": n})
		}
		return all
	}
	kind, _ := content.Find("rpm")
	for _, r := range kind.Packages.Referring {
		var cases map[string]bool
		value := map[string]any{}
		switch r.Field {
		case "pkglist":
			value["cat"] = []any{map[string]any{"packages": pkg("cat", "c-at")}, map[string]any{"packages": pkg()}}
			value["both"] = []any{map[string]any{"packages": pkg("cat")}, map[string]any{"packages": pkg("bear")}}
			value["none"] = []any{}
		case "artifacts":
			value["cat"] = []any{"cat-0:1.0-1.noarch", "c-at-0:1.0-1.noarch"}
			value["both"] = []any{"cat-0:1.0-1.noarch", "bear-0:1.0-1.noarch"}
			value["none"] = []any{}
		default:
			value["cat"], value["both"], value["none"] = pkg("cat"), pkg("cat", "bear"), pkg()
		}
		cases = map[string]bool{"cat": true, "both": false, "none": false}
		for name, want := range cases {
			if got, err := namesOnly(pattern, r.Names(value[name])); got != want || err != nil {
				t.Errorf("%s %s: %t %v, names %v", r.Kind, name, got, err, r.Names(value[name]))
			}
		}
	}
}
