// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// differing gives the wanted fields whose value is not the one there.
func differing(want, have map[string]any) map[string]any {
	fields := map[string]any{}
	for name, value := range want {
		if !same(name, value, have[name]) {
			fields[name] = value
		}
	}
	return fields
}

// same compares as Pulp stores: numbers by value, texts without outer blanks, certificates without
// comments (Pulp strips them since 3.76), null and absent alike.
func same(name string, want, have any) bool {
	w, h := normal(name, want), normal(name, have)
	return reflect.DeepEqual(w, h)
}

func normal(name string, v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return v
	}
	s, ok := plain.(string)
	if !ok {
		return plain
	}
	if strings.HasSuffix(name, "_cert") {
		if blocks := certificates(s); blocks != "" { // else it is none, which Pulp will say
			s = blocks
		}
	}
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return s
}

// certificates gives the PEM blocks of a text without what stands around them.
func certificates(text string) string {
	var kept []string
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		in = in || strings.HasPrefix(line, "-----BEGIN ")
		if in && line != "" {
			kept = append(kept, line)
		}
		in = in && !strings.HasPrefix(line, "-----END ")
	}
	return strings.Join(kept, "\n")
}

func withoutNulls(fields map[string]any) map[string]any {
	kept := map[string]any{}
	for name, value := range fields {
		if value != nil {
			kept[name] = value
		}
	}
	return kept
}

// mergeLabels adds ours to the labels there, and tells whether that changes them. Writing labels
// replaces them all, so those of others are written back. A primary's label goes where the
// remote is no longer a mirror's.
func mergeLabels(ours, there map[string]string, dropPrimary bool) (map[string]string, bool) {
	merged := maps.Clone(there)
	if merged == nil {
		merged = map[string]string{}
	}
	if dropPrimary {
		delete(merged, PrimaryLabel)
	}
	maps.Copy(merged, ours)
	return merged, !maps.Equal(merged, there)
}
