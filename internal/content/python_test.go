// SPDX-License-Identifier: Apache-2.0

package content

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// checked gives an option's value in the form of the remote.
func checked(t *testing.T, typ Type, key string, value any) (any, error) {
	t.Helper()
	got, err := Catalog{}.Check(typ.Name, map[string]any{key: value})
	return got[key], err
}

func TestPythonOptions(t *testing.T) {
	for _, test := range []struct {
		key         string
		value, want any
	}{
		{"includes", "requests  django>=4,<5", []any{"requests", "django>=4,<5"}},
		{"includes", []any{"requests", "django >= 4, < 5", "zope.interface[test]~=5.0 ; python_version>='3.8'"}, []any{"requests", "django >= 4, < 5", "zope.interface[test]~=5.0 ; python_version>='3.8'"}},
		{"includes", "*", []any{}},
		{"includes", []any{"*"}, []any{}},
		{"excludes", "requests==2.0.*", []any{"requests==2.0.*"}},
		{"prereleases", true, true},
		{"package_types", "sdist bdist_wheel", []any{"sdist", "bdist_wheel"}},
		{"keep_latest_packages", 3.0, 3},
		{"exclude_platforms", []any{"windows", "macos"}, []any{"windows", "macos"}},
		{"policy", "on_demand", "on_demand"},
	} {
		if got, err := checked(t, python, test.key, test.value); err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("%s %v: %v, %v", test.key, test.value, got, err)
		}
	}
	for _, test := range []struct {
		key   string
		value any
		says  string
	}{
		{"includes", "", "must not be empty"},
		{"includes", []any{}, "must not be empty"},
		{"includes", 5.0, "must be a list of texts, or a text"},
		{"includes", []any{5.0}, "must be a list of texts, not of float64"},
		{"includes", "requests *", `"*" is not the name of a project`},
		{"includes", "requests=>1", `"requests=>1" is not the name of a project`},
		{"includes", "-requests", "is not the name of a project"},
		{"includes", "requests requests", `names "requests" twice`},
		{"excludes", "*", "is not the name of a project"},
		{"prereleases", "yes", "must be true or false"},
		{"package_types", "wheel", `"wheel" is not one of bdist_dmg`},
		{"keep_latest_packages", -1.0, "must be a whole number"},
		{"keep_latest_packages", 1.5, "must be a whole number"},
		{"keep_latest_packages", "3", "must be a whole number"},
		{"exclude_platforms", "solaris", `"solaris" is not one of windows`},
		{"policy", "lazy", "must be immediate"},
		{"include_tags", "1", `key "include_tags" does not exist for python`},
	} {
		if got, err := checked(t, python, test.key, test.value); !fault.Is(err, fault.Invalid) || got != nil || !strings.Contains(fault.Message(err), test.says) {
			t.Errorf("%s %v: %v, %v; want %q", test.key, test.value, got, err, test.says)
		}
	}
}

// What a definition with a url must have, and its url in the form that Pulp needs.
func TestFeedOfDefinition(t *testing.T) {
	c := Catalog{}
	for _, test := range []struct {
		kind    fleet.RepositoryType
		url     string
		options map[string]any
		want    string
		says    string
	}{
		{"python", "https://index.example.com", map[string]any{"includes": []any{}}, "https://index.example.com/", ""},
		{"python", "https://index.example.com/", map[string]any{"includes": []any{"a"}}, "https://index.example.com/", ""},
		{"python", "https://index.example.com/", nil, "", `key "includes" is missing: python repositories with a url need it`},
		{"python", "https://index.example.com/simple", map[string]any{"includes": []any{}}, "", "url ends with /simple"},
		{"container", "https://quay.io", map[string]any{"upstream_name": "a/b"}, "https://quay.io", ""},
		{"container", "https://quay.io", map[string]any{}, "", `key "upstream_name" is missing`},
		{"deb", "http://deb.test/debian", nil, "http://deb.test/debian", ""},
		{"iso", "http://x.test", nil, "", "is not known"},
	} {
		got, err := c.Feed(test.kind, test.url, test.options)
		if test.says == "" && (err != nil || got != test.want) {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
		if test.says != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.says)) {
			t.Errorf("%+v: %q, %v", test, got, err)
		}
	}
}

func TestPythonMirror(t *testing.T) {
	if got := python.Feed("https://p.test", "repos/ext-py"); got != "https://p.test/pypi/repos/ext-py/" {
		t.Error(got)
	}
	// All of what the primary has, whatever its own remote leaves out.
	got, err := python.Mirror(t.Context(), Source{Remote: map[string]any{"includes": []any{"a"}, "prereleases": false}})
	want := map[string]any{
		"includes": []any{}, "excludes": []any{}, "prereleases": true, "package_types": []any{}, "keep_latest_packages": 0,
		"exclude_platforms": []any{}, "policy": "immediate",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if diff := cmp.Diff(map[string]any{"mirror": true}, python.SyncBody(python.MirrorSync[0], nil, true)); diff != "" {
		t.Error("python's sync knows no optimize:", diff)
	}
}

// packages answers lists of python packages as Pulp does.
func packages(names ...string) List {
	return func(_ context.Context, _ string, query url.Values) ([]map[string]any, error) {
		var found []map[string]any
		for _, n := range names {
			if in := query.Get("name__in"); in == "" || slices.Contains(strings.Split(in, ","), normalName(n)) {
				found = append(found, map[string]any{"name": n, "filename": n + "-1.0.whl", "sha256": "sum of " + n})
			}
		}
		return found, nil
	}
}

func TestPythonGuard(t *testing.T) {
	guard := func(includes []any, there ...string) error {
		return python.Guard(t.Context(), Version{Href: "/v/1/", Remote: map[string]any{"includes": includes}, List: packages(there...)})
	}
	for _, good := range []error{guard(nil), guard([]any{"Zope.Interface>=5"}, "zope-interface"), guard([]any{"a", "b==1 ; x"}, "a", "b", "c")} {
		if good != nil {
			t.Error(good)
		}
	}
	literal := func(_ context.Context, _ string, query url.Values) ([]map[string]any, error) { // before pulp_python 3.28
		if in := query.Get("name__in"); in != "" && !slices.Contains(strings.Split(in, ","), "Zope.Interface") {
			return nil, nil
		}
		return []map[string]any{{"name": "Zope.Interface"}}, nil
	}
	old := func(include string) error {
		return python.Guard(t.Context(), Version{Href: "/v/1/", Remote: map[string]any{"includes": []any{include}}, List: literal})
	}
	if err := old("zope-interface"); err != nil {
		t.Error(err)
	}
	if err := old("nosuchpkg"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	err := guard([]any{"a", "nosuchpkg>=1"}, "a")
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "upstream gave nothing for nosuchpkg>=1") || fault.Hint(err) == "" {
		t.Error(err)
	}
	down := fault.New(fault.Unavailable, "down")
	err = python.Guard(t.Context(), Version{
		Remote: map[string]any{"includes": []any{"a"}},
		List:   func(context.Context, string, url.Values) ([]map[string]any, error) { return nil, down },
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

// What a sync lost without a word is found by comparing with the primary.
func TestPythonGuardMirror(t *testing.T) {
	compare := func(ours, theirs List) error {
		return python.GuardMirror(t.Context(), Version{List: ours}, Version{List: theirs})
	}
	for _, good := range []error{compare(packages("a", "b"), packages("a", "b")), compare(packages("a", "b"), packages("a")), compare(packages(), packages())} {
		if good != nil {
			t.Error(good)
		}
	}
	err := compare(packages("a"), packages("c", "a", "b"))
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "2 files that the sync did not bring: b-1.0.whl, c-1.0.whl") {
		t.Error(err)
	}
}

func TestReadPython(t *testing.T) {
	index := "<html><a href=\"zope-interface/\">zope.interface</a><a href='/pypi/x/simple/alpha/'>alpha</a></html>"
	served := tree{
		"simple/":                index,
		"simple/zope-interface/": `<html><a data-requires-python="&gt;=3.8" href="http://one.test/c/zope-1.whl#sha256=aa">zope-1.whl</a></html>`,
		"simple/alpha/":          "<html><a\n href=\"../../b/alpha-1.whl#sha256=bb\">x</a> <A HREF=\"http://one.test/alpha-2.whl#sha256=cc\">y</A></html>",
	}
	view, err := python.Read(t.Context(), served.fetch, nil)
	want := []string{"alpha-1.whl bb", "alpha-2.whl cc", "zope-1.whl aa"}
	if diff := cmp.Diff(want, view.Units); diff != "" || err != nil {
		t.Error(diff, err)
	}
	// Another server names itself, in another order: it is the same all the same.
	other := tree{
		"simple/":                "<html><a href=\"alpha/\">alpha</a><a href=\"zope-interface/\">zope.interface</a></html>",
		"simple/zope-interface/": `<html><a href="http://two.test/zope-1.whl#sha256=aa">zope-1.whl</a></html>`,
		"simple/alpha/":          "<html><a href=\"http://two.test/alpha-2.whl#sha256=cc\">y</a><a href=\"http://two.test/alpha-1.whl#sha256=bb\">x</a></html>",
	}
	again, err := python.Read(t.Context(), other.fetch, nil)
	if diff := cmp.Diff(view, again); diff != "" || err != nil {
		t.Error(diff, err)
	}
	other["simple/alpha/"] = "<html><a href=\"alpha-1.whl\">x</a></html>"
	if _, err := python.Read(t.Context(), other.fetch, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file without a hash: %v", err)
	}
	delete(other, "simple/alpha/")
	if _, err := python.Read(t.Context(), other.fetch, nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a project without a page: %v", err)
	}
	if _, err := python.Read(t.Context(), tree{"simple/": "oops"}.fetch, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("no page: %v", err)
	}
	if view, err := python.Read(t.Context(), tree{"simple/": "<html></html>"}.fetch, nil); err != nil || len(view.Units)+len(view.Metadata) != 0 {
		t.Errorf("an empty index: %v, %v", view, err)
	}
}
