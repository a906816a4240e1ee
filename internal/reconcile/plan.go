// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// Noun is what a change is about.
type Noun string

// The parts of a repository, in the order they are created.
const (
	Remote       Noun = "remote"
	Repository   Noun = "repository"
	Distribution Noun = "distribution"
)

// Change is one thing to create or update on a server, or a reason why that cannot be.
type Change struct {
	Type    content.Type
	Name    string
	Noun    Noun
	Href    string                  // of what is updated; empty: it is created
	Fields  map[string]any          // to send; links to the other parts are filled in when they exist
	Secrets map[string]fleet.Secret // to send with them
	// Conflict says why the repository is left alone; nothing else is set then.
	Conflict string
	Source   string
}

// Create tells whether the change makes something new.
func (c Change) Create() bool { return c.Href == "" && c.Conflict == "" }

// String tells a change in a few words, without values.
func (c Change) String() string {
	switch {
	case c.Conflict != "":
		return fmt.Sprintf("%s: %s", c.Name, c.Conflict)
	case c.Create():
		return fmt.Sprintf("create %s %s", c.Noun, c.Name)
	}
	names := slices.Sorted(maps.Keys(c.Fields))
	for _, s := range slices.Sorted(maps.Keys(c.Secrets)) {
		names = append(names, s+" (secret)")
	}
	return fmt.Sprintf("update %s %s: %s", c.Noun, c.Name, strings.Join(names, ", "))
}

// Fingerprint gives what is remembered of a secret instead of it.
type Fingerprint func(fleet.Secret) string

// Known are the fingerprints of the secrets last sent to a server, by SecretKey.
type Known map[string]string

// SecretKey is the key under which a secret of a remote is remembered.
func SecretKey(remote, field string) string { return remote + "/" + field }

// Plan gives the changes that make have into want, in the order of want: for each repository its
// remote, itself, its distribution. Nothing to do gives nothing. What is wanted twice, or is in the
// way of another, is a conflict and left alone.
func Plan(want []Want, have *inventory.Picture, known Known, fingerprint Fingerprint) []Change {
	names, paths := taken(have)
	var changes []Change
	for _, w := range want {
		if why := conflict(w, have, names, paths); why != "" {
			changes = append(changes, Change{Type: w.Type, Name: w.Name, Conflict: why, Source: w.Source})
			continue
		}
		names[w.Name], paths[w.BasePath] = w.Source, w.Name
		there := have.Find(w.Type.Name, w.Name)
		if there == nil {
			there = &inventory.Repository{}
		}
		for _, c := range []*Change{remoteChange(w, there, known, fingerprint), repositoryChange(w, there), distributionChange(w, there)} {
			if c != nil {
				c.Type, c.Name, c.Source = w.Type, w.Name, w.Source
				changes = append(changes, *c)
			}
		}
	}
	return changes
}

// taken gives the names wanted so far (none) and the base paths that distributions have, by
// the distribution's name.
func taken(have *inventory.Picture) (names, paths map[string]string) {
	names, paths = map[string]string{}, map[string]string{}
	for _, r := range have.Repositories {
		if r.Distribution != nil {
			paths[r.Distribution.BasePath] = r.Distribution.Name
		}
	}
	return names, paths
}

// conflict says why a repository cannot be made as wanted; empty: it can.
func conflict(w Want, have *inventory.Picture, names, paths map[string]string) string {
	if !have.Status.Has(w.Type.Component) {
		return fmt.Sprintf("the server lacks Pulp's plugin for %s repositories", w.Type.Name)
	}
	if by, ok := names[w.Name]; ok {
		return fmt.Sprintf("the name is wanted twice: also by %s", by)
	}
	for _, t := range have.Types {
		if t.Name == w.Type.Name {
			continue
		}
		if r := have.Find(t.Name, w.Name); r != nil {
			return fmt.Sprintf("the server has a %s repository, remote or distribution of that name", t.Name)
		}
	}
	if by, ok := paths[w.BasePath]; ok && by != w.Name {
		return fmt.Sprintf("base path %q is taken by distribution %s", w.BasePath, by)
	}
	for path := range parents(w.BasePath) {
		if by, ok := paths[path]; ok && by != w.Name {
			return fmt.Sprintf("base path %q lies below %q of distribution %s", w.BasePath, path, by)
		}
	}
	return ""
}

// parents gives the paths above a path.
func parents(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
			if !yield(path[:i]) {
				return
			}
		}
	}
}

func remoteChange(w Want, there *inventory.Repository, known Known, fingerprint Fingerprint) *Change {
	if w.Remote == nil {
		return nil
	}
	labels := maps.Clone(w.Labels)
	if w.Primary != "" {
		labels[PrimaryLabel] = string(w.Primary)
	}
	if there.Remote == nil {
		fields := withoutNulls(w.Remote)
		fields["name"], fields["pulp_labels"] = w.Name, labels
		return &Change{Noun: Remote, Fields: fields, Secrets: w.Secrets}
	}
	fields := differing(w.Remote, there.Remote.Fields)
	if merged, ok := mergeLabels(labels, there.Remote.Labels, w.Primary == ""); ok {
		fields["pulp_labels"] = merged
	}
	secrets := map[string]fleet.Secret{}
	for field, secret := range w.Secrets {
		if set, hidden := there.Remote.Hidden[field]; (hidden && !set) || known[SecretKey(w.Name, field)] != fingerprint(secret) {
			secrets[field] = secret
		}
	}
	if len(fields)+len(secrets) == 0 {
		return nil
	}
	return &Change{Noun: Remote, Href: string(there.Remote.Href), Fields: fields, Secrets: secrets}
}

func repositoryChange(w Want, there *inventory.Repository) *Change {
	if there.Repository == nil {
		fields := withoutNulls(w.Fields)
		fields["name"], fields["pulp_labels"] = w.Name, w.Labels
		return &Change{Noun: Repository, Fields: fields}
	}
	fields := differing(w.Fields, there.Repository.Fields)
	if w.Remote != nil && (there.Remote == nil || there.Repository.Remote != there.Remote.Href) {
		fields["remote"] = nil // filled in when the remote exists
	}
	if merged, ok := mergeLabels(w.Labels, there.Repository.Labels, false); ok {
		fields["pulp_labels"] = merged
	}
	if len(fields) == 0 {
		return nil
	}
	return &Change{Noun: Repository, Href: string(there.Repository.Href), Fields: fields}
}

func distributionChange(w Want, there *inventory.Repository) *Change {
	if there.Distribution == nil {
		fields := map[string]any{"name": w.Name, "base_path": w.BasePath, "pulp_labels": w.Labels}
		if w.Follows {
			fields["repository"] = nil // filled in when the repository exists
		}
		return &Change{Noun: Distribution, Fields: fields}
	}
	have, fields := there.Distribution, map[string]any{}
	if have.BasePath != w.BasePath {
		fields["base_path"] = w.BasePath
	}
	if w.Follows && (there.Repository == nil || have.Repository != there.Repository.Href) {
		fields["repository"] = nil // filled in
		for _, other := range []string{"publication", "repository_version"} {
			if _, ok := have.Fields[other]; ok {
				fields[other] = nil
			}
		}
	}
	if merged, ok := mergeLabels(w.Labels, have.Labels, false); ok {
		fields["pulp_labels"] = merged
	}
	if len(fields) == 0 {
		return nil
	}
	return &Change{Noun: Distribution, Href: string(have.Href), Fields: fields}
}

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
		s = certificates(s)
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
