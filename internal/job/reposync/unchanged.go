// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"slices"
	"time"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Unchanged are the settings by which a repository is known not to need a sync.
type Unchanged struct {
	// FullSyncInterval is how long a repository of which nothing has changed is not really synced; nil
	// or 0: it is each time.
	FullSyncInterval func() time.Duration
	// ProbeUpstream tells whether upstreams outside are asked by us whether they have changed; nil: no.
	ProbeUpstream func() bool
	// Banned is the pattern of the packages that are taken out of what comes from outside; nil or
	// empty: none are.
	Banned func() string
}

// Seen is what a sync is made from, noted before it is asked for and remembered once all of it is served.
type Seen struct {
	Basis fleet.SyncBasis `json:"basis"`
	At    time.Time       `json:"at"`
}

// unchanged tells whether there is nothing to sync: everything is as the last good sync saw it and left
// it. Else it forgets that sync, so that nothing is known until this one has fully succeeded, and notes
// what this one is made from.
func (s *sync) unchanged(ctx context.Context, p *job.Progress) (Synced, bool, error) {
	record, err := s.run.Env.SyncRecords.SyncRecord(ctx, s.row.ID)
	if err != nil {
		return Synced{}, false, err
	}
	if s.run.Resumed() { // what it syncs may have been asked for long ago
		return Synced{}, false, s.forget(ctx, record)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	basis := s.repository.Basis(s.source(ctx, record), s.methods(), s.options, s.banned())
	reason := record.Changed(basis, s.repository.State(), now, s.settings.interval())
	switch {
	case s.force:
		reason = "it is asked for in any case"
	case len(s.options) > 0:
		reason = "it is asked for with options"
	case s.again || s.row.SyncFailed():
		reason = "the sync before did not succeed"
	}
	if reason == "" {
		p.Say(ctx, "unchanged since %s: %s, and so does this server",
			record.Synced.UTC().Format(time.RFC3339), servesTheSame(record.Basis.Source))
		return Synced{Newest: s.repository.Repository.LatestVersion, Unchanged: true}, true, nil
	}
	s.run.Log.Debug("to be synced", "server", s.server.Name, "repository", s.row.Name, "because", reason)
	if basis.Source.Known() {
		s.seen = &Seen{Basis: basis, At: now}
	}
	return Synced{}, false, s.forget(ctx, record)
}

func servesTheSame(source fleet.SyncSource) string {
	if source.Server != "" {
		return string(source.Server) + " serves what was mirrored then"
	}
	return "its upstream serves what was synced then"
}

// source gives the state of what the repository syncs from; a zero one where it is not known for certain.
func (s *sync) source(ctx context.Context, record fleet.SyncRecord) fleet.SyncSource {
	if s.mirrored() {
		return origin(s.picture, s.repository)
	}
	if s.settings.ProbeUpstream == nil || !s.settings.ProbeUpstream() || s.settings.interval() <= 0 {
		return fleet.SyncSource{}
	}
	files, err := probe(ctx, s.repository, record.Basis.Source.Files)
	if err != nil {
		s.run.Log.Debug("upstream not probed", "server", s.server.Name, "repository", s.row.Name, "err", err)
		return fleet.SyncSource{}
	}
	return fleet.SyncSource{Files: files}
}

// origin gives what the primary that the repository is mirrored from serves of it.
func origin(picture *inventory.Picture, r *inventory.Repository) fleet.SyncSource {
	source := picture.Origins.Of(r.Type.Name, r.Name)
	if string(source.Server) != primaryOf(r) {
		return fleet.SyncSource{}
	}
	return source
}

// banned is the pattern of what is taken out of this repository: of a mirror nothing is.
func (s *sync) banned() string {
	if s.mirrored() || s.settings.Banned == nil {
		return ""
	}
	return s.settings.Banned()
}

func (s *sync) forget(ctx context.Context, record fleet.SyncRecord) error {
	if record.Version == string(s.repository.Repository.LatestVersion) {
		s.last = pulp.Href(record.Publication)
	}
	if !record.Basis.Source.Known() {
		return nil
	}
	return s.run.Env.SyncRecords.ForgetSyncRecord(ctx, s.run.Lease, s.row.ID)
}

// made gives the publication to serve that Pulp made of what was synced: the one this sync made, or else
// the one the last good sync served, where it is still there: the primary may have published that version
// more than once, and Pulp skips what it mirrored last. Empty where there is none, or it is not known.
func (s *sync) made(synced Synced) pulp.Href {
	if synced.Publication != "" {
		return synced.Publication
	}
	itself := slices.ContainsFunc(s.methods(), func(m content.Method) bool { return m.Name == synced.Method && m.Publishes })
	if itself && slices.Contains(s.picture.PublicationsOf(synced.Newest), synced.Last) {
		return synced.Last
	}
	return ""
}

// remember notes what the version that is served now was made from.
func (s *sync) remember(ctx context.Context, synced Synced, publication pulp.Href) error {
	if synced.Seen == nil || synced.Newest == "" {
		return nil
	}
	return s.run.Env.SyncRecords.SaveSyncRecord(ctx, s.run.Lease, fleet.SyncRecord{
		Repository: s.row.ID, Basis: synced.Seen.Basis, Version: string(synced.Newest), Publication: string(publication), Synced: synced.Seen.At,
	})
}

func (u Unchanged) interval() time.Duration {
	if u.FullSyncInterval == nil {
		return 0
	}
	return u.FullSyncInterval()
}
