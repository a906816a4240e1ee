// SPDX-License-Identifier: Apache-2.0

package definition

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

func TestDuplicates(t *testing.T) {
	url := `"url": "http://up.example.com/",`
	clash := `{"name": "z", "content_repo_type": "deb", "description": "d", "owner": "o", "base_url": "other"}`
	found, problems := read(t, rules, map[string]string{
		"a.json": define("ext-x", ""), "b/x.json": define("x", url), "c/x.json": define("ext-x", url), // one name
		"d.json": clash, "e.json": strings.Replace(strings.Replace(clash, `"z"`, `"other/z"`, 1), `"other"}`, `"other/z"}`, 1), // one base path
		"f.json": define("alone", ""),
	})
	if len(found) != 1 || found[0].Name != "alone" {
		t.Errorf("%+v", found)
	}
	want := []string{
		"a.json: the name ext-x is also in b/x.json, c/x.json",
		"b/x.json: the name ext-x is also in a.json, c/x.json",
		"c/x.json: the name ext-x is also in a.json, b/x.json",
		"d.json: the base path other/z is also in e.json",
		"e.json: the base path other/z is also in d.json",
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestLinks(t *testing.T) {
	dir := folder(t, t.TempDir(), map[string]string{
		"outside.json": define("outside", ""), "defs/real.json": define("real", ""), "defs/tree/x.json": define("tree", ""),
		"defs/..data/mounted.json": define("mounted", ""),
	})
	defs := filepath.Join(dir, "defs")
	for name, target := range map[string]string{
		"escape.json": "../outside.json", "absolute.json": filepath.Join(dir, "outside.json"), "dangling.json": "nowhere.json",
		"mounted.json": "..data/mounted.json", // as mounted ConfigMaps have it
		"folder.json":  "tree", "treelink": "tree",
	} {
		if err := os.Symlink(target, filepath.Join(defs, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(defs, "pipe.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, problems, err := Read(t.Context(), defs, rules)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range found {
		names = append(names, d.Name)
	}
	if diff := cmp.Diff([]string{"mounted", "real", "tree"}, names); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"absolute.json: it cannot be opened: path escapes from parent",
		"dangling.json: it is a link to a file that is not there",
		"escape.json: it cannot be opened: path escapes from parent",
		"pipe.json: it is not a file",
	}
	if diff := cmp.Diff(want, told(problems)); diff != "" {
		t.Error(diff)
	}
}

func TestFolderThatIsNot(t *testing.T) {
	dir := folder(t, t.TempDir(), map[string]string{"file": ""})
	for _, bad := range []string{filepath.Join(dir, "nope"), filepath.Join(dir, "file")} {
		_, _, err := Read(t.Context(), bad, rules)
		if !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" || !strings.Contains(fault.Message(err), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, _, err := (None{}).Definitions(t.Context()); !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
		t.Errorf("None: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fleet.ErrCanceled)
	if _, _, err := Read(ctx, dir, rules); !errors.Is(err, fleet.ErrCanceled) {
		t.Errorf("canceled: %v", err)
	}
	found, problems, err := Read(t.Context(), dir, rules)
	if len(found)+len(problems) != 0 || err != nil {
		t.Errorf("empty folder: %v %v %v", found, problems, err)
	}
}

func TestClone(t *testing.T) {
	dir := folder(t, t.TempDir(), map[string]string{"a.json": define("a", ""), "b.json": "{"})
	found, problems, err := Clone{Rules: rules, Checkout: func(_ context.Context, use func(string) error) error { return use(dir) }}.Definitions(t.Context())
	if len(found) != 1 || len(problems) != 1 || err != nil {
		t.Errorf("%v %v %v", found, problems, err)
	}
	down := fault.New(fault.Unavailable, "down")
	if _, _, err := (Clone{Checkout: func(context.Context, func(string) error) error { return down }}).Definitions(t.Context()); !errors.Is(err, down) {
		t.Errorf("%v", err)
	}
}

// Whatever files there are, each definition that comes out is from one of them, and none of them is
// lost: it is a definition, a problem, or not a definition's file.
func TestAnyFolder(t *testing.T) {
	text := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string {
			return define(rapid.SampledFrom([]string{"a", "b", "ext-a", "c/d"}).Draw(t, "name"),
				rapid.SampledFrom([]string{"", `"url": "http://h/",`, `"releases": "x",`, `"proxy": 1,`}).Draw(t, "keys"))
		}),
		rapid.StringMatching(`[\[\]{}":,a-z0-9 ]{0,20}`),
		rapid.String(),
	)
	path := rapid.StringMatching(`((remote|internal|x|\.h)/){0,2}(a|b|global|x-global)\.(json|txt)`)
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		files := rapid.MapOfN(path, text, 0, 8).Draw(t, "files")
		dir, err := os.MkdirTemp(outer.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		folder(t, dir, files)
		found, problems, err := Read(context.Background(), dir, rules)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		names := map[string]bool{}
		for _, d := range found {
			seen[d.Source]++
			if names[d.Name] {
				t.Fatalf("name %s is there twice", d.Name)
			}
			names[d.Name] = true
		}
		for _, p := range problems {
			seen[p.Source]++
			if !fault.Is(p.Err, fault.Invalid) {
				t.Fatalf("%s: %v", p.Source, p.Err)
			}
		}
		for source, times := range seen {
			if _, there := files[source]; !there || times != 1 {
				t.Fatalf("%s came out %d times", source, times)
			}
		}
		for source := range files {
			plain := strings.HasSuffix(source, ".json") && !strings.Contains(source, "global.json") && !slices.Contains(strings.Split(source, "/"), ".h")
			if plain && seen[source] == 0 {
				t.Fatalf("%s is lost", source)
			}
		}
	})
}
