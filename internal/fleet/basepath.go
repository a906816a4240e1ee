// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"strings"
	"unicode"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Rename rewrites the last part of a base path: where Pattern matches a name from
// its start, Rule is used instead, with {group} replaced by the named groups
// (`package_name_replacement_pattern` and `_rule`, legacy section 1.9.4).
type Rename struct {
	Pattern *Pattern // nil: names stay
	Rule    string
}

// BasePathOf gives the base path of a repository's distribution from the
// description that Pulp holds.
func BasePathOf(description, name string, rename Rename) (string, error) {
	_, base, found := strings.Cut(description, "base_url:")
	if !found {
		return "", fault.New(fault.Invalid, "repository %s: its description %q has no part \"base_url:<path>\"", name, description).
			WithHint("end the repository's description with \" - base_url:<path>\", or define the repository in a file")
	}
	base, _, _ = strings.Cut(base, "base_url:")
	return BasePath(base, name, rename)
}

// BasePath gives the base path of a repository's distribution: base_url and the
// name, or the name alone where base_url equals it (legacy section 1.9.4).
func BasePath(baseURL, name string, rename Rename) (string, error) {
	base := strings.TrimRight(strings.TrimSpace(baseURL), "/")
	path := name
	if base != name {
		last, err := rename.apply(name)
		if err != nil {
			return "", err
		}
		path = strings.TrimLeft(base+"/"+last, "/")
	}
	if !relative(path) {
		return "", fault.New(fault.Invalid, "repository %s: base path %q is not a relative path", name, path).
			WithHint("use a base_url such as \"debian/bookworm\": no leading or double slash, no \"..\", no blank")
	}
	return path, nil
}

// relative tells whether a path names the same place wherever it is put: parts with one slash
// between them, none of which leads up or nowhere, and nothing in them that an address has a
// meaning for.
func relative(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(path, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`\?#%`, r)
	})
}

func (r Rename) apply(name string) (string, error) {
	if r.Pattern == nil {
		return name, nil
	}
	groups, matched, err := r.Pattern.MatchStart(name)
	if err != nil || !matched {
		return name, err
	}
	pairs := make([]string, 0, 2*len(groups))
	for group, text := range groups {
		pairs = append(pairs, "{"+group+"}", text)
	}
	renamed := strings.NewReplacer(pairs...).Replace(r.Rule)
	if renamed == "" || strings.ContainsAny(renamed, "{}") {
		return "", fault.New(fault.Invalid, "repository %s: package_name_replacement_rule %q gives %q", name, r.Rule, renamed).
			WithHint("use only groups that package_name_replacement_pattern names")
	}
	return renamed, nil
}
