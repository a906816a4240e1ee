// SPDX-License-Identifier: Apache-2.0

package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// valueKind is the sort of values that a field of a list has.
type valueKind int

const (
	textValue valueKind = iota
	choiceValue
	numberValue
	boolValue
	momentValue
)

// suffixes are the ways a field of a kind can be compared. Dates cannot be compared
// with a list: they are shown in seconds and stored more precisely.
var suffixes = map[valueKind][]fleet.Op{
	textValue:   {fleet.Equal, fleet.Like, fleet.Match, fleet.In, fleet.Less, fleet.AtMost, fleet.Greater, fleet.AtLeast},
	choiceValue: {fleet.Equal, fleet.Like, fleet.Match, fleet.In},
	numberValue: {fleet.Equal, fleet.In, fleet.Less, fleet.AtMost, fleet.Greater, fleet.AtLeast},
	boolValue:   {fleet.Equal},
	momentValue: {fleet.Equal, fleet.Less, fleet.AtMost, fleet.Greater, fleet.AtLeast},
}

// maxIn is how many values a filter by list takes.
const maxIn = 1000

// listField is a field of a list, as the REST API names it.
type listField struct {
	name     string
	kind     valueKind
	values   []string // of a choice
	doc      string
	sortOnly bool
}

// filter finds the field and the comparison that a parameter names.
func (l *listing) filter(param string) (listField, fleet.Op, bool) {
	if l == nil {
		return listField{}, "", false
	}
	for _, f := range l.fields {
		if f.sortOnly {
			continue
		}
		for _, op := range suffixes[f.kind] {
			if param == paramName(f.name, op) {
				return f, op, true
			}
		}
	}
	return listField{}, "", false
}

// paramName gives the parameter for a comparison of a field.
func paramName(field string, op fleet.Op) string {
	if op == fleet.Equal {
		return field
	}
	return field + "__" + string(op)
}

// filters makes the conditions of one parameter.
func (f listField) filters(op fleet.Op, text string) ([]fleet.Filter, string) {
	free := op == fleet.Like || op == fleet.Match // any text, whatever the field's kind
	switch {
	case op == fleet.Match:
		if _, err := fleet.CompilePattern(text); err != nil {
			return nil, "is not a regular expression: " + err.Error()
		}
	case op == fleet.In:
		return f.in(text)
	case f.kind == momentValue:
		return f.moments(op, text)
	}
	if free {
		return []fleet.Filter{{Field: f.name, Op: op, Value: text}}, ""
	}
	value, problem := f.value(text)
	if problem != "" {
		return nil, problem
	}
	return []fleet.Filter{{Field: f.name, Op: op, Value: value}}, ""
}

// in makes the condition of a comma-separated list.
func (f listField) in(text string) ([]fleet.Filter, string) {
	var values []any
	for part := range strings.SplitSeq(text, ",") {
		value, problem := f.value(strings.TrimSpace(part))
		if problem != "" {
			return nil, problem
		}
		values = append(values, value)
	}
	if len(values) > maxIn {
		return nil, "has " + strconv.Itoa(len(values)) + " values; " + strconv.Itoa(maxIn) + " at most"
	}
	return []fleet.Filter{{Field: f.name, Op: fleet.In, Value: values}}, ""
}

// moments makes the conditions on a date. A date given in whole seconds means that
// whole second, as dates are shown.
func (f listField) moments(op fleet.Op, text string) ([]fleet.Filter, string) {
	t, problem := parseMoment(text)
	if problem != "" {
		return nil, problem
	}
	end := t
	if t.Nanosecond() == 0 {
		end = t.Add(time.Second - time.Microsecond)
	}
	at := func(op fleet.Op, t time.Time) fleet.Filter { return fleet.Filter{Field: f.name, Op: op, Value: t} }
	switch op {
	case fleet.Equal:
		return []fleet.Filter{at(fleet.AtLeast, t), at(fleet.AtMost, end)}, ""
	case fleet.AtMost, fleet.Greater:
		return []fleet.Filter{at(op, end)}, ""
	}
	return []fleet.Filter{at(op, t)}, ""
}

// value reads one value of the field.
func (f listField) value(text string) (any, string) {
	switch f.kind {
	case choiceValue:
		return text, oneOf(text, f.values)
	case numberValue:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, "must be an integer, not " + quote(text)
		}
		return n, ""
	case boolValue:
		b, ok := truths[strings.ToLower(text)]
		if !ok {
			return nil, "must be true or false, not " + quote(text)
		}
		return b, ""
	}
	return text, ""
}

// truths are the words for booleans that the original took.
var truths = map[string]bool{
	"true": true, "t": true, "yes": true, "y": true, "on": true, "1": true,
	"false": false, "f": false, "no": false, "n": false, "off": false, "0": false,
}
