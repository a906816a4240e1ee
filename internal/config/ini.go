// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// iniFile is an INI file as Python's configparser reads it: keys in any case,
// sections in exact case, "=" or ":", comments only on lines of their own, values over
// several indented lines, %(key)s replaced and %% meaning %, [DEFAULT] for all
// sections. Unlike there, every mistake is reported, and every value knows its line.
type iniFile struct {
	sections []*iniSection // in the file's order, without DEFAULT
	defaults *iniSection
}

type iniSection struct {
	name string
	line int
	keys []*iniKey
}

type iniKey struct {
	name string // lower case
	line int
	raw  string
}

const defaultSection = "DEFAULT"

var (
	sectionLine   = regexp.MustCompile(`^\[(.+)\]`)
	keyLine       = regexp.MustCompile(`^(.*?)\s*[=:]\s*(.*)$`)
	interpolation = regexp.MustCompile(`^%\(([^)]+)\)s`)
)

// parseINI reads an INI file and adds what is wrong with it to the report.
func parseINI(text string, r *report) *iniFile {
	f := &iniFile{defaults: &iniSection{name: defaultSection}}
	if !utf8.ValidString(text) {
		r.errorf(0, "save it as UTF-8", "the file is not UTF-8 text")
		return f
	}
	p := iniParser{file: f, report: r}
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for i, line := range strings.Split(text, "\n") {
		p.line(i+1, line)
	}
	p.endValue()
	return f
}

type iniParser struct {
	file   *iniFile
	report *report

	section *iniSection
	broken  bool // in a section whose heading is wrong: its lines are not looked at
	key     *iniKey
	value   []string // lines of key's value
	indent  int      // of the line that began the key
}

func (p *iniParser) line(number int, line string) {
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";") {
		return
	}
	if text == "" {
		p.value = append(p.value, "")
		return
	}
	indent := strings.IndexFunc(line, func(r rune) bool { return !strings.ContainsRune(" \t\f\v", r) })
	if p.key != nil && indent > p.indent {
		p.value = append(p.value, text)
		return
	}
	p.endValue()
	p.indent = indent
	if m := sectionLine.FindStringSubmatch(text); m != nil {
		p.startSection(number, m[1])
		return
	}
	if p.broken {
		return
	}
	m := keyLine.FindStringSubmatch(text)
	switch {
	case p.section == nil:
		p.report.errorf(number, "put a section such as [pulp] above it", "a line that is not in any section")
		p.broken = true
	case m == nil:
		p.report.errorf(number, `write "key = value"; indent what continues the line above`, "neither a key with a value nor a section")
	case m[1] == "":
		p.report.errorf(number, `write "key = value"`, "a value without a key")
	default:
		p.startKey(number, strings.ToLower(m[1]), m[2])
	}
}

func (p *iniParser) startSection(number int, name string) {
	p.broken = false
	if name == defaultSection {
		p.section = p.file.defaults
		return
	}
	if s := p.file.section(name); s != nil {
		p.report.errorf(number, fmt.Sprintf("move its keys to the one in line %d", s.line), "section [%s] is there twice", name)
		p.section, p.broken = nil, true
		return
	}
	p.section = &iniSection{name: name, line: number}
	p.file.sections = append(p.file.sections, p.section)
}

func (p *iniParser) startKey(number int, name, value string) {
	key := &iniKey{name: name, line: number}
	p.key, p.value = key, []string{strings.TrimSpace(value)}
	if k := p.section.key(name); k != nil {
		p.report.errorf(number, fmt.Sprintf("keep one; the first is in line %d", k.line), "%s is there twice in [%s]", name, p.section.name)
		return
	}
	p.section.keys = append(p.section.keys, key)
}

func (p *iniParser) endValue() {
	if p.key != nil {
		p.key.raw = strings.TrimRight(strings.Join(p.value, "\n"), " \t\n")
	}
	p.key, p.value = nil, nil
}

func (f *iniFile) section(name string) *iniSection {
	for _, s := range f.sections {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (s *iniSection) key(name string) *iniKey {
	for _, k := range s.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

// lookup finds a key in a section or in DEFAULT; nil where it is not given.
func (f *iniFile) lookup(section, name string) *iniKey {
	if s := f.section(section); s != nil {
		if k := s.key(name); k != nil {
			return k
		}
		return f.defaults.key(name)
	}
	return nil
}

// value gives a key's text with its references to other keys replaced.
func (f *iniFile) value(section string, k *iniKey) (string, error) {
	return f.interpolate(section, k.name, k.raw, 1)
}

const maxInterpolation = 10 // as Python

func (f *iniFile) interpolate(section, key, raw string, depth int) (string, error) {
	if depth > maxInterpolation {
		return "", fmt.Errorf("%s refers to itself", key)
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(raw, "%")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if after, ok := strings.CutPrefix(rest, "%"); ok {
			out.WriteByte('%')
			raw = after
			continue
		}
		m := interpolation.FindStringSubmatch("%" + rest)
		if m == nil {
			return "", fmt.Errorf("%s has a single %%", key)
		}
		other := f.lookup(section, strings.ToLower(m[1]))
		if other == nil {
			return "", fmt.Errorf("%s refers to %s, which is not there", key, m[1])
		}
		text, err := f.interpolate(section, other.name, other.raw, depth+1)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
		raw = rest[len(m[0])-1:]
	}
}
