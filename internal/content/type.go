// SPDX-License-Identifier: Apache-2.0

// Package content says what differs between repository types. A type is data: one
// file, one variable in the list below. No other package compares a type's name.
package content

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// Serving is how a type's distributions choose what they serve, where we sync.
type Serving int

const (
	// Pinned: the distribution names a publication and is switched once what it would serve
	// has been looked at.
	Pinned Serving = iota
	// Following: the distribution names the repository and serves its newest publication; what
	// it would serve is looked at before it is published.
	Following
	// PinnedVersion: the distribution names a repository version and is switched once that has been
	// looked at. For types that have no publications.
	PinnedVersion
)

// Type is one kind of repository. What it declares is shared by all who have one, and nobody changes it.
type Type struct{ *declaration }

// declaration is what is said of a type, once in the program.
type declaration struct {
	Name      fleet.RepositoryType
	Component string // in Pulp's status
	Path      string // of its repositories and remotes: "deb/apt"
	// DistributionPath is the path of its distributions where it differs from Path.
	DistributionPath string
	// OtherPaths are further lists of its repositories, which have no remotes. Not each version of Pulp has them.
	OtherPaths     []string
	Units          string // key of its packages in a version's content summary
	Noun           string // what a unit is called: package, file
	Serving        Serving
	Signs          string // repository's field that names the signing service of its metadata; empty: none
	SigningSetting string // key of [pulp] in config.ini that gives the service's name; empty: none

	// Options are the keys its definitions may have beyond the common ones.
	Options []Option
	// Remote gives a remote's fields beyond the common ones, for a definition's options.
	Remote func(options map[string]any) map[string]any
	// CheckURL gives a definition's url in the form that Pulp's sync needs; Invalid. May be nil.
	CheckURL func(address string) (string, error)
	// Renamed are fields of the remote that older versions of Pulp call otherwise.
	Renamed []Renaming

	// Feed gives the url a secondary's remote reads, from the primary's scheme and host and the base path
	// of its distribution there.
	Feed func(address, basePath string) string
	// Mirror gives the fields of a secondary's remote beyond the common ones.
	Mirror func(ctx context.Context, s Source) (map[string]any, error)
	// Signature says how a mirror checks who signed the metadata that the primary serves; nil: it cannot.
	Signature *Signature
	// MirrorReadsRemote tells that Mirror, or telling who signed what is mirrored, needs the fields of the
	// primary's own remote.
	MirrorReadsRemote bool
	// MirrorLogin tells that a secondary logs in to the primary with the primary's account to read it.
	MirrorLogin bool

	// Sync is what the sync request of a repository with an outside feed says; MirrorSync what that
	// of a secondary says, best first: the next is tried where Pulp refuses one.
	Sync       Method
	MirrorSync []Method
	// Full makes Pulp look at everything again, where it would skip an unchanged feed. FullSince is
	// the component's version that understands it; empty: all.
	Full      map[string]any
	FullSince string
	// SyncOptions are the options a person may set.
	SyncOptions []string

	// Publication gives the path and the body of the publication to make of a repository whose
	// remote has these fields (nil: it has none). Nil where the type has no publications.
	Publication func(remote map[string]any) (path string, body map[string]any)

	// Snapshot says how a version becomes a repository of its own; nil: it cannot.
	Snapshot *Snapshot

	// Packages says how its units are listed and named.
	Packages Packages
	// Hidden are the kinds of content, as a version's content summary names them, that a publication
	// of ours does not show: versions that differ in nothing else are served alike.
	Hidden []string

	// Parsed are the codes of the progress report that counts the feed's units, of which a version of Pulp has
	// one; none: it does not tell.
	Parsed []string
	// Probe gives the urls of the files upstream that tell, for a remote with these fields, whether anything
	// has changed there: of each group at least one must be there, and none may have changed. Nil, or no
	// group: they do not tell.
	Probe func(remote map[string]any) [][]string
	// Guard looks for what a sync was asked for and did not bring, in a version that is not
	// served yet. The error is Invalid and says what is not there. May be nil.
	Guard func(ctx context.Context, v Version) error
	// GuardMirror looks for what the primary serves and a mirror's sync did not bring, where Pulp does
	// not tell. The error is Invalid. May be nil.
	GuardMirror func(ctx context.Context, ours, theirs Version) error

	// Place is where on a server clients read a distribution, with a slash at its end; nil: below the
	// address of Pulp's content.
	Place func(basePath string) string
	// Read reads a repository as a client does, given the fields of its remote (nil: it has none).
	Read func(ctx context.Context, fetch Fetch, remote map[string]any) (View, error)
}

// Renaming is a field of a remote that Pulp called otherwise before a version of the component.
type Renaming struct{ Field, Was, Since string }

// Method is one way to sync.
type Method struct {
	Name    string // for people: "mirror", "mirror_complete"
	Options map[string]any
	// Publishes tells that Pulp makes the publication itself.
	Publishes bool
	// Publication gives the path and body of the publication to make of what was synced so; nil:
	// as Type.Publication.
	Publication func() (path string, body map[string]any)
}

// Source is the primary's side of a mirrored repository.
type Source struct {
	BasePath  string         // of the primary's distribution
	Remote    map[string]any // fields of the primary's remote; nil: it has none
	Version   string         // href of the version the primary serves; empty: nothing
	PublicKey string         // armored, of whoever signed the metadata the primary serves; empty: it is not signed
	// Mirror are the fields of the secondary's remote, where it has already mirrored this very version by
	// them; else nil.
	Mirror map[string]any
	List   List // asks the primary
}

// Packages says how the units of a type are listed and named.
type Packages struct {
	Path   string   // of their list below content/: "deb/packages"
	Fields []string // to ask for, with pulp_href
	// Filters are the list's filters for what a person looks for: "name", "version", "sha256".
	Filters map[string]string
	// HashPrefix is what the filter "sha256" wants before a hash.
	HashPrefix string
	Unit       func(fields map[string]any) Unit
	// Recursive tells that a repository has no "modify/", but a "remove/" that takes out a unit with what only that needs.
	Recursive bool
	// Banned tells that banned packages are taken out of what is synced from outside.
	Banned bool
	// Referring are the kinds of content that name them, and that Pulp leaves when it takes them out.
	Referring []Referring
}

// Unit is a package, a file or a tag as people name it.
type Unit struct {
	Href         string `json:"pulp_href"`
	Name         string `json:"name"`
	Version      string `json:"version,omitempty"`
	Architecture string `json:"architecture,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
}

// String tells a unit in the words of its type's tools: name version architecture, as far as it has them.
func (u Unit) String() string {
	return strings.Join(slices.DeleteFunc([]string{u.Name, u.Version, u.Architecture}, func(s string) bool { return s == "" }), " ")
}

// Version is a repository version that is about to be served.
type Version struct {
	Href   string
	Remote map[string]any // fields of the remote it was synced from; nil: not asked for
	Added  int            // units added by it
	List   List           // asks the server it is on
}

// List asks a Pulp server for objects: path is relative to the API's root.
type List func(ctx context.Context, path string, query url.Values) ([]map[string]any, error)

// Fetch reads a file of a distribution as clients do; NotFound where it is not served.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// View is what a client sees of a repository.
type View struct {
	// Metadata are the files whose bytes clients verify everything else by: path → content.
	Metadata map[string][]byte
	Units    []string // name and version of each package, sorted
}

// DistributionKind is the path of the type's distributions.
func (t Type) DistributionKind() string {
	if t.DistributionPath != "" {
		return t.DistributionPath
	}
	return t.Path
}

// CheckSyncOptions refuses options that the type's sync does not know (D96).
func (t Type) CheckSyncOptions(options map[string]any) error {
	for key := range options {
		known := false
		for _, o := range t.SyncOptions {
			known = known || o == key
		}
		if !known {
			return fault.New(fault.Invalid, "sync option %q does not exist for %s repositories", key, t.Name).
				WithHint("known options are %v", t.SyncOptions)
		}
	}
	return nil
}

// Option is a key of a definition that only one type knows.
type Option struct {
	Name string
	Doc  string
	// Required tells that a definition with a url must have it.
	Required bool
	// Check gives the value in the form Remote expects; Invalid.
	Check func(value any) (any, error)
}

// types are all there are, in the order users see them.
var types = []Type{deb, rpm, file, python, container}

// Types gives all types.
func Types() []Type { return append([]Type(nil), types...) }

// Find gives the type of that name.
func Find(name fleet.RepositoryType) (Type, bool) {
	for _, t := range types {
		if t.Name == name {
			return t, true
		}
	}
	return Type{}, false
}

// Catalog is the list of types in the form that the reader of definitions needs.
type Catalog struct{}

// Known gives the names of all types.
func (Catalog) Known() []fleet.RepositoryType {
	var names []fleet.RepositoryType
	for _, t := range types {
		names = append(names, t.Name)
	}
	return names
}

// Check gives a definition's options in the form their type expects. Unknown keys and bad
// values are Invalid.
func (Catalog) Check(name fleet.RepositoryType, options map[string]any) (map[string]any, error) {
	t, ok := Find(name)
	if !ok {
		return nil, fault.New(fault.Invalid, "content_repo_type %q is not known", name).
			WithHint("known types are %v", Catalog{}.Known())
	}
	checked := map[string]any{}
	for key, value := range options {
		found := false
		for _, o := range t.Options {
			if o.Name != key {
				continue
			}
			found = true
			v, err := o.Check(value)
			if err != nil {
				return nil, fault.Wrap(fault.KindOf(err), err, "%s: %s", key, fault.Message(err))
			}
			checked[key] = v
		}
		if !found {
			return nil, fault.New(fault.Invalid, "key %q does not exist for %s repositories", key, name)
		}
	}
	return checked, nil
}

// Feed gives the url of a definition with these checked options in the form that a sync of the type
// needs. Invalid where the type needs more to sync than there is.
func (Catalog) Feed(name fleet.RepositoryType, address string, options map[string]any) (string, error) {
	t, ok := Find(name)
	if !ok {
		return "", fault.New(fault.Invalid, "content_repo_type %q is not known", name)
	}
	for _, o := range t.Options {
		if _, given := options[o.Name]; o.Required && !given {
			return "", fault.New(fault.Invalid, "key %q is missing: %s repositories with a url need it", o.Name, name).WithHint("%s", o.Doc)
		}
	}
	if t.CheckURL == nil {
		return address, nil
	}
	return t.CheckURL(address)
}

// OnServer gives fields of a remote by the names that a server has for them. There are the fields of the
// remote there; nil: it is to be created. AtLeast tells whether the server has a version of a component.
func (t Type) OnServer(fields, there map[string]any, atLeast func(component, version string) bool) map[string]any {
	if len(t.Renamed) == 0 {
		return fields
	}
	named := maps.Clone(fields)
	for _, r := range t.Renamed {
		value, ok := named[r.Field]
		_, known := there[r.Field]
		if !ok || known || (there == nil && atLeast(t.Component, r.Since)) {
			continue
		}
		delete(named, r.Field)
		named[r.Was] = value
	}
	return named
}
