// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// body is what a request's JSON body must be.
type body struct {
	registry huma.Registry
	ref      *huma.Schema // as the document refers to it
	schema   *huma.Schema
	typ      reflect.Type
}

// bodyOf makes a body from a value of its type. Its schema is that type's, by huma's tags.
func (a *api) bodyOf(zero any) *body {
	registry, typ := a.document.Components.Schemas, reflect.TypeOf(zero)
	ref := registry.Schema(typ, true, typ.Name())
	b := &body{registry: registry, ref: ref, schema: ref, typ: typ}
	for b.schema.Ref != "" {
		b.schema = registry.SchemaFromRef(b.schema.Ref)
	}
	if shown, ok := zero.(documentedBody); ok {
		shown.document(b.schema)
	}
	b.schema = documented(b.schema, typ)
	return b
}

// documentedBody is a body of which the document says more than huma's tags can.
type documentedBody interface{ document(s *huma.Schema) }

// decode reads a body. It is lenient about types where the original was: numbers for
// text, text for numbers and booleans, null for what is optional. Unknown fields are
// refused, which the original ignored. It gives the value, and the fields as JSON has them.
func (b *body) decode(raw []byte) (any, map[string]any, []FieldProblem) {
	fields, problem := readObject(raw)
	if problem != "" {
		return nil, nil, []FieldProblem{{"body", problem}}
	}
	if problems := b.unknown(fields); len(problems) > 0 {
		return nil, nil, problems
	}
	b.complete(fields)
	into := reflect.New(b.typ)
	plain, problems := b.convert(fields, into.Interface())
	if len(problems) > 0 {
		return nil, nil, problems
	}
	return into.Elem().Interface(), plain, nil
}

// readObject reads one JSON object. Numbers stay as they are written.
func readObject(raw []byte) (map[string]any, string) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, "is missing: it must be a JSON object"
	}
	switch {
	case !utf8.Valid(raw):
		return nil, "is not text in UTF-8"
	case tooDeep(raw):
		return nil, fmt.Sprintf("is nested deeper than %d levels", maxDepth)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, "is not JSON: " + err.Error()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, "has more after the JSON object"
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, "must be a JSON object"
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !saneValue(fields[name]) || !sane(name) {
			return nil, "has a text with NUL in it: field " + quote(name)
		}
	}
	return fields, ""
}

// maxDepth is how deep the arrays and objects of a body may be nested.
const maxDepth = 64

// tooDeep tells whether a JSON text is nested deeper than that, without reading it as JSON: what is done with a
// value goes as deep as it does.
func tooDeep(raw []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++ // what is escaped ends no text
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxDepth {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// saneValue tells whether all texts of a value can be stored.
func saneValue(value any) bool {
	switch v := value.(type) {
	case string:
		return sane(v)
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !saneValue(e) })
	case map[string]any:
		for key, e := range v {
			if !sane(key) || !saneValue(e) {
				return false
			}
		}
	}
	return true
}

// unknown tells which fields the body does not have.
func (b *body) unknown(fields map[string]any) []FieldProblem {
	if b.schema.AdditionalProperties != false {
		return nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(b.schema.Properties)), ", ")
	var problems []FieldProblem
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := b.schema.Properties[name]; !ok {
			problems = append(problems, FieldProblem{"body." + name, "is not known here; known are " + known})
		}
		if len(problems) == maxProblems {
			break
		}
	}
	return problems
}

// complete turns each field into its type where that is meant, drops null where a
// field may be missing, and adds defaults.
func (b *body) complete(fields map[string]any) {
	for name, schema := range b.schema.Properties {
		value, given := fields[name]
		switch {
		case given && value == nil && !slices.Contains(b.schema.Required, name):
			delete(fields, name)
			given = false
		case given:
			if n, ok := value.(json.Number); ok && name == "max_runtime" { // 300.0 is 300 seconds
				value = whole(n)
			}
			fields[name] = coerce(schema.Type, value)
		}
		if !given && schema.Default != nil {
			fields[name] = schema.Default
		}
	}
}

// maxDigits is the length of the longest number that is looked at as one.
const maxDigits = 32

// coerce turns a value into one of a JSON type if it is clear how. Otherwise it is
// left, for the schema to refuse.
func coerce(to string, value any) any {
	switch v := value.(type) {
	case json.Number:
		switch to {
		case huma.TypeString:
			return numberText(v)
		case huma.TypeInteger:
			return whole(v)
		case huma.TypeBoolean:
			if b, ok := truths[v.String()]; ok {
				return b
			}
		}
	case string:
		text := strings.TrimSpace(v)
		switch to {
		case huma.TypeInteger:
			if len(text) > maxDigits {
				return value
			}
			if n, ok := new(big.Int).SetString(text, 10); ok && !strings.HasPrefix(text, "+") {
				return json.Number(n.String())
			}
		case huma.TypeBoolean:
			if b, ok := truths[strings.ToLower(text)]; ok {
				return b
			}
		}
	}
	return value
}

// numberText writes a number of sensible size as text: as it is written, but for the + of an exponent.
func numberText(n json.Number) any {
	f, err := n.Float64()
	switch {
	case err != nil || math.Abs(f) > safeInteger || len(n) > 64:
		return n
	case strings.Contains(string(n), "+"):
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return n.String()
}

// whole writes a number such as 2.0 or 2e0 as an integer if it is one of sensible size.
func whole(n json.Number) json.Number {
	if len(n) > maxDigits {
		return n
	}
	if f, err := n.Float64(); err == nil && f > -1e15 && f < 1e15 && f == float64(int64(f)) {
		return json.Number(fmt.Sprintf("%d", int64(f)))
	}
	return n
}

// convert makes the typed value, checks the fields against the schema, and gives them as
// plain JSON values.
func (b *body) convert(fields map[string]any, into any) (map[string]any, []FieldProblem) {
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, []FieldProblem{{"body", "cannot be read: " + err.Error()}}
	}
	plain := map[string]any{}
	if err := json.Unmarshal(text, &plain); err != nil { // it was JSON: only numbers can be at fault
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, []FieldProblem{{"body", "has a number that is too large: " + cut(wrong.Value, 80)}}
		}
		return nil, []FieldProblem{{"body", "cannot be read: " + err.Error()}}
	}
	var result huma.ValidateResult
	huma.Validate(b.registry, b.schema, huma.NewPathBuffer([]byte("body"), 4), huma.ModeWriteToServer, plain, &result)
	if problems := schemaProblems(result.Errors); len(problems) > 0 {
		return nil, problems
	}
	if err := json.Unmarshal(text, into); err != nil {
		return nil, []FieldProblem{unmarshalProblem(err)}
	}
	return plain, nil
}

// schemaProblems gives what the schema says in our shape. A missing field is located at
// that field.
func schemaProblems(errs []error) []FieldProblem {
	var problems []FieldProblem
	for _, err := range errs {
		p := FieldProblem{Location: "body", Message: err.Error()}
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p = FieldProblem{Location: detail.Location, Message: detail.Message}
		}
		if name, ok := strings.CutPrefix(p.Message, "expected required property "); ok {
			if name, ok = strings.CutSuffix(name, " to be present"); ok {
				p = FieldProblem{Location: p.Location + "." + name, Message: "is required"}
			}
		}
		problems = append(problems, p)
	}
	return problems
}

// unmarshalProblem is about a value that the schema let through and Go's type does
// not hold, such as a number that is too large.
func unmarshalProblem(err error) FieldProblem {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return FieldProblem{"body." + wrong.Field, "does not fit: " + wrong.Value + " is no " + wrong.Type.String()}
	}
	return FieldProblem{"body", "cannot be read: " + err.Error()}
}
