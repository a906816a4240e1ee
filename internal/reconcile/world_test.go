// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// world is a Pulp server as far as plans are about it: it holds what changes made of it, and
// refuses what Pulp refuses.
type world struct {
	plugins       []string
	remotes       map[string]*object // by name, which is unique over all types
	repositories  map[string]*object
	distributions map[string]*object
	known         Known // what we remember of secrets
}

// object is a remote, repository or distribution. Links are names.
type object struct {
	kind    fleet.RepositoryType
	fields  map[string]any // without nulls
	labels  map[string]string
	secrets map[string]string
}

func newWorld() *world {
	return &world{
		plugins: []string{"core", "deb", "rpm", "file"},
		remotes: map[string]*object{}, repositories: map[string]*object{}, distributions: map[string]*object{}, known: Known{},
	}
}

// clone gives a world of its own.
func (w *world) clone() *world {
	c := newWorld()
	for _, n := range []Noun{Remote, Repository, Distribution} {
		for name, o := range w.objects(n) {
			c.objects(n)[name] = &object{o.kind, maps.Clone(o.fields), maps.Clone(o.labels), maps.Clone(o.secrets)}
		}
	}
	return c
}

func fingerprint(s fleet.Secret) string { return "fingerprint of " + s.Reveal() }

func (w *world) objects(n Noun) map[string]*object {
	return map[Noun]map[string]*object{Remote: w.remotes, Repository: w.repositories, Distribution: w.distributions}[n]
}

func href(n Noun, name string) pulp.Href { return pulp.Href(fmt.Sprintf("/%s/%s/", n, name)) }

// picture shows the world as inventory.Take does.
func (w *world) picture() *inventory.Picture {
	status := pulp.Status{Versions: map[string]string{}}
	for _, p := range w.plugins {
		status.Versions[p] = "3.0.0"
	}
	entries := map[string]*inventory.Repository{}
	entry := func(o *object, name string) *inventory.Repository {
		k := string(o.kind) + "/" + name
		if entries[k] == nil {
			t, _ := content.Find(o.kind)
			entries[k] = &inventory.Repository{Type: t, Name: name}
		}
		return entries[k]
	}
	for name, o := range w.repositories {
		r := &pulp.Repository{Href: href(Repository, name), Name: name, Labels: o.labels, Object: pulp.Keep(o.fields)}
		e := entry(o, name)
		if e.Repository = r; o.fields["remote"] != nil {
			linked := o.fields["remote"].(string)
			r.Remote, e.Linked, e.Remote = href(Remote, linked), true, w.remote(linked)
		}
	}
	for name, o := range w.remotes {
		e := entry(o, name)
		if e.Own = w.remote(name); !e.Linked {
			e.Remote = e.Own
		}
	}
	for name, o := range w.distributions {
		d := &pulp.Distribution{Href: href(Distribution, name), Name: name, Labels: o.labels}
		fields := pulp.Fields{"publication": nil, "repository": nil}
		maps.Copy(fields, o.fields)
		d.Object = pulp.Keep(fields)
		d.BasePath, _ = o.fields["base_path"].(string)
		if served, ok := o.fields["repository"].(string); ok {
			d.Repository = href(Repository, served)
		}
		entry(o, name).Distribution = d
	}
	return inventory.NewPicture("pulp", status, slices.Collect(maps.Values(entries))...)
}

func (w *world) remote(name string) *pulp.Remote {
	o := w.remotes[name]
	if o == nil {
		return nil
	}
	r := &pulp.Remote{Href: href(Remote, name), Name: name, Labels: o.labels, Hidden: map[string]bool{}}
	fields := maps.Clone(pulp.Fields(o.fields))
	for _, hidden := range []string{"username", "password", "client_key"} {
		_, r.Hidden[hidden] = o.secrets[hidden]
	}
	for _, shown := range []string{"ca_cert", "client_cert"} {
		fields[shown] = o.fields[shown]
	}
	r.Object = pulp.Keep(fields)
	return r
}

// apply makes changes as Applier does, and complains about what Pulp would refuse.
func (w *world) apply(changes []Change) error {
	for _, c := range inOrder(changes) {
		if c.Conflict != "" {
			continue
		}
		if err := w.change(c); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		for field, secret := range c.Secrets {
			w.known[SecretKey(c.Name, field)] = fingerprint(secret)
		}
	}
	return nil
}

// inOrder gives changes in the order in which Applier makes them.
func inOrder(changes []Change) []Change {
	groups := groupsOf(changes)
	var all []Change
	for _, wave := range waves(groups) {
		for _, i := range wave {
			all = append(all, groups[i]...)
		}
	}
	return all
}

func (w *world) change(c Change) error {
	objects, name := w.objects(c.Noun), c.Name
	o := objects[name]
	switch {
	case c.Create() && o != nil:
		return fmt.Errorf("the name is a %s %s's", o.kind, c.Noun)
	case c.Create():
		o = &object{kind: c.Type.Name, fields: map[string]any{}, labels: map[string]string{}, secrets: map[string]string{}}
		objects[name] = o
	default:
		name = strings.Split(c.Href, "/")[2]
		if o = objects[name]; o == nil {
			return fmt.Errorf("there is none")
		}
	}
	fields := maps.Clone(c.Fields)
	if _, asked := fields["remote"]; asked && c.Noun == Repository {
		fields["remote"] = c.Name
	}
	if _, asked := fields["repository"]; asked && c.Noun == Distribution {
		fields["repository"] = c.Name
	}
	for field, secret := range c.Secrets {
		switch {
		case field == "ca_cert" || field == "client_cert":
			if fields[field] = any(secret.Reveal()); secret.Empty() {
				fields[field] = nil
			}
		case secret.Empty():
			delete(o.secrets, field)
		default:
			o.secrets[field] = secret.Reveal()
		}
	}
	for field, value := range fields {
		switch {
		case field == "pulp_labels":
			o.labels = maps.Clone(value.(map[string]string))
		case value == nil:
			delete(o.fields, field)
		default:
			o.fields[field] = value
		}
	}
	return w.check(c.Noun, name)
}

// check complains about what Pulp refuses: base paths that meet, and links to what is not there.
func (w *world) check(n Noun, name string) error {
	o := w.objects(n)[name]
	if path, ok := o.fields["base_path"].(string); ok {
		for other, d := range w.distributions {
			there := d.fields["base_path"].(string)
			if other != name && (path+"/" == there+"/" || strings.HasPrefix(path+"/", there+"/") || strings.HasPrefix(there+"/", path+"/")) {
				return fmt.Errorf("base path %q overlaps with %q of %s", path, there, other)
			}
		}
	}
	if served, ok := o.fields["repository"].(string); ok && w.repositories[served] == nil {
		return fmt.Errorf("names repository %s, which is not there", served)
	}
	if linked, ok := o.fields["remote"].(string); ok && w.remotes[linked] == nil {
		return fmt.Errorf("names remote %s, which is not there", linked)
	}
	return nil
}

// linked gives the name of the remote that a repository names.
func (w *world) linked(name string) string {
	if r := w.repositories[name]; r != nil {
		linked, _ := r.fields["remote"].(string)
		return linked
	}
	return ""
}

// wrong says what of a wanted repository is not so; empty: it is all as wanted.
func (w *world) wrong(want Want) string {
	repository, distribution := w.repositories[want.Name], w.distributions[want.Name]
	switch {
	case repository == nil || distribution == nil:
		return "it is not there"
	case repository.kind != want.Type.Name || distribution.kind != want.Type.Name:
		return "it is of another type"
	case distribution.fields["base_path"] != want.BasePath:
		return fmt.Sprintf("its base path is %v", distribution.fields["base_path"])
	case want.Follows && distribution.fields["repository"] != want.Name:
		return fmt.Sprintf("its distribution follows %v", distribution.fields["repository"])
	case len(differing(want.Fields, repository.fields)) > 0:
		return fmt.Sprintf("fields %v", repository.fields)
	}
	for field, value := range want.Labels {
		if repository.labels[field] != value || distribution.labels[field] != value {
			return "it lacks label " + field
		}
	}
	if want.Remote == nil {
		return ""
	}
	remote := w.remotes[want.Name]
	if remote == nil || remote.kind != want.Type.Name || repository.fields["remote"] != want.Name {
		return fmt.Sprintf("its remote is %v", repository.fields["remote"])
	}
	for field, secret := range want.Secrets {
		if remote.secrets[field] != secret.Reveal() && remote.fields[field] != secret.Reveal() {
			return fmt.Sprintf("secret %s is %q%v", field, remote.secrets[field], remote.fields[field])
		}
	}
	for field, value := range want.Remote {
		if _, secret := want.Secrets[field]; !secret && !same(field, value, remote.fields[field]) {
			return fmt.Sprintf("remote's %s is %v", field, remote.fields[field])
		}
	}
	if remote.labels[PrimaryLabel] != string(want.Primary) {
		return fmt.Sprintf("its remote's primary is %q", remote.labels[PrimaryLabel])
	}
	return ""
}

// find gives the type of that name.
func find(t testing.TB, name fleet.RepositoryType) content.Type {
	t.Helper()
	found, ok := content.Find(name)
	if !ok {
		t.Fatalf("no type %s", name)
	}
	return found
}
