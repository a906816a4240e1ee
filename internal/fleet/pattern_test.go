// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pulp/pulp-manager/internal/fault"
)

func compiled(t *testing.T, text string) *Pattern {
	t.Helper()
	p, err := CompilePattern(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return p
}

// The wanted results are what Python's re.search gives.
func TestSearch(t *testing.T) {
	for _, test := range []struct {
		pattern string
		python  bool // Go's own engine does not know it
		name    string
		want    bool
	}{
		{"nginx", false, "ext-nginx-deb", true},
		{"^nginx", false, "ext-nginx-deb", false},
		{"nginx$", false, "ext-nginx", true},
		{"^ext-", false, "ext-nginx", true},
		{"a|b", false, "cab", true},
		{"NGINX", false, "nginx", false},
		{"(?i)NGINX", false, "nginx", true},
		{"(?P<n>x)", false, "x", true},
		{".*", false, "", true},
		{`c\+\+`, false, "libc++6", true},

		{"^ext-(?!nginx)", true, "ext-nginx", false},
		{"^ext-(?!nginx)", true, "ext-apache", true},
		{"foo(?=-prod)", true, "foo-prod", true},
		{"foo(?=-prod)", true, "foo-test", false},
		{"(?<!ext-)nginx", true, "ext-nginx", false},
		{"(?<=ext-)nginx", true, "ext-nginx", true},
		{`(a|b)\1`, true, "xbb", true},
		{`(a|b)\1`, true, "xab", false},
		{`(?P<x>a|b)-(?P=x)`, true, "b-b", true},
		{`(?P<x>a|b)-(?P=x)`, true, "b-a", false},
		{`(?P<x>a)(?=b)`, true, "ab", true},
		{`nginx\Z`, true, "nginx", true},
		{`nginx\Z`, true, "nginx1", false},
		{`(?>a+)b`, true, "aab", true},
		{`(?>a+)ab`, true, "aab", false},
		{`(?P<x>a)?(?(x)b|c)$`, true, "ab", true},
		{`(?P<x>a)?(?(x)b|c)$`, true, "c", true},
		{`[(?P<]x(?=y)`, true, "Pxy", true}, // within a class it is no group
		{`[](?P<](?=y)`, true, "Py", true},  // a first ] is one of the class
		{`[](?P<](?=y)`, true, "xy", false},
		{`[^](?P<](?=y)`, true, "xy", true}, // so too after ^
		{`[^](?P<](?=y)`, true, "Py", false},
		{`\(?P<x(?=y)`, true, "P<xy", true}, // an escaped ( is no group
		{`\\Z(?=x)`, true, `\Zx`, true},     // an escaped \ does not end the text
	} {
		p := compiled(t, test.pattern)
		if got, err := p.Search(test.name); err != nil || got != test.want {
			t.Errorf("%q in %q: %v, %v; want %v", test.pattern, test.name, got, err, test.want)
		}
		if _, err := regexp.Compile(test.pattern); (err != nil) != test.python {
			t.Errorf("%q: Go's engine says %v", test.pattern, err)
		}
		if p.String() != test.pattern {
			t.Errorf("%q is shown as %q", test.pattern, p)
		}
	}
}

func TestBadPatterns(t *testing.T) {
	for _, text := range []string{"(", "[a", "*x", "a**", "(?P<x>a", `(?P=nobody)`, `(?P<1>a)(?=b)(`, `\1`, "(?P=", strings.Repeat("a", 1025)} {
		p, err := CompilePattern(text)
		if !fault.Is(err, fault.Invalid) || p != nil {
			t.Errorf("%.40q: %v, %v; want it to be refused", text, p, err)
		}
	}
	if _, err := CompilePattern(strings.Repeat("a", 1024)); err != nil {
		t.Errorf("1024 characters: %v", err)
	}
}

// A pattern that a backtracking engine would try for ever ends by its time limit, and says so.
func TestCatastrophicPattern(t *testing.T) {
	p := compiled(t, `^(?=x)?(a+)+$`)
	name := strings.Repeat("a", 60) + "!"
	for what, match := range map[string]func() error{
		"search": func() error { _, err := p.Search(name); return err },
		"start":  func() error { _, _, err := p.MatchStart(name); return err },
		"select": func() error { _, err := Selection{Include: p}.Matches(name); return err },
		"exclude": func() error { // not known to be excluded is not the same as not excluded
			_, err := Selection{Exclude: p}.Matches(name)
			return err
		},
		"rename": func() error { _, err := BasePath("base", name, Rename{Pattern: p, Rule: "x"}); return err },
	} {
		started := time.Now()
		err := match()
		if !fault.Is(err, fault.Invalid) || fault.Hint(err) == "" {
			t.Errorf("%s: %v; want it to be given up", what, err)
		}
		if took := time.Since(started); took > 50*matchLimit {
			t.Errorf("%s: took %v", what, took)
		}
	}
}

func TestNoPatternMatchesNothing(t *testing.T) {
	p := compiled(t, "")
	if p != nil || p.String() != "" {
		t.Errorf("%v", p)
	}
	if found, err := p.Search("x"); found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if groups, matched, err := p.MatchStart(""); groups != nil || matched || err != nil {
		t.Errorf("%v, %v, %v", groups, matched, err)
	}
}

func TestSelection(t *testing.T) {
	for _, test := range []struct{ include, exclude, chosen, not string }{
		{"", "", "anything,", ""},
		{"nginx", "", "ext-nginx", "ext-apache,"},
		{"", "test", "nginx", "nginx-test"},
		{"nginx", "test", "nginx", "nginx-test,apache,test"}, // the exclude pattern first
		{"^ext-(?!nginx)", "", "ext-apache", "ext-nginx"},
		{"", "^(?!ext-)", "ext-nginx", "nginx"},
		{"deb", "deb", "", "deb"},
	} {
		s, err := NewSelection(test.include, test.exclude)
		if err != nil {
			t.Fatal(err)
		}
		for names, want := range map[string]bool{test.chosen: true, test.not: false} {
			if names == "" {
				continue
			}
			for _, name := range strings.Split(names, ",") {
				if got, err := s.Matches(name); err != nil || got != want {
					t.Errorf("include %q, exclude %q: %q is %v, %v", test.include, test.exclude, name, got, err)
				}
			}
		}
	}
	for _, bad := range [][2]string{{"(", ""}, {"", "("}} {
		if _, err := NewSelection(bad[0], bad[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v; want it to be refused", bad, err)
		}
	}
}

// Both engines give the same answers where both know the pattern.
func TestEnginesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`\^?([ab.]|\(\?P<g>[ab]+\)|[ab][*+?]|\[\^?[ab]\]){1,4}\$?`).
			Filter(func(s string) bool { return strings.Count(s, "<g>") < 2 }).Draw(t, "pattern")
		name := rapid.StringMatching(`[abc]{0,6}`).Draw(t, "name")
		fast, err := CompilePattern(text)
		if err != nil || fast.fast == nil {
			t.Fatalf("%q: %v", text, err)
		}
		full, err := CompilePattern(text + "(?=)") // asks for nothing, but only the second engine knows it
		if err != nil || full.full == nil {
			t.Fatalf("%q: %v", text, err)
		}
		a, errA := fast.Search(name)
		b, errB := full.Search(name)
		if a != b || errA != nil || errB != nil {
			t.Fatalf("%q in %q: %v and %v, %v, %v", text, name, a, b, errA, errB)
		}
		groupsA, okA, _ := fast.MatchStart(name)
		groupsB, okB, _ := full.MatchStart(name)
		if okA != okB || groupsA["g"] != groupsB["g"] || len(groupsA) != len(groupsB) {
			t.Fatalf("%q at %q: %v %v and %v %v", text, name, okA, groupsA, okB, groupsB)
		}
	})
}
