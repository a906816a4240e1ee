// SPDX-License-Identifier: Apache-2.0

package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What Python's configparser makes of the same texts was written down by running it.
func TestINIReadsAsPython(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[string]string
	}{
		{"[a]\nk=v", map[string]string{"k": "v"}},
		{"[a]\nK : V ", map[string]string{"k": "V"}},
		{"[a]\nkey = a=b:c", map[string]string{"key": "a=b:c"}},
		{"[a]\nw = a ; not a comment # neither", map[string]string{"w": "a ; not a comment # neither"}},
		{"# c\n; c\n[a]\n  ; indented\nk = v", map[string]string{"k": "v"}},
		{"[a]\nmulti = 0\n  l1\n\n  l2\n\nnext = 1", map[string]string{"multi": "0\nl1\n\nl2", "next": "1"}},
		{"[a]\nm =\n  l1\n  # not part of it\n  l2", map[string]string{"m": "\nl1\nl2"}},
		{"[a]\nx = 100%%", map[string]string{"x": "100%"}},
		{"[a]\nk = 1\ny = %(K)s-%%(k)s", map[string]string{"k": "1", "y": "1-%(k)s"}},
		{"[DEFAULT]\nd = 5\n[a]\ny = <%(d)s>", map[string]string{"d": "5", "y": "<5>"}},
		{"[a]\nv = ${NAME:default}", map[string]string{"v": "${NAME:default}"}},
		{"[a]\nq = 'x'", map[string]string{"q": "'x'"}},
		{"[a]\ne =", map[string]string{"e": ""}},
		{"\ufeff[a]\r\nk = v\r\n", map[string]string{"k": "v"}},
		{"[a] ; trailing\nk = ü", map[string]string{"k": "ü"}},
	} {
		r := &report{file: "f"}
		f := parseINI(c.text, r)
		if len(r.problems) > 0 || f.section("a") == nil {
			t.Errorf("%q: %v", c.text, r.problems)
			continue
		}
		got := map[string]string{}
		for _, k := range append(f.section("a").keys, f.defaults.keys...) {
			value, err := f.value("a", k)
			if err != nil {
				t.Errorf("%q: %v", c.text, err)
			}
			got[k.name] = value
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func TestINIProblems(t *testing.T) {
	for text, want := range map[string]string{
		"k = v":                "f:1: a line that is not in any section (put a section such as [pulp] above it)",
		"[a]\nnovalue":         `f:2: neither a key with a value nor a section (write "key = value"; indent what continues the line above)`,
		"[a]\n= v":             `f:2: a value without a key (write "key = value")`,
		"[a]\nk=1\nK=2":        "f:3: k is there twice in [a] (keep one; the first is in line 2)",
		"[a]\n[b]\n[a]":        "f:3: section [a] is there twice (move its keys to the one in line 1)",
		"[a]\nk = \xff":        "f: the file is not UTF-8 text (save it as UTF-8)",
		"[a]\npassword secret": `f:2: neither a key with a value nor a section (write "key = value"; indent what continues the line above)`,
	} {
		r := &report{file: "f"}
		parseINI(text, r)
		if r.problems.String() != want {
			t.Errorf("%q:\n%s\nwant\n%s", text, r.problems, want)
		}
	}
}

func TestInterpolationProblems(t *testing.T) {
	for text, want := range map[string]string{
		"[a]\nk = 5%":         "k has a single %",
		"[a]\nk = %(nope)s":   "k refers to nope, which is not there",
		"[a]\nk = %(k)s":      "k refers to itself",
		"[a]\nk = %(l)s\nl=%": "l has a single %",
	} {
		f := parseINI(text, &report{})
		if _, err := f.value("a", f.lookup("a", "k")); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// Whatever is in the files, reading ends with problems or without, but it ends.
func TestAnyFiles(t *testing.T) {
	words := []string{
		"[pulp]", "[DEFAULT]", "password = %(password)s", "\n", "\n  ", "=", "use_https_for_sync: ", "yes", "pulp_servers:", "- &a", "*a", "<<: *a", "{", "}", "repo_groups:", ":", " ", "\t", "credentials", "max_runtime: 1e9", "\x00", "---", "!!binary x", "&a [*a, *a]",
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(words), rapid.String())).Draw(t, "parts")
		text := ""
		for _, p := range parts {
			text += p
		}
		r := &report{file: "f"}
		settings, _ := readSettings(parseINI(text, r), r)
		c := readSyncConfig([]byte(text), settings, r)
		if !r.problems.Fatal() {
			if _, err := c.fleet(settings); err != nil {
				t.Fatalf("no problem found in %q, but %v", text, err)
			}
		}
	})
}
