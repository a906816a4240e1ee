// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// match applies one filter to a row's field; known is false for a filter the fake does not imitate.
func (t filterTerm) match(get func(string) any) (match, known bool) {
	if want, isTime := t.parsed.(time.Time); isTime {
		return t.matchTime(get(t.field), want), true
	}
	switch t.name {
	case "pulp_href__in":
		return contains(strings.Split(t.value, ","), text(get("pulp_href"))), true
	case "prn__in":
		return contains(strings.Split(t.value, ","), text(get("prn"))), true
	case "pulp_id__in":
		_, id, _ := splitHref(text(get("pulp_href")))
		return contains(strings.Split(strings.ToLower(t.value), ","), id), true
	case "q":
		return false, false
	}
	v := get(t.field)
	switch t.op {
	case "":
		return t.equal(v), true
	case "in":
		for _, x := range strings.Split(t.value, ",") {
			if text(v) == x {
				return true, true
			}
		}
		return false, true
	case "ne":
		return !t.equal(v), true
	case "contains":
		return strings.Contains(text(v), t.value), true
	case "icontains":
		return strings.Contains(strings.ToLower(text(v)), strings.ToLower(t.value)), true
	case "startswith":
		return strings.HasPrefix(text(v), t.value), true
	case "istartswith":
		return strings.HasPrefix(strings.ToLower(text(v)), strings.ToLower(t.value)), true
	case "iexact":
		return strings.EqualFold(text(v), t.value), true
	case "regex", "iregex":
		pattern := t.value
		if t.op == "iregex" {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		return err == nil && re.MatchString(text(v)), true
	case "isnull":
		return (v == nil) == truth(t.value), true
	case "gt", "gte", "lt", "lte":
		x, isNumber := number(v)
		y, err := strconv.ParseFloat(t.value, 64)
		if !isNumber || err != nil {
			return false, true
		}
		switch t.op {
		case "gt":
			return x > y, true
		case "gte":
			return x >= y, true
		case "lt":
			return x < y, true
		default:
			return x <= y, true
		}
	}
	return false, false
}

func (t filterTerm) equal(v any) bool {
	if b, isBool := v.(bool); isBool {
		return b == truth(t.value)
	}
	if x, isNumber := number(v); isNumber {
		y, err := strconv.ParseFloat(t.value, 64)
		return err == nil && x == y
	}
	return v != nil && text(v) == t.value
}

func (t filterTerm) matchTime(v any, want time.Time) bool {
	at, isTime := parseTime(text(v))
	if !isTime {
		return t.op == "isnull" && truth(t.value)
	}
	switch t.op {
	case "gt":
		return at.After(want)
	case "gte":
		return !at.Before(want)
	case "lt":
		return at.Before(want)
	case "lte":
		return !at.After(want)
	case "range":
		from, to, _ := strings.Cut(t.value, ",")
		a, okA := parseTime(from)
		b, okB := parseTime(to)
		return okA && okB && !at.Before(a) && !at.After(b)
	default:
		return at.Equal(want)
	}
}

// parseTime reads the forms Pulp's filters accept; without a zone it is UTC.
func parseTime(v string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02",
	} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func truth(v string) bool { return strings.EqualFold(v, "true") || v == "1" }

func text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	default:
		return fmt.Sprint(x)
	}
}

// number reads a JSON number or a Go one.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case float64:
		return x, true
	case json.Number:
		f, err := x.Float64()
		return f, err == nil
	}
	return 0, false
}

var labelTerm = regexp.MustCompile(`^(!?)([A-Za-z0-9_ .-]+)(?:(=|!=|~)(.*))?$`)

// labelsMatch applies pulp_label_select: k, !k, k=v, k!=v, k~part, all of them, comma separated.
func labelsMatch(labels any, expr string) (bool, *reply) {
	m, _ := labels.(obj)
	for _, term := range strings.Split(expr, ",") {
		p := labelTerm.FindStringSubmatch(term)
		if p == nil {
			rep := bad([]any{"Invalid search term: '" + term + "'."})
			return false, &rep
		}
		v, has := m[p[2]]
		var match bool
		switch {
		case p[1] == "!":
			match = !has
		case p[3] == "=":
			match = has && text(v) == p[4]
		case p[3] == "!=":
			match = has && text(v) != p[4]
		case p[3] == "~":
			match = has && strings.Contains(strings.ToLower(text(v)), strings.ToLower(p[4]))
		default:
			match = has
		}
		if !match {
			return false, nil
		}
	}
	return true, nil
}
