// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	File    string // path, or the name of an environment variable or flag
	Line    int    // from 1; 0: the file as a whole
	Msg     string
	Hint    string // what to do; may be empty
	Warning bool   // worth saying, but no reason to refuse
}

// String gives the problem on one line: file:line: msg (hint).
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Msg)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all that is wrong with a configuration, by file and line.
type Problems []Problem

// Fatal tells whether any of them is more than a warning.
func (ps Problems) Fatal() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Err gives an Invalid error that names all of them, one a line, or nil where all are warnings.
func (ps Problems) Err() error {
	if !ps.Fatal() {
		return nil
	}
	return fault.New(fault.Invalid, "the configuration cannot be used:\n%s", ps).
		WithHint("correct the lines above; `pulp-manager config check` looks at them again")
}

// String gives one line each.
func (ps Problems) String() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return ps
}

// report collects the problems of one file.
type report struct {
	file     string
	problems Problems
}

func (r *report) errorf(line int, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

func (r *report) warnf(line int, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Msg: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// fault adds an error that has a message to show.
func (r *report) fault(line int, where string, err error) {
	r.errorf(line, fault.Hint(err), "%s: %s", where, fault.Message(err))
}

// didYouMean gives a hint that names the known word most like an unknown one, or all known ones.
func didYouMean(unknown string, known []string) string {
	const closer = 1000 // letters count before their case does
	best, distance := "", closer*(1+max(2, len(unknown)/3))
	for _, k := range known {
		d := closer*editDistance(strings.ToLower(unknown), strings.ToLower(k)) + editDistance(unknown, k)
		if d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	if len(known) == 0 {
		return ""
	}
	return "known are " + strings.Join(known, ", ")
}

// editDistance counts the letters to add, drop or change to get from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j]+1, row[j+1]+1)
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
