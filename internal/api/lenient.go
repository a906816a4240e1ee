// SPDX-License-Identifier: Apache-2.0

package api

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// documented turns the schema of a body, which checks what is read, into the one that the document shows:
// that one also allows what decode turns into the right type, and says what is checked later. It gives a
// copy of the first.
func documented(s *huma.Schema, typ reflect.Type) *huma.Schema {
	checked := *s
	needed := neededFields(typ)
	s.Required = append(slices.Clone(s.Required), needed...)
	checked.Properties = maps.Clone(s.Properties)
	s.Properties = make(map[string]*huma.Schema, len(checked.Properties))
	for name, field := range checked.Properties {
		if field.Type == huma.TypeInteger {
			bounded := *field
			bounded.Minimum, bounded.Maximum = atLeast(field.Minimum, -safeInteger), atMost(field.Maximum, safeInteger)
			bounded.PrecomputeMessages()
			field = &bounded
			checked.Properties[name] = field
		}
		shown := *field
		lenient(&shown, !slices.Contains(s.Required, name))
		if slices.Contains(needed, name) {
			least := 1
			shown.MinLength = &least
		}
		if more, ok := fieldRules[name]; ok {
			more(&shown)
		}
		s.Properties[name] = &shown
	}
	return &checked
}

// neededFields gives the names of a body's fields that are checked to be there by the job (job.Ask).
func neededFields(typ reflect.Type) []string {
	var names []string
	for field := range typ.Fields() {
		if field.Tag.Get("needed") == "true" {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

// safeInteger bounds the numbers that are taken for text, and those that text is taken for: beyond it, not
// every reader of JSON keeps them exact.
const safeInteger = 1e15

// lenient allows what coerce and complete accept for a field. The type proper comes last: version 3.0 of
// OpenAPI has only one, and the last one stays.
func lenient(s *huma.Schema, optional bool) {
	var types []string
	switch {
	case len(s.Enum) > 0:
		types = []string{s.Type}
	case s.Type == huma.TypeString:
		types = []string{huma.TypeNumber, huma.TypeString}
		s.Minimum, s.Maximum = atLeast(s.Minimum, -safeInteger), atMost(s.Maximum, safeInteger)
	case s.Type == huma.TypeInteger:
		types = []string{huma.TypeString, huma.TypeInteger}
		s.Minimum, s.Maximum = atLeast(s.Minimum, -safeInteger), atMost(s.Maximum, safeInteger)
		s.Pattern = `^-?[0-9]{1,15}$`
		if *s.Minimum >= 0 {
			s.Pattern = `^[0-9]{1,15}$`
		}
	case s.Type == huma.TypeBoolean:
		types = []string{huma.TypeString, huma.TypeInteger, huma.TypeBoolean}
		s.Enum = []any{true, false, 1, 0}
		for _, word := range slices.Sorted(maps.Keys(truths)) {
			s.Enum = append(s.Enum, word)
		}
	default:
		types = []string{s.Type}
	}
	if optional {
		types = append([]string{"null"}, types...)
		if len(s.Enum) > 0 {
			s.Enum = append(s.Enum, nil)
		}
	}
	setTypes(s, types...)
}

// setTypes gives a schema several types, for which huma has no field.
func setTypes(s *huma.Schema, types ...string) {
	extensions := maps.Clone(s.Extensions)
	if extensions == nil {
		extensions = map[string]any{}
	}
	s.Type, s.Nullable, extensions["type"] = "", false, types
	if len(types) == 1 {
		s.Type = types[0]
		delete(extensions, "type")
	}
	s.Extensions = extensions
}

func atLeast(have *float64, least float64) *float64 {
	if have != nil && *have > least {
		return have
	}
	return &least
}

func atMost(have *float64, most float64) *float64 {
	if have != nil && *have < most {
		return have
	}
	return &most
}

// fieldRules say in the document what jobs and rules check of a body's field, by its JSON name.
var fieldRules = map[string]func(*huma.Schema){
	"max_runtime": func(s *huma.Schema) {
		s.Pattern = `^(-1|[1-9][0-9]{0,8}[sS]?|[1-9][0-9]{0,7}[mM]|[1-9][0-9]{0,5}[hH]|[1-9][0-9]{0,4}[dD])$`
		least, most := -1.0, float64(math.MaxInt64/int64(time.Second))
		s.Minimum, s.Maximum, s.Not = &least, &most, &huma.Schema{Enum: []any{0}}
		replaceType(s, huma.TypeNumber, huma.TypeInteger)
	},
	"max_concurrent_syncs": func(s *huma.Schema) {
		s.Minimum, s.Pattern = atLeast(nil, 1), `^[1-9][0-9]{0,14}$`
	},
	"regex_include": documentPattern,
	"regex_exclude": documentPattern,
	"snapshot_prefix": func(s *huma.Schema) {
		most := 249
		s.Pattern, s.MaxLength = `^[A-Za-z0-9._-]+$`, &most
	},
	"content_href": func(s *huma.Schema) {
		s.Pattern = `^/([^/]+/)+content/[a-z]+/[a-z]+/[0-9a-f-]{36}/$`
		setTypes(s, huma.TypeString)
	},
	"until": func(s *huma.Schema) {
		least, most := -1e9, 1e10
		s.Minimum, s.Maximum, s.Pattern = &least, &most, momentPattern
	},
	"state": func(s *huma.Schema) {
		s.Enum = []any{"canceled"}
		setTypes(s, huma.TypeString)
	},
}

// longestPattern is how many characters a regular expression may have (fleet.CompilePattern).
const longestPattern = 1024

// documentPattern says that a text is a regular expression.
func documentPattern(s *huma.Schema) {
	most := longestPattern
	s.Format, s.MaxLength = "regex", &most
}

// replaceType puts one type of several in place of another.
func replaceType(s *huma.Schema, from, to string) {
	types, _ := s.Extensions["type"].([]string)
	types = slices.Clone(types)
	for i := range types {
		if types[i] == from {
			types[i] = to
		}
	}
	setTypes(s, types...)
}

// momentPattern finds the dates that parseMoment reads, but for those of a leap day.
const momentPattern = `^([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))` +
	`([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?)?|-?[0-9]{1,10}(\.[0-9]{1,6})?)$`

// listSchema is that of several values in one parameter, separated by commas.
func listSchema(item *huma.Schema, least int) *huma.Schema {
	most := maxIn
	s := &huma.Schema{Type: huma.TypeArray, Items: item, MaxItems: &most}
	if least > 0 {
		s.MinItems = &least
	}
	return s
}
