// SPDX-License-Identifier: Apache-2.0

package pulp

import (
	"encoding/json"
	"time"
)

// Fields is a JSON object as it was sent or received. Numbers are float64.
type Fields map[string]any

// Object is an object of which everything is kept that Pulp said of it, as text: its Fields take several times as much, and
// pictures of many servers have tens of thousands.
type Object struct{ text string }

// Keep makes an object of what Pulp said.
func Keep(f Fields) Object {
	text, err := json.Marshal(f)
	if f == nil || err != nil { // a float that JSON does not know, which Pulp cannot have sent
		return Object{}
	}
	return Object{string(text)}
}

// Fields gives the whole object, a copy each time; nil where there is none.
func (o Object) Fields() (f Fields) {
	if o.text != "" {
		_ = json.Unmarshal([]byte(o.text), &f) // made by Keep
	}
	return f
}

// Href gives the object's own href, "" when it was not asked for.
func (f Fields) Href() Href { return f.href("pulp_href") }

func (f Fields) text(key string) string {
	s, _ := f[key].(string)
	return s
}

func (f Fields) href(key string) Href { return Href(f.text(key)) }

func (f Fields) number(key string) int64 {
	n, _ := f[key].(float64)
	return int64(n)
}

func (f Fields) flag(key string) bool {
	b, _ := f[key].(bool)
	return b
}

func (f Fields) object(key string) Fields {
	o, _ := f[key].(map[string]any)
	return o
}

// objects gives the objects in a list, leaving out whatever is none.
func (f Fields) objects(key string) []Fields {
	list, _ := f[key].([]any)
	out := make([]Fields, 0, len(list))
	for _, item := range list {
		if o, ok := item.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// labels gives pulp_labels; a label without a value (Pulp's null) has "".
func (f Fields) labels() map[string]string {
	out := map[string]string{}
	for key, value := range f.object("pulp_labels") {
		text, _ := value.(string)
		out[key] = text
	}
	return out
}

// time gives a time in UTC, the zero time for null or what is not there.
func (f Fields) time(key string) time.Time { return instant(f.text(key)) }

// instant reads a time, in UTC; the zero time where there is none.
func instant(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// int64 gives a number that may be null.
func (f Fields) int64(key string) *int64 {
	if _, ok := f[key].(float64); !ok {
		return nil
	}
	n := f.number(key)
	return &n
}
