// SPDX-License-Identifier: Apache-2.0

package pulpfake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// body reads the request's JSON object. An empty body is an empty object.
func (c *call) body() (obj, *reply) {
	raw, err := io.ReadAll(c.r.Body)
	if err != nil {
		rep := detail(http.StatusBadRequest, "JSON parse error - "+err.Error())
		return nil, &rep
	}
	if len(raw) == 0 {
		return obj{}, nil
	}
	if ct, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); ct != "application/json" {
		rep := detail(http.StatusUnsupportedMediaType, fmt.Sprintf("Unsupported media type %q in request.", c.r.Header.Get("Content-Type")))
		return nil, &rep
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		rep := detail(http.StatusBadRequest, "JSON parse error - "+err.Error())
		return nil, &rep
	}
	switch x := v.(type) {
	case obj:
		return x, nil
	case []any:
		rep := bad(obj{"non_field_errors": []any{"Invalid data. Expected a dictionary, but got list."}})
		return nil, &rep
	}
	rep := htmlPage(http.StatusInternalServerError, "Server Error (500)", "")
	return nil, &rep
}

// check validates a body against the fields Pulp declares. partial is a PATCH. readOnly are fields that are ignored.
// extra adds errors to fields that are well-formed.
func (c *call) check(fields map[string]schemaField, readOnly []string, in obj, partial bool, extra func(out obj, errs obj)) (obj, *reply) {
	out, errs := obj{}, obj{}
	for name, f := range fields {
		v, given := in[name]
		if !given {
			if f.Required && !partial {
				errs[name] = []any{"This field is required."}
			}
			continue
		}
		clean, problem := c.s.field(name, f, v)
		if problem != nil {
			errs[name] = problem
			continue
		}
		out[name] = clean
	}
	if extra != nil {
		extra(out, errs)
	}
	if len(errs) == 0 {
		for name := range in {
			if _, known := fields[name]; !known && !contains(readOnly, name) {
				errs[name] = []any{"Unexpected field"}
			}
		}
	}
	if len(errs) > 0 {
		rep := bad(errs)
		return nil, &rep
	}
	return out, nil
}

var labelKey = regexp.MustCompile(`^[A-Za-z0-9_ .-]+$`)

// field validates one value; the problem is what the answer shows for the field.
func (s *Server) field(name string, f schemaField, v any) (clean, problem any) {
	one := func(m string) any { return []any{m} }
	if v == nil {
		if f.Null {
			return nil, nil
		}
		return nil, one("This field may not be null.")
	}
	if name == "pulp_labels" {
		return labels(v)
	}
	if f.Format == "uri" && f.Type == "string" {
		return s.reference(name, v)
	}
	switch f.Type {
	case "string":
		return textField(name, f, v)
	case "boolean":
		switch x := v.(type) {
		case bool:
			return x, nil
		case string:
			switch strings.ToLower(x) {
			case "true", "t", "yes", "y", "on", "1":
				return true, nil
			case "false", "f", "no", "n", "off", "0":
				return false, nil
			}
		case json.Number:
			if x == "0" || x == "1" {
				return x == "1", nil
			}
		}
		return nil, one("Must be a valid boolean.")
	case "integer", "number":
		return numberField(name, f, v)
	case "array":
		list, isList := v.([]any)
		if !isList {
			return nil, one(fmt.Sprintf("Expected a list of items but got type %q.", pythonType(v)))
		}
		return list, nil
	case "object":
		m, isMap := v.(obj)
		if !isMap {
			return nil, one(fmt.Sprintf("Expected a dictionary of items but got type %q.", pythonType(v)))
		}
		return m, nil
	}
	return v, nil
}

func textField(name string, f schemaField, v any) (clean, problem any) {
	one := func(m string) any { return []any{m} }
	var t string
	switch x := v.(type) {
	case string:
		t = x
	case json.Number:
		t = x.String()
	default:
		return nil, one("Not a valid string.")
	}
	if !contains(secrets, name) {
		t = strings.TrimSpace(t)
	}
	if f.Enum != nil {
		for _, e := range f.Enum {
			if e == t {
				return t, nil
			}
		}
		return nil, one(fmt.Sprintf("%q is not a valid choice.", t))
	}
	if t == "" && f.MinLen > 0 {
		return nil, one("This field may not be blank.")
	}
	if f.MaxLen > 0 && len([]rune(t)) > f.MaxLen {
		return nil, one(fmt.Sprintf("Ensure this field has no more than %d characters.", f.MaxLen))
	}
	return t, nil
}

func numberField(name string, f schemaField, v any) (clean, problem any) {
	one := func(m string) any { return []any{m} }
	var x float64
	var err error
	switch n := v.(type) {
	case json.Number:
		x, err = n.Float64()
	case string:
		x, err = strconv.ParseFloat(n, 64)
	default:
		err = strconv.ErrSyntax
	}
	if err != nil || (f.Type == "integer" && x != math.Trunc(x)) {
		return nil, one("A valid " + f.Type + " is required.")
	}
	least := f.Min
	if name == "download_concurrency" && least == nil {
		least = ptr(1.0)
	}
	if least != nil && x < *least {
		return nil, one("Ensure this value is greater than or equal to " + strconv.FormatFloat(*least, 'f', -1, 64) + ".")
	}
	if f.Max != nil && x > *f.Max {
		return nil, one("Ensure this value is less than or equal to " + strconv.FormatFloat(*f.Max, 'f', -1, 64) + ".")
	}
	if f.Type == "integer" {
		return int64(x), nil
	}
	return x, nil
}

func labels(v any) (clean, problem any) {
	m, isMap := v.(obj)
	if !isMap {
		return nil, []any{fmt.Sprintf("Expected a dictionary of items but got type %q.", pythonType(v))}
	}
	out := obj{}
	for k, x := range m {
		if !labelKey.MatchString(k) {
			return nil, []any{badLabel(k)}
		}
		if x != nil {
			x = text(x)
		}
		out[k] = x
	}
	return out, nil
}

func badLabel(key string) string {
	return "Key '" + key + "' contains invalid characters. Only alphanumerics, underscores, spaces, hyphens, and dots are allowed."
}

func pythonType(v any) string {
	switch v.(type) {
	case string:
		return "str"
	case bool:
		return "bool"
	case []any:
		return "list"
	case obj:
		return "dict"
	case json.Number:
		return "int"
	}
	return "NoneType"
}

// referenceClass is what a reference field may point at.
var referenceClass = map[string]string{
	"remote": "remotes", "repository": "repositories", "publication": "publications", "signing_service": "signing-services",
	"metadata_signing_service": "signing-services", "package_signing_service": "signing-services",
}

// reference validates an href or prn; "" is null, as in Pulp.
func (s *Server) reference(name string, v any) (clean, problem any) {
	ref, isText := v.(string)
	if !isText {
		return nil, []any{"Invalid hyperlink - No URL match."}
	}
	if ref == "" {
		return nil, nil
	}
	path, _, isHref := splitHref(ref)
	if !isHref && !strings.HasPrefix(ref, "prn:") {
		return nil, []any{"Invalid hyperlink - No URL match."}
	}
	missing := []any{"Invalid hyperlink - Object does not exist."}
	if name == "repository_version" || name == "base_version" {
		if ver := s.findVersion(ref); ver != nil {
			return ver.href(), nil
		}
		if isHref && !strings.HasSuffix(path, "/versions") {
			return nil, []any{"Invalid hyperlink - Incorrect URL match."}
		}
		return nil, missing
	}
	class := referenceClass[name]
	if isHref && class != "" && !strings.HasPrefix(path, class) {
		return nil, []any{"Invalid hyperlink - Incorrect URL match."}
	}
	o := s.lookup(ref)
	if o == nil || (name == "signing_service" && o == s.rpmSigning) || (name == "metadata_signing_service" && o == s.debSigning) {
		return nil, missing // signing services are of classes, each for its own type
	}
	if class != "" && o.kind.class != class {
		return nil, []any{"Invalid hyperlink - Incorrect URL match."}
	}
	return o.href(), nil
}

func ptr[T any](v T) *T { return &v }
