// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// One is a snapshot to make, as its child's arguments say: decided before the child starts, so that each
// attempt asks Pulp for the same. The first three are the original's.
type One struct {
	SourceHref string               `json:"source_repo_href"`
	Href       string               `json:"dest_repo_href"` // empty: it is to be created
	Type       fleet.RepositoryType `json:"repo_type"`
	Source     string               `json:"source_repo_name"`
	Name       string               `json:"dest_repo_name"`

	Version     pulp.Href `json:"source_version,omitempty"` // what the source served when that was decided (D106)
	Unchanged   bool      `json:"unchanged,omitempty"`      // the snapshot serves exactly that already
	Problem     string    `json:"problem,omitempty"`        // why it cannot be made
	Remedy      string    `json:"remedy,omitempty"`
	Repository  *Part     `json:"repository,omitempty"`   // what to send; nil: it is as it should be
	PublishedAs *Part     `json:"published_as,omitempty"` // the publication to make; nil: its type has none

	Distribution *Part `json:"distribution,omitempty"`
}

// Part is what is to be sent for an object.
type Part struct {
	Path   string            `json:"path,omitempty"` // of a publication to create
	Href   pulp.Href         `json:"href,omitempty"` // of what is changed; empty: it is created
	Fields map[string]any    `json:"fields,omitempty"`
	Labels map[string]string `json:"labels,omitempty"` // nil: they are as they should be
	Clear  []string          `json:"clear,omitempty"`  // fields to clear, unless they are what is set
}

// plan decides for each source what its snapshot takes.
func (s *snapshots) plan(sources []fleet.Repository) []One {
	all := make([]One, 0, len(sources))
	wants := make([]reconcile.Want, 0, len(sources))
	for _, row := range sources {
		one := One{SourceHref: row.Href, Type: row.Type, Source: row.Name, Name: s.args.prefix() + row.Name}
		source, there := s.survey.find(row.Type, row.Name), s.survey.find(row.Type, one.Name)
		if there.Repository != nil {
			one.Href = string(there.Repository.Href)
		}
		want, err := s.want(&one, source)
		if err != nil {
			one.Problem, one.Remedy = fault.Message(err), fault.Hint(err)
		} else {
			wants = append(wants, want)
		}
		all = append(all, one)
	}
	changes := map[string][]reconcile.Change{}
	for _, c := range reconcile.Plan(wants, s.survey.picture, nil, func(fleet.Secret) string { return "" }) {
		changes[c.Name] = append(changes[c.Name], c)
	}
	for i := range all {
		if all[i].Problem == "" {
			s.decide(&all[i], changes[all[i].Name])
		}
	}
	return all
}

// want gives the wanted state of a snapshot. The error says why it cannot be made.
func (s *snapshots) want(one *One, source inventory.Repository) (reconcile.Want, error) {
	if source.Repository == nil {
		return reconcile.Want{}, fault.New(fault.NotFound, "repository %s is no longer there", one.Source).WithHint("run it again")
	}
	version := served(source)
	if version == "" {
		return reconcile.Want{}, fault.New(fault.Invalid, "repository %s serves nothing, so there is nothing to make a snapshot of", one.Source).
			WithHint("sync or publish it first, or leave it out by regex_exclude")
	}
	if len(one.Name) > maxName {
		return reconcile.Want{}, fault.New(fault.Invalid, "the name %s has %d characters, more than %d", one.Name, len(one.Name), maxName).
			WithHint("take a shorter snapshot_prefix")
	}
	base, err := basePath(source, one.Name, s.settings.rename())
	if err != nil {
		return reconcile.Want{}, err
	}
	one.Version = version
	fields := source.Repository.Fields()
	want := reconcile.Want{
		Type: source.Type, Name: one.Name, Source: "snapshot of " + one.Source, BasePath: base,
		Follows: source.Type.Serving == content.Following,
		Fields:  map[string]any{"description": fields["description"]},
		Labels:  map[string]string{reconcile.OwnerLabel: string(s.server.Name), reconcile.SnapshotLabel: label(version)},
	}
	for _, name := range source.Type.Snapshot.Repository {
		if value, ok := fields[name]; ok {
			want.Fields[name] = value
		}
	}
	return want, nil
}

// basePath gives where a snapshot is served: below its source's base_url, which for a repository that nobody
// defined is where its own distribution lies.
func basePath(source inventory.Repository, name string, rename fleet.Rename) (string, error) {
	if strings.Contains(source.Repository.Description, "base_url:") {
		return fleet.BasePathOf(source.Repository.Description, name, rename)
	}
	base := path.Dir(source.Distribution.BasePath)
	if base == "." {
		base = ""
	}
	return fleet.BasePath(base, name, rename)
}

// label gives a version in a form that stays: its repository's id and its number.
func label(version pulp.Href) string {
	repository, number, _ := version.VersionNumber()
	return fmt.Sprintf("%s/versions/%d", repository.ID(), number)
}

// decide makes of the changes to a snapshot what its child sends.
func (s *snapshots) decide(one *One, changes []reconcile.Change) {
	there := s.survey.find(one.Type, one.Name)
	source := s.survey.find(one.Type, one.Source)
	if one.Unchanged = len(changes) == 0 && s.unchanged(one, source, there); one.Unchanged {
		return
	}
	labels := map[string]string{reconcile.OwnerLabel: string(s.server.Name), reconcile.SnapshotLabel: label(one.Version)}
	one.Distribution = &Part{Labels: labels}
	if d := there.Distribution; d != nil {
		one.Distribution.Href = d.Href
		one.Distribution.Labels = merged(d.Labels, labels)
		fields := d.Fields()
		for _, field := range []string{"publication", "repository", "repository_version"} {
			if value, ok := fields[field]; ok && value != nil {
				one.Distribution.Clear = append(one.Distribution.Clear, field)
			}
		}
	}
	for _, c := range changes {
		fields := withoutLinks(c.Fields)
		switch {
		case c.Conflict != "":
			one.Problem, one.Remedy = one.Name+": "+c.Conflict, "take another snapshot_prefix, or rename or remove what is in the way"
			one.Distribution = nil
			return
		case c.Noun == reconcile.Repository:
			one.Repository = &Part{Href: pulp.Href(c.Href), Fields: fields}
			if labelled, ok := c.Fields["pulp_labels"].(map[string]string); ok {
				one.Repository.Labels = labelled
			}
		case c.Noun == reconcile.Distribution:
			one.Distribution.Fields = fields
		}
	}
	if len(source.Type.Snapshot.Publication) > 0 {
		fields := map[string]any{"pulp_href": string(source.ServedPublication)}
		maps.Copy(fields, s.survey.publications[source.ServedPublication].Fields)
		kind, body := source.Type.Republish(fields)
		one.PublishedAs = &Part{Path: kind, Fields: notEmpty(body)}
	}
}

// unchanged tells whether a snapshot serves what its source serves: the label says which version it is a
// snapshot of, and which of its own versions, which nobody can change, holds that.
func (s *snapshots) unchanged(one *One, source, there inventory.Repository) bool {
	if there.Distribution == nil {
		return false
	}
	repository, number, ok := served(there).VersionNumber()
	mine := there.Distribution.Labels[reconcile.SnapshotVersionLabel]
	if !ok || string(repository) != one.Href || mine != strconv.Itoa(number) {
		return false
	}
	return publishedAs(source.ServedPublication) == publishedAs(there.ServedPublication)
}

// publishedAs gives the path of a publication's kind.
func publishedAs(publication pulp.Href) string {
	return path.Dir(strings.TrimSuffix(string(publication), "/"))
}

// withoutLinks leaves out what the child fills in by itself.
func withoutLinks(fields map[string]any) map[string]any {
	kept := map[string]any{}
	for name, value := range fields {
		switch name {
		case "pulp_labels", "repository", "publication", "repository_version", "remote":
		default:
			kept[name] = value
		}
	}
	return notEmpty(kept)
}

// notEmpty gives nil for no fields, as they are when read back.
func notEmpty(fields map[string]any) map[string]any {
	if len(fields) == 0 {
		return nil
	}
	return fields
}

func merged(there, ours map[string]string) map[string]string {
	all := maps.Clone(there)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, ours)
	delete(all, reconcile.SnapshotVersionLabel) // told when it is known
	return all
}
