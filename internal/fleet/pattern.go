// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"

	"github.com/pulp/pulp-manager/internal/fault"
)

// matchLimit bounds one match of a pattern that needs backtracking.
const matchLimit = 200 * time.Millisecond

// Pattern is a user's regular expression in Python's syntax. Go's linear-time
// engine runs it where it can; look-around and back-references go to an engine
// that backtracks, with a time limit a match.
type Pattern struct {
	text string
	fast *regexp.Regexp
	full *regexp2.Regexp
}

// CompilePattern compiles a pattern; an empty text gives nil, which matches nothing.
func CompilePattern(text string) (*Pattern, error) {
	if text == "" {
		return nil, nil
	}
	if n := utf8.RuneCountInString(text); n > 1024 {
		return nil, fault.New(fault.Invalid, "pattern of %d characters is too long (1024 at most)", n)
	}
	fast, err := regexp.Compile(text)
	if err == nil {
		return &Pattern{text: text, fast: fast}, nil
	}
	full, fullErr := regexp2.Compile(translate(text), regexp2.None)
	if fullErr != nil {
		return nil, fault.Wrap(fault.Invalid, err, "pattern %q is not a regular expression: %v", text, fullErr)
	}
	full.MatchTimeout = matchLimit
	return &Pattern{text: text, full: full}, nil
}

// translate writes what only Python writes so in the words of the second engine: named groups, references
// to them, and the end of the text.
func translate(text string) string {
	var out strings.Builder
	class := false // within [ ]
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, `\Z`):
			out.WriteString(`\z`)
			i++
		case text[i] == '\\' && len(rest) > 1:
			out.WriteString(rest[:2])
			i++
		case class:
			class = text[i] != ']'
			out.WriteByte(text[i])
		case strings.HasPrefix(rest, "(?P<"):
			out.WriteString("(?<")
			i += len("(?P<") - 1
		case strings.HasPrefix(rest, "(?P=") && strings.Contains(rest, ")"):
			name, _, _ := strings.Cut(rest[len("(?P="):], ")")
			out.WriteString(`\k<` + name + ">")
			i += len("(?P=") + len(name)
		default:
			class = text[i] == '['
			out.WriteByte(text[i])
			if class && strings.HasPrefix(rest, "[]") || strings.HasPrefix(rest, "[^]") { // a first ] is one of the class
				n := strings.IndexByte(rest, ']')
				out.WriteString(rest[1 : n+1])
				i += n
			}
		}
	}
	return out.String()
}

// String gives the pattern's text.
func (p *Pattern) String() string {
	if p == nil {
		return ""
	}
	return p.text
}

// Search tells whether the pattern matches anywhere in s. The error is Invalid: the
// pattern took too long.
func (p *Pattern) Search(s string) (bool, error) {
	switch {
	case p == nil:
		return false, nil
	case p.fast != nil:
		return p.fast.MatchString(s), nil
	}
	matched, err := p.full.MatchString(s)
	if err != nil {
		return false, p.tooSlow(err)
	}
	return matched, nil
}

// MatchStart matches from the start of s and gives the named groups' texts.
func (p *Pattern) MatchStart(s string) (map[string]string, bool, error) {
	if p == nil {
		return nil, false, nil
	}
	if p.fast != nil {
		at := p.fast.FindStringSubmatchIndex(s)
		if at == nil || at[0] != 0 {
			return nil, false, nil
		}
		groups := map[string]string{}
		for i, name := range p.fast.SubexpNames() {
			if name != "" && at[2*i] >= 0 {
				groups[name] = s[at[2*i]:at[2*i+1]]
			}
		}
		return groups, true, nil
	}
	m, err := p.full.FindStringMatch(s)
	if err != nil {
		return nil, false, p.tooSlow(err)
	}
	if m == nil || m.Index != 0 {
		return nil, false, nil
	}
	groups := map[string]string{}
	for _, g := range m.Groups() {
		if _, numbered := strconv.Atoi(g.Name); numbered != nil && len(g.Captures) > 0 {
			groups[g.Name] = g.String()
		}
	}
	return groups, true, nil
}

func (p *Pattern) tooSlow(err error) error {
	return fault.Wrap(fault.Invalid, err, "pattern %q took longer than %s on one name", p.text, matchLimit).
		WithHint("rewrite it without nested repetition")
}

// Selection chooses names: not what Exclude finds, then what Include finds, or
// everything where there is no Include.
type Selection struct{ Include, Exclude *Pattern }

// NewSelection compiles the two patterns of a selection.
func NewSelection(include, exclude string) (Selection, error) {
	in, err := CompilePattern(include)
	if err != nil {
		return Selection{}, err
	}
	ex, err := CompilePattern(exclude)
	return Selection{Include: in, Exclude: ex}, err
}

// Matches tells whether the selection chooses name.
func (s Selection) Matches(name string) (bool, error) {
	if out, err := s.Exclude.Search(name); out || err != nil {
		return false, err
	}
	if s.Include == nil {
		return true, nil
	}
	return s.Include.Search(name)
}
