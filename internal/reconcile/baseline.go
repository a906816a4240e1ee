// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Baselines are how we last left a server's objects.
type Baselines = map[fleet.BaselineKey]fleet.Baseline

const (
	hashed = "sha256:"
	// ownLink stands for a link to the part of the same name.
	ownLink = "its own"
	// longText is the length from which only a text's hash is kept.
	longText = 300
)

// Left gives how wanted repositories are left by a run: those that are on the server as wanted, which a plan made
// of the picture has nothing more to do to.
func Left(want []Want, have *inventory.Picture, plan []Change) []fleet.Baseline {
	todo := map[string]bool{}
	for _, c := range plan {
		todo[c.Name] = true
	}
	var all []fleet.Baseline
	for _, w := range want {
		there := have.Find(w.Type.Name, w.Name)
		if todo[w.Name] || there == nil {
			continue
		}
		found := parts(there)
		for noun, fields := range wantedFields(w) {
			if p, ok := found[noun]; ok {
				all = append(all, baseline(w, noun, p, fields))
			}
		}
	}
	return all
}

// wantedFields gives the names of the fields that a wanted repository says something about, without secrets.
func wantedFields(w Want) map[Noun][]string {
	fields := map[Noun][]string{Repository: slices.Collect(maps.Keys(w.Fields)), Distribution: {"base_path"}}
	if w.Follows {
		fields[Distribution] = append(fields[Distribution], "repository")
	}
	if w.Remote == nil {
		return fields
	}
	fields[Repository] = append(fields[Repository], "remote")
	for field := range w.Remote {
		if _, secret := w.Secrets[field]; !secret {
			fields[Remote] = append(fields[Remote], field)
		}
	}
	return fields
}

// baseline is an object that is as wanted: what Pulp has of it, in Pulp's own form.
func baseline(w Want, noun Noun, p part, fields []string) fleet.Baseline {
	b := fleet.Baseline{Noun: string(noun), Name: w.Name, Type: w.Type.Name, Href: string(p.href), Fields: map[string]any{}}
	for _, field := range fields {
		b.Fields[field] = kept(field, p.fields[field])
	}
	return b
}

// kept gives a value in the form in which it is remembered: as it is compared, long texts by their hash.
func kept(field string, value any) any {
	v := normal(field, value)
	if s, ok := v.(string); ok && len(s) >= longText {
		sum := sha256.Sum256([]byte(s))
		return hashed + hex.EncodeToString(sum[:])
	}
	return v
}

// News gives those baselines that the store does not have so.
func News(left []fleet.Baseline, known Baselines) []fleet.Baseline {
	return slices.DeleteFunc(slices.Clone(left), func(b fleet.Baseline) bool {
		old, ok := known[fleet.BaselineKey{Noun: b.Noun, Name: b.Name}]
		return ok && reflect.DeepEqual(old, b)
	})
}

// part is an object of a server as far as it is compared with a baseline.
type part struct {
	href   pulp.Href
	labels map[string]string
	fields map[string]any
}

// parts gives the objects of a repository; those that are not there are missing.
func parts(r *inventory.Repository) map[Noun]part {
	found := map[Noun]part{}
	if r == nil {
		return found
	}
	if r.Own != nil {
		found[Remote] = part{r.Own.Href, r.Own.Labels, r.Own.Fields()}
	}
	if r.Repository != nil {
		fields := r.Repository.Fields()
		if r.Own != nil && r.Repository.Remote == r.Own.Href {
			fields["remote"] = ownLink
		}
		found[Repository] = part{r.Repository.Href, r.Repository.Labels, fields}
	}
	if r.Distribution != nil {
		fields := r.Distribution.Fields()
		fields["base_path"] = r.Distribution.BasePath
		if r.Repository != nil && r.Distribution.Repository == r.Repository.Href {
			fields["repository"] = ownLink
		}
		found[Distribution] = part{r.Distribution.Href, r.Distribution.Labels, fields}
	}
	return found
}

// Drift tells, by repository, what is no longer as we left it. A repository that is gone itself is not in it:
// the store marks that missing.
func Drift(have *inventory.Picture, known Baselines) map[string][]string {
	drift := map[string][]string{}
	for _, b := range fleet.SortedBaselines(known) {
		there := have.Find(b.Type, b.Name)
		if there == nil || there.Repository == nil {
			continue
		}
		found, ok := parts(there)[Noun(b.Noun)]
		switch {
		case !ok:
			drift[b.Name] = append(drift[b.Name], fmt.Sprintf("its %s was deleted", b.Noun))
		case b.Href != string(found.href):
			drift[b.Name] = append(drift[b.Name], fmt.Sprintf("its %s was deleted and made anew by somebody else", b.Noun))
		default:
			drift[b.Name] = append(drift[b.Name], changedBy(b, found)...)
		}
	}
	return drift
}

// changedBy tells the fields of an object that differ from how we left it.
func changedBy(b fleet.Baseline, found part) []string {
	var texts []string
	if _, ours := found.labels[OwnerLabel]; !ours {
		texts = append(texts, fmt.Sprintf("label %s was taken from its %s", OwnerLabel, b.Noun))
	}
	for _, field := range slices.Sorted(maps.Keys(b.Fields)) {
		if now := found.fields[field]; !reflect.DeepEqual(b.Fields[field], kept(field, now)) {
			texts = append(texts, fmt.Sprintf("%s of its %s was changed from %s to %s", field, b.Noun, show(field, b.Fields[field]), show(field, now)))
		}
	}
	return texts
}

// Blame marks the fields of a plan that somebody else changed since we set them: their value is neither what we
// left nor what is wanted.
func Blame(plan []Change, have *inventory.Picture, known Baselines) {
	for i, c := range plan {
		b, ok := known[fleet.BaselineKey{Noun: string(c.Noun), Name: c.Name}]
		found, there := parts(have.Find(c.Type.Name, c.Name))[c.Noun]
		if !ok || !there || b.Href != string(found.href) {
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(c.Fields)) {
			left, ours := b.Fields[field]
			if ours && !reflect.DeepEqual(left, kept(field, found.fields[field])) {
				plan[i].ByHand = append(plan[i].ByHand, field)
			}
			if _, labelled := found.labels[OwnerLabel]; field == "pulp_labels" && !labelled {
				plan[i].ByHand = append(plan[i].ByHand, "label "+OwnerLabel)
			}
		}
	}
}
