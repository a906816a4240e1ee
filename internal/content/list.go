// SPDX-License-Identifier: Apache-2.0

package content

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
)

// list reads a list of texts: a list, or a text with blanks between them. Each is checked; none may be
// there twice.
func list(value any, check func(item string) error) (any, error) {
	var items []string
	switch v := value.(type) {
	case string:
		items = strings.Fields(v)
	case []any:
		for _, x := range v {
			item, ok := x.(string)
			if !ok {
				return nil, fault.New(fault.Invalid, "must be a list of texts, not of %T", x)
			}
			items = append(items, strings.TrimSpace(item))
		}
	default:
		return nil, fault.New(fault.Invalid, "must be a list of texts, or a text with blanks between them, not %T", value)
	}
	if len(items) == 0 {
		return nil, fault.New(fault.Invalid, "must not be empty")
	}
	checked := []any{}
	for i, item := range items {
		if err := check(item); err != nil {
			return nil, err
		}
		if slices.Contains(items[:i], item) {
			return nil, fault.New(fault.Invalid, "names %q twice", item)
		}
		checked = append(checked, item)
	}
	return checked, nil
}

// oneOf gives the check of a list of some of these texts.
func oneOf(known ...string) func(value any) (any, error) {
	return func(value any) (any, error) {
		return list(value, func(item string) error {
			if !slices.Contains(known, item) {
				return fault.New(fault.Invalid, "%q is not one of %s", item, strings.Join(known, ", "))
			}
			return nil
		})
	}
}

func yesOrNo(value any) (any, error) {
	if _, ok := value.(bool); !ok {
		return nil, fault.New(fault.Invalid, "must be true or false, not %v", value)
	}
	return value, nil
}

// count reads a number of things.
func count(value any) (any, error) {
	n, ok := value.(float64)
	if !ok || n < 0 || n != math.Trunc(n) || n > math.MaxInt32 {
		return nil, fault.New(fault.Invalid, "must be a whole number, 0 or more, not %v", value)
	}
	return int(n), nil
}

// requirement is a project's name with or without extras, versions and a marker (PEP 508), blanks left out.
var requirement = regexp.MustCompile(`^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])(\[[A-Za-z0-9._,-]*\])?` +
	`(((===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+(,(===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9.*+!_-]+)*)?)(;.*)?$`)

// splitRequirement gives a requirement's project and the versions asked for; ok is false for anything else.
func splitRequirement(item string) (project, versions string, ok bool) {
	before, marker, _ := strings.Cut(item, ";")
	if marker != "" {
		marker = ";" + marker
	}
	found := requirement.FindStringSubmatch(strings.Join(strings.Fields(before), "") + marker)
	if found == nil {
		return "", "", false
	}
	return found[1], found[3], true
}

// requirements reads a list of requirements.
func requirements(value any) (any, error) {
	return list(value, func(item string) error {
		if _, _, ok := splitRequirement(item); !ok {
			return fault.New(fault.Invalid, "%q is not the name of a project, with or without versions such as >=1.2,<2", item)
		}
		return nil
	})
}

// everything, alone in a list of what to sync, is all there is.
const everything = "*"

// includes reads what to sync. Pulp takes an empty list for everything, so that must be said.
func includes(value any) (any, error) {
	all, err := list(value, func(string) error { return nil })
	if items, ok := all.([]any); err == nil && ok && slices.Equal(items, []any{everything}) {
		return []any{}, nil
	}
	return requirements(value)
}

var separators = regexp.MustCompile(`[-_.]+`)

// normalName gives a project's name as indices compare it (PEP 503).
func normalName(name string) string {
	return strings.ToLower(separators.ReplaceAllString(name, "-"))
}

// texts gives a field that is a list of texts; nil where it is null or absent.
func texts(fields map[string]any, name string) []string {
	list, _ := fields[name].([]any)
	var found []string
	for _, x := range list {
		if s, ok := x.(string); ok {
			found = append(found, s)
		}
	}
	return found
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// some names a few things and counts the rest.
func some(all []string, word func(string) string) string {
	const most = 5
	var words []string
	for _, x := range all[:min(len(all), most)] {
		words = append(words, word(x))
	}
	told := strings.Join(words, ", ")
	if len(all) > most {
		told += fmt.Sprintf(" and %d more", len(all)-most)
	}
	return told
}
