// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"
)

// SyncRecord is what the last wholly successful sync of a repository was made from, and what it came
// to. Its basis is forgotten before the next sync is asked for, so there is none of a sync that failed,
// was canceled or was killed.
type SyncRecord struct {
	Repository  RepositoryID
	Basis       SyncBasis
	Version     string    // newest, and served, at its end
	Publication string    // that served it; empty: its type has none
	Synced      time.Time // before it was asked for
}

// SyncBasis is what decides what a sync brings, as it is before the sync is asked for.
type SyncBasis struct {
	Source  SyncSource `json:"source"`
	Options string     `json:"options"` // hash of what the sync is asked for
	Fields  string     `json:"fields"`  // hash of what the remote and the repository say
}

// SyncSource is the state of what a repository syncs from: of a primary the publication that it
// serves, of an upstream outside the files that tell whether it has changed.
type SyncSource struct {
	Server      ServerName   `json:"server,omitempty"`
	Version     string       `json:"version,omitempty"`
	Publication string       `json:"publication,omitempty"` // empty: its type has none
	Published   string       `json:"published,omitempty"`   // when that publication was made, in Pulp's words
	Files       []SourceFile `json:"files,omitempty"`
}

// SourceFile is one file of an upstream, and what to ask by whether it is still the same.
type SourceFile struct {
	URL          string `json:"url"`
	SHA256       string `json:"sha256,omitempty"` // empty: it is not there
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// Known tells whether the state is known at all.
func (s SyncSource) Known() bool { return s.Version != "" || len(s.Files) > 0 }

// Same tells whether both are known and the same bytes are read from them.
func (s SyncSource) Same(o SyncSource) bool {
	return s.Known() && s.Server == o.Server && s.Version == o.Version && s.Publication == o.Publication && s.Published == o.Published &&
		slices.EqualFunc(s.Files, o.Files, func(a, b SourceFile) bool { return a.URL == b.URL && a.SHA256 == b.SHA256 })
}

// SyncState is what a server has and serves of a repository.
type SyncState struct {
	Newest      string
	Served      string // empty: nothing, or not in the way it must
	Publication string
}

// Changed tells in a few words why the repository has to be synced; empty: all is as the record says.
// A record older than the interval, or of the future, counts for nothing.
func (r SyncRecord) Changed(now SyncBasis, have SyncState, at time.Time, interval time.Duration) string {
	age := at.Sub(r.Synced)
	switch {
	case r.Synced.IsZero(), !r.Basis.Source.Known():
		return "it is not known what its last good sync was made from"
	case !now.Source.Known():
		return "it is not known what its source serves"
	case !now.Source.Same(r.Basis.Source):
		return "its source has changed"
	case now.Options != r.Basis.Options:
		return "it is asked for with other options"
	case now.Fields != r.Basis.Fields:
		return "its remote or repository has changed"
	case r.Version == "" || have.Newest != r.Version:
		return "its newest version is not the one that was synced"
	case have.Served != r.Version || have.Publication != r.Publication:
		return "what is served is not what was synced"
	case interval <= 0 || age < 0 || age >= interval:
		return "its last real sync is too long ago"
	}
	return ""
}

// UnchangedSync is a child that has nothing to do, as its record says.
type UnchangedSync struct {
	Stage  Stage // the child's only one, as it is when it is over
	Record SyncRecord
}
