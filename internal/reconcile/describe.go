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

	"github.com/pulp/pulp-manager/internal/fleet"
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
	for _, d := range c.Differences() {
		by := ""
		if d.ByHand {
			by = " (changed by somebody else since we set it)"
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s: %s → %s%s", c.Noun, c.Name, d.Field, d.Before, d.After, by))
	}
	return lines
}

// Differences gives a change field by field, of what is made, too. Secrets are not shown.
func (c Change) Differences() []fleet.PlanChange {
	var all []fleet.PlanChange
	for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
		before, after := c.Before[field], c.Fields[field]
		switch {
		case field == "pulp_labels":
			all = append(all, c.labels(before, after)...)
		case after == nil && linkOf[c.Noun] == field && c.Fields["repository_version"] == nil:
			all = append(all, c.difference(field, show(field, before), ownLink))
		case c.Create() && after == nil:
		default:
			all = append(all, c.difference(field, show(field, before), show(field, after)))
		}
	}
	for _, field := range slices.Sorted(maps.Keys(c.Secrets)) {
		before, after := "(secret)", "(secret)"
		if c.Create() {
			before = "none"
		}
		if c.Secrets[field].Empty() {
			after = "none"
		}
		all = append(all, c.difference(field, before, after))
	}
	return all
}

// linkOf gives the field by which a part names another, which is filled in when that exists.
var linkOf = map[Noun]string{Repository: "remote", Distribution: "repository"}

func (c Change) difference(field, before, after string) fleet.PlanChange {
	return fleet.PlanChange{Part: string(c.Noun), Field: field, Before: before, After: after, ByHand: slices.Contains(c.ByHand, field)}
}

func (c Change) labels(before, after any) []fleet.PlanChange {
	old, _ := before.(map[string]string)
	now, _ := after.(map[string]string)
	var all []fleet.PlanChange
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if was, ok := old[key]; !ok || was != now[key] {
			all = append(all, c.difference("label "+key, orNone(was, ok), show("", now[key])))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if _, kept := now[key]; !kept {
			all = append(all, c.difference("label "+key, show("", old[key]), "none"))
		}
	}
	return all
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
