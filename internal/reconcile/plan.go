// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
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
	Before  map[string]any          // values of Fields as they are; only where something is updated
	Secrets map[string]fleet.Secret // to send with them; an empty one is cleared
	ByHand  []string                // fields that somebody else changed since we set them; see Blame
	After   []string                // repositories whose distributions leave its place first
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
// way of another, is a conflict and left alone. A distribution that takes a place that another leaves
// comes after that one; two that would change places are a conflict: one of them would have none for a moment.
func Plan(want []Want, have *inventory.Picture, known Known, fingerprint Fingerprint) []Change {
	in := inTheWay(want, have)
	var changes []Change
	for i, w := range want {
		if why := in.conflicts[i]; why != "" {
			changes = append(changes, Change{Type: w.Type, Name: w.Name, Conflict: why, Source: w.Source})
			continue
		}
		there := partsOf(w, have)
		for _, c := range []*Change{remoteChange(w, there, have.Status.AtLeast, known, fingerprint), repositoryChange(w, there), distributionChange(w, there)} {
			if c != nil {
				c.Type, c.Name, c.Source, c.After = w.Type, w.Name, w.Source, in.after[i]
				changes = append(changes, *c)
			}
		}
	}
	return changes
}

// before gives the values that fields have.
func before(fields, have map[string]any, labels map[string]string) map[string]any {
	old := make(map[string]any, len(fields))
	for field := range fields {
		if old[field] = have[field]; field == "pulp_labels" {
			old[field] = labels
		}
	}
	return old
}

// partsOf gives what there is of a wanted repository. Its remote is the one of its name: another that the
// repository names may be another repository's too, and each would set it its own way.
func partsOf(w Want, have *inventory.Picture) *inventory.Repository {
	there := have.Find(w.Type.Name, w.Name)
	if there == nil {
		return &inventory.Repository{}
	}
	parts := *there
	parts.Remote = there.Own
	return &parts
}

func remoteChange(w Want, there *inventory.Repository, atLeast func(component, version string) bool, known Known, fingerprint Fingerprint) *Change {
	if w.Remote == nil {
		return nil
	}
	labels := maps.Clone(w.Labels)
	if w.Primary != "" {
		labels[PrimaryLabel] = string(w.Primary)
	}
	if there.Remote == nil {
		fields := withoutNulls(w.Type.OnServer(w.Remote, nil, atLeast))
		fields["name"], fields["pulp_labels"] = w.Name, labels
		return &Change{Noun: Remote, Fields: fields, Secrets: w.Secrets}
	}
	have := there.Remote.Fields()
	fields := differing(w.Type.OnServer(w.Remote, have, atLeast), have)
	if merged, ok := mergeLabels(labels, there.Remote.Labels, w.Primary == ""); ok {
		fields["pulp_labels"] = merged
	}
	secrets := changedSecrets(w, there.Remote, known, fingerprint)
	for field := range w.Secrets {
		delete(fields, field) // a definition's own certificate, say, goes before the common one
	}
	if len(fields)+len(secrets) == 0 {
		return nil
	}
	return &Change{
		Noun: Remote, Href: string(there.Remote.Href), Fields: fields, Secrets: secrets,
		Before: before(fields, have, there.Remote.Labels),
	}
}

// changedSecrets gives the secrets to send: those that Pulp shows and are others, those that it hides
// and were not sent or are gone, and an empty one for each that was sent before and is wanted no
// longer (D67).
func changedSecrets(w Want, there *pulp.Remote, known Known, fingerprint Fingerprint) map[string]fleet.Secret {
	changed, fields := map[string]fleet.Secret{}, there.Fields()
	for field, secret := range w.Secrets {
		set, hidden := there.Hidden[field]
		shown, visible := fields[field]
		switch {
		case visible && !hidden:
			if !same(field, secret.Reveal(), shown) {
				changed[field] = secret
			}
		case hidden && !set, known[SecretKey(w.Name, field)] != fingerprint(secret):
			changed[field] = secret
		}
	}
	if w.Primary != "" { // what another upstream was given is not the primary's to see
		for field, set := range there.Hidden {
			if _, wanted := w.Secrets[field]; set && !wanted {
				changed[field] = fleet.Secret{}
			}
		}
	}
	none := fingerprint(fleet.Secret{})
	forget := func(field string, isSet bool) {
		sent, ok := known[SecretKey(w.Name, field)]
		_, wanted := w.Secrets[field]
		_, ours := w.Remote[field]
		if ok && sent != none && isSet && !wanted && !ours {
			changed[field] = fleet.Secret{}
		}
	}
	for field, set := range there.Hidden {
		forget(field, set)
	}
	for field, value := range fields {
		forget(field, value != nil)
	}
	return changed
}

func repositoryChange(w Want, there *inventory.Repository) *Change {
	if there.Repository == nil {
		fields := withoutNulls(w.Fields)
		fields["name"], fields["pulp_labels"] = w.Name, w.Labels
		if w.Remote != nil {
			fields["remote"] = nil // filled in when the remote exists
		}
		return &Change{Noun: Repository, Fields: fields}
	}
	have := there.Repository.Fields()
	fields := differing(w.Fields, have)
	if w.Remote != nil && (there.Remote == nil || there.Repository.Remote != there.Remote.Href) {
		fields["remote"] = nil // filled in when the remote exists
	}
	if merged, ok := mergeLabels(w.Labels, there.Repository.Labels, false); ok {
		fields["pulp_labels"] = merged
	}
	if len(fields) == 0 {
		return nil
	}
	return &Change{
		Noun: Repository, Href: string(there.Repository.Href), Fields: fields,
		Before: before(fields, have, there.Repository.Labels),
	}
}

func distributionChange(w Want, there *inventory.Repository) *Change {
	if there.Distribution == nil {
		fields := map[string]any{"name": w.Name, "base_path": w.BasePath, "pulp_labels": w.Labels}
		if w.Follows {
			fields["repository"] = nil // filled in when the repository exists
		}
		return &Change{Noun: Distribution, Fields: fields}
	}
	have, has, fields := there.Distribution, there.Distribution.Fields(), map[string]any{}
	if have.BasePath != w.BasePath {
		fields["base_path"] = w.BasePath
	}
	if w.Follows && (there.Repository == nil || have.Repository != there.Repository.Href) {
		fields["repository"] = nil // filled in
		for _, other := range []string{"publication", "repository_version"} {
			if _, ok := has[other]; ok {
				fields[other] = nil
			}
		}
	}
	if version := pin(w, there); version != "" {
		fields["repository"], fields["repository_version"] = nil, version
	}
	if merged, ok := mergeLabels(w.Labels, have.Labels, false); ok {
		fields["pulp_labels"] = merged
	}
	if len(fields) == 0 {
		return nil
	}
	was := before(fields, has, have.Labels)
	if _, moves := fields["base_path"]; moves {
		was["base_path"] = have.BasePath
	}
	return &Change{Noun: Distribution, Href: string(have.Href), Fields: fields, Before: was}
}

// pin gives the version that a distribution should name which follows its repository, where that is going to
// be synced and what came is to be looked at before it is served; empty: it is as it should be.
func pin(w Want, there *inventory.Repository) string {
	if w.Follows || w.Type.Serving != content.PinnedVersion || there.Repository == nil || there.Distribution.Repository != there.Repository.Href {
		return ""
	}
	return string(there.Repository.LatestVersion)
}
