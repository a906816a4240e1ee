// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pulp/pulp-manager/internal/fault"
)

// flagAliases are shorter names of flags, by the JSON name of the field.
var flagAliases = map[string]string{
	"regex_include":           "include",
	"regex_exclude":           "exclude",
	"source_pulp_server_name": "source",
	"max_concurrent_syncs":    "concurrency",
}

// flagDefaults are values of fields that the API wants and a person need not give.
var flagDefaults = map[string]string{
	"max_runtime":          "6h",
	"max_concurrent_syncs": "2",
}

// bodyFlags are the flags of a request body: one for each field of its struct.
type bodyFlags struct {
	flags  *pflag.FlagSet
	fields []bodyField
}

// bodyField is a field of a body and its flag.
type bodyField struct {
	name     string // JSON name
	flag     string
	kind     reflect.Kind // of the value; Map for whatever is written as JSON
	required bool
}

// addBodyFlags adds a flag for each field of a body of that type, but for one that is an argument.
func addBodyFlags(flags *pflag.FlagSet, typ reflect.Type, argument string) *bodyFlags {
	b := &bodyFlags{flags: flags}
	aliases := map[string]string{}
	for i := range typ.NumField() {
		field := typ.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" || name == "" || name == argument {
			continue
		}
		f := bodyField{name: name, flag: strings.ReplaceAll(name, "_", "-"), kind: flagKind(field.Type)}
		f.required = !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero")
		if tag, ok := field.Tag.Lookup("required"); ok {
			f.required = tag == "true"
		}
		usage := field.Tag.Get("doc")
		if alias, ok := flagAliases[name]; ok {
			aliases[alias] = f.flag
			usage += " Also --" + alias + "."
		}
		b.add(f, strings.TrimSpace(usage), field.Tag.Get("default"))
	}
	for _, f := range b.fields {
		delete(aliases, f.flag) // a field of that name goes before
	}
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if flag, ok := aliases[name]; ok {
			return pflag.NormalizedName(flag)
		}
		return pflag.NormalizedName(name)
	})
	return b
}

// flagKind tells how a field is given on the command line.
func flagKind(t reflect.Type) reflect.Kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool:
		return t.Kind()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return reflect.Int
	}
	return reflect.Map
}

// add adds one flag.
func (b *bodyFlags) add(f bodyField, usage, standard string) {
	if f.required && standard == "" {
		standard = flagDefaults[f.name]
	}
	switch f.kind {
	case reflect.Bool:
		b.flags.Bool(f.flag, standard == "true", usage)
	case reflect.Int:
		n, _ := strconv.Atoi(standard) // our own texts, or none: 0
		b.flags.Int(f.flag, n, usage)
	case reflect.String:
		b.flags.String(f.flag, standard, usage)
	default:
		b.flags.String(f.flag, standard, usage+" As JSON.")
	}
	b.fields = append(b.fields, f)
}

// body gives the fields that were given, and the defaults of those that must be. The
// error is Invalid.
func (b *bodyFlags) body() (map[string]any, error) {
	body := map[string]any{}
	var missing []string
	for _, f := range b.fields {
		flag := b.flags.Lookup(f.flag)
		if !flag.Changed && !f.required {
			continue
		}
		text := flag.Value.String()
		if !flag.Changed && (text == "" || text == "0") {
			missing = append(missing, "--"+f.flag)
			continue
		}
		value, err := f.value(text)
		if err != nil {
			return nil, err
		}
		body[f.name] = value
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fault.New(fault.Invalid, "%s must be given", strings.Join(missing, ", "))
	}
	return body, nil
}

// value reads the flag's text.
func (f bodyField) value(text string) (any, error) {
	switch f.kind {
	case reflect.String:
		return text, nil
	case reflect.Bool:
		return text == "true", nil
	case reflect.Int:
		return json.Number(text), nil
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "--%s is not JSON: %q", f.flag, text).WithHint(`write it like '{"mirror": true}'`)
	}
	return value, nil
}
