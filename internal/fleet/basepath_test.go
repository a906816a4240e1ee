// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
)

func renaming(t *testing.T, pattern, rule string) Rename {
	t.Helper()
	p, err := CompilePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return Rename{Pattern: p, Rule: rule}
}

func TestBasePath(t *testing.T) {
	orgs := renaming(t, `(?P<org>[a-z]+)-(?P<env>[a-z]+)-(?P<pkg>.+)`, "{env}_{org}_{pkg}")
	for _, test := range []struct {
		what, base, name string
		rename           Rename
		want             string
	}{
		{"base and name", "debian", "bookworm", Rename{}, "debian/bookworm"},
		{"a slash is added once", "debian/", "bookworm", Rename{}, "debian/bookworm"},
		{"slashes at the end", "debian///", "bookworm", Rename{}, "debian/bookworm"},
		{"many parts", "el/9/x86_64", "baseos", Rename{}, "el/9/x86_64/baseos"},
		{"a leading slash", "/debian", "bookworm", Rename{}, "debian/bookworm"},
		{"blanks around it", "  debian ", "bookworm", Rename{}, "debian/bookworm"},
		{"no base", "", "bookworm", Rename{}, "bookworm"},
		{"slashes only", "//", "bookworm", Rename{}, "bookworm"},
		{"the name itself", "bookworm", "bookworm", Rename{}, "bookworm"},
		{"the name itself and a slash", "bookworm/", "bookworm", Rename{}, "bookworm"},
		{"the name itself is not renamed", "corp-prod-a-b", "corp-prod-a-b", orgs, "corp-prod-a-b"},
		{"dots within", "a..b/.hidden", "x...", Rename{}, "a..b/.hidden/x..."},
		{"letters of all kinds", "größe", "ö+~_-.", Rename{}, "größe/ö+~_-."},

		// D71: renaming is optional, and is about the base path only.
		{"renamed", "base", "corp-prod-a-b", orgs, "base/prod_corp_a-b"},
		{"no match stays", "base", "nginx", orgs, "base/nginx"},
		{"matched from the start only", "base", "9-corp-prod-a", orgs, "base/9-corp-prod-a"},
		{"a match need not reach the end", "base", "abc-def", renaming(t, `(?P<first>abc)`, "{first}"), "base/abc"},
		{"a rule with slashes", "base", "corp-prod-a", renaming(t, `(?P<org>\w+)-(?P<rest>.+)`, "{org}/{rest}"), "base/corp/prod-a"},
		{"a group twice", "base", "ab", renaming(t, `(?P<x>a)`, "{x}{x}"), "base/aa"},
		{"a rule without groups", "base", "ab", renaming(t, `a`, "fixed"), "base/fixed"},
		{"a group's text is not looked into", "base", "{b}-x", renaming(t, `(?P<a>\{b\})-(?P<b>x)`, "{b}"), "base/x"},
		{"by the second engine", "base", "ext-nginx", renaming(t, `(?P<kind>ext)-(?!apt)(?P<rest>.+)`, "{rest}"), "base/nginx"},
	} {
		if got, err := BasePath(test.base, test.name, test.rename); err != nil || got != test.want {
			t.Errorf("%s: %q, %v; want %q", test.what, got, err, test.want)
		}
	}
}

func TestBasePathRefuses(t *testing.T) {
	for _, test := range []struct {
		what, base, name string
		rename           Rename
	}{
		{"out of the tree", "..", "etc", Rename{}},
		{"out of the tree below", "debian/../../secret", "x", Rename{}},
		{"out of the tree by its name", "debian", "..", Rename{}},
		{"out of the tree, both the same", "..", "..", Rename{}},
		{"out of the tree by a name with slashes", "debian", "../../x", Rename{}},
		{"this directory", ".", "x", Rename{}},
		{"an empty part", "debian//bookworm", "x", Rename{}},
		{"an empty part in the name", "debian", "x//y", Rename{}},
		{"a slash at the end", "debian", "x/", Rename{}},
		{"no name", "debian", "", Rename{}},
		{"nothing at all", "", "", Rename{}},
		{"a blank", "my repos", "x", Rename{}},
		{"a blank of another kind", "my\u00a0repos", "x", Rename{}},
		{"a line break", "debian\nx", "x", Rename{}},
		{"a control character", "debian\x00", "x", Rename{}},
		{"a query", "debian?x=1", "x", Rename{}},
		{"a fragment", "debian", "x#y", Rename{}},
		{"hidden dots", "%2e%2e", "x", Rename{}},
		{"slashes of another system", `debian\..\x`, "x", Rename{}},

		// D71: a bad rule is told, for that repository.
		{"an unknown group", "base", "ab", renaming(t, `(?P<x>a)`, "{y}")},
		{"a group without a name", "base", "ab", renaming(t, `(a)(?P<x>b)`, "{1}")},
		{"a group without a name, second engine", "base", "ab", renaming(t, `(a)(?=b)(?P<x>b)`, "{1}")},
		{"a group that took no part", "base", "ab", renaming(t, `(?P<x>a)(?P<y>z)?`, "{x}{y}")},
		{"a group that took no part, second engine", "base", "ab", renaming(t, `(?P<x>a)(?=b)(?P<y>z)?`, "{x}{y}")},
		{"an empty name", "base", "ab", renaming(t, `(?P<x>z?)`, "{x}")},
		{"an open brace", "base", "ab", renaming(t, `(?P<x>a)`, "{x")},
		{"renamed out of the tree", "base", "a", renaming(t, `(?P<x>a)`, "../{x}")},
	} {
		got, err := BasePath(test.base, test.name, test.rename)
		if !fault.Is(err, fault.Invalid) || got != "" {
			t.Errorf("%s: %q, %v; want it to be refused", test.what, got, err)
		}
		if err != nil && (!strings.Contains(fault.Message(err), "repository "+test.name) || fault.Hint(err) == "") {
			t.Errorf("%s: the error does not say whose it is, or what to do: %v", test.what, err)
		}
	}
}

func TestBasePathOf(t *testing.T) {
	for _, test := range []struct{ description, want string }{
		{"Packages - me - base_url:debian", "debian/x"},
		{"Packages - me - base_url: debian/ ", "debian/x"},
		{"base_url:debian/bookworm", "debian/bookworm/x"},
		{"Packages - me - base_url:x", "x"},
		{"Packages - me - base_url:", "x"},
		{"Packages - me - base_url:one base_url:two", "one/x"},
	} {
		if got, err := BasePathOf(test.description, "x", Rename{}); err != nil || got != test.want {
			t.Errorf("%q: %q, %v; want %q", test.description, got, err, test.want)
		}
	}
	for _, description := range []string{"", "Packages", "base_url", "base_url debian", "Base_URL:debian", "base_url:../debian", "base_url:a b"} {
		got, err := BasePathOf(description, "x", Rename{})
		if !fault.Is(err, fault.Invalid) || got != "" || fault.Hint(err) == "" || !strings.Contains(fault.Message(err), "repository x") {
			t.Errorf("%q: %q, %v; want it to be refused", description, got, err)
		}
	}
}

// What is written into Pulp is read back as it was meant.
func TestPulpDescriptionKeepsTheBasePath(t *testing.T) {
	d := Definition{Name: "ext-nginx", Description: "Web server", Owner: "Web team", BaseURL: "debian/bookworm"}
	if got, want := d.PulpDescription(), "Web server - Web team - base_url:debian/bookworm"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[a-z0-9._-]{1,6}`)
		d := Definition{
			Name: part.Draw(t, "name"), Description: rapid.StringMatching(`[a-z :/-]{0,20}`).Draw(t, "description"),
			Owner: part.Draw(t, "owner"), BaseURL: strings.Join(rapid.SliceOfN(part, 0, 3).Draw(t, "base"), "/"),
		}
		want, wantErr := BasePath(d.BaseURL, d.Name, Rename{})
		got, err := BasePathOf(d.PulpDescription(), d.Name, Rename{})
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %q, %v; want %q, %v", d.PulpDescription(), got, err, want, wantErr)
		}
	})
}

func TestExternal(t *testing.T) {
	if (Definition{}).External() || !(Definition{URL: "http://x/"}).External() {
		t.Error("a url is what makes a repository external")
	}
}
