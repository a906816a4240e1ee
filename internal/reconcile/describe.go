// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// longest is how many characters of a value are shown.
const longest = 120

// Describe tells a change field by field, from what is there to what is sent. Secrets are not shown.
func (c Change) Describe() []string {
	switch {
	case c.Conflict != "":
		return []string{fmt.Sprintf("%s: %s", c.Name, c.Conflict)}
	case c.Create():
		return []string{c.String()}
	}
	var lines []string
	for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
		before, after := c.Before[field], c.Fields[field]
		if field == "pulp_labels" {
			lines = append(lines, c.labels(before, after)...)
			continue
		}
		if after == nil && linkOf[c.Noun] == field && c.Fields["repository_version"] == nil {
			lines = append(lines, c.line(field, show(field, before), "its own"))
			continue
		}
		lines = append(lines, c.line(field, show(field, before), show(field, after)))
	}
	for _, field := range slices.Sorted(maps.Keys(c.Secrets)) {
		after := "(secret)"
		if c.Secrets[field].Empty() {
			after = "none"
		}
		lines = append(lines, c.line(field, "(secret)", after))
	}
	return lines
}

// linkOf gives the field by which a part names another, which is filled in when that exists.
var linkOf = map[Noun]string{Repository: "remote", Distribution: "repository"}

func (c Change) line(field, before, after string) string {
	by := ""
	if slices.Contains(c.ByHand, field) {
		by = " (changed by somebody else since we set it)"
	}
	return fmt.Sprintf("%s %s: %s: %s → %s%s", c.Noun, c.Name, field, before, after, by)
}

func (c Change) labels(before, after any) []string {
	old, _ := before.(map[string]string)
	now, _ := after.(map[string]string)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if was, ok := old[key]; !ok || was != now[key] {
			lines = append(lines, c.line("label "+key, orNone(was, ok), show("", now[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if _, kept := now[key]; !kept {
			lines = append(lines, c.line("label "+key, show("", old[key]), "none"))
		}
	}
	return lines
}

func orNone(text string, there bool) string {
	if !there {
		return "none"
	}
	return show("", text)
}

// show gives a value as people read it: short, without a login in an address, and a certificate
// by its name only.
func show(field string, value any) string {
	switch v := normal(field, value).(type) {
	case nil:
		return "none"
	case string:
		if strings.Contains(v, "-----BEGIN ") || strings.HasPrefix(v, hashed) {
			return "(text of its own)"
		}
		if u, err := url.Parse(v); err == nil && u.User != nil {
			v = u.Redacted()
		}
		return quoted(v)
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return quoted(string(raw))
	}
}

func quoted(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > longest {
		text = string([]rune(text)[:longest]) + "…"
	}
	return `"` + text + `"`
}
