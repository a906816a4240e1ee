// SPDX-License-Identifier: Apache-2.0

// Package reposync syncs one repository and serves what came, if it is fit to be served.
package reposync

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/publish"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Stage names, as the original's (legacy section 5.10).
const (
	stageSync    = "sync repo"
	stageClean   = "remove banned packages"
	stagePublish = "publish repo"
)

// Args are a repository sync's arguments. The first two are the original's.
type Args struct {
	RepositoryID fleet.RepositoryID `json:"pulp_server_repo_id"`
	Href         string             `json:"repo_href"`
	SyncOptions  map[string]any     `json:"sync_options,omitempty"`
	Full         bool               `json:"full,omitempty"`  // the sync before did not succeed: look at everything again
	Force        bool               `json:"force,omitempty"` // sync also where nothing has changed
}

// Settings are what a repository sync takes from the configuration.
type Settings struct {
	Unchanged Unchanged
	Bans      Bans
}

// Definition declares the job.
func Definition(settings Settings) job.Definition {
	return job.Definition{
		Kind:    fleet.KindRepoSync,
		Summary: "Sync one repository, take banned packages out of it, publish it and serve it.",
		Stages:  []string{stageSync, stageClean, stagePublish},
		Alone:   true,
		Run:     func(ctx context.Context, r *job.Run) error { return run(ctx, r, settings) },
	}
}

// newSync makes ready to sync the repository that a task is for. It is apart from run, which waits for hours: what only this needs
// is off the stack then.
func newSync(ctx context.Context, r *job.Run, settings Settings) (*sync, error) {
	var args Args
	if err := r.Args(&args); err != nil {
		return nil, err
	}
	row, err := r.Env.Repositories.RepositoryByID(ctx, args.RepositoryID)
	if err != nil {
		return nil, err
	}
	server, err := r.Server(ctx, row.Server)
	if err != nil {
		return nil, err
	}
	s := &sync{
		run: r, server: server, row: row, options: args.SyncOptions, again: args.Full, force: args.Force,
		settings: settings.Unchanged, bans: settings.Bans,
	}
	if s.repository, s.picture = shared(r, row); s.picture != nil {
		s.origins = s.picture.Origins
	}
	return s, nil
}

func run(ctx context.Context, r *job.Run, settings Settings) error {
	s, err := newSync(ctx, r, settings)
	if err != nil {
		return err
	}
	synced, err := job.Stage(ctx, r, stageSync, s.sync)
	if err != nil || synced.Unchanged {
		return err
	}
	cleaned, err := job.Stage(ctx, r, stageClean, func(ctx context.Context, p *job.Progress) (Cleaned, error) { return s.clean(ctx, p, synced) })
	if err != nil {
		return err
	}
	_, err = job.Stage(ctx, r, stagePublish, func(ctx context.Context, p *job.Progress) (job.None, error) {
		return job.None{}, s.publish(ctx, p, synced, cleaned)
	})
	return err
}

// shared gives the repository from the picture that a group sync took, if there is one.
func shared(r *job.Run, row fleet.Repository) (*inventory.Repository, *inventory.Picture) {
	picture, ok := job.Shared[*inventory.Picture](r)
	if !ok || r.Resumed() { // what an earlier attempt began may have changed it since
		return nil, nil
	}
	if row.LastAttempt.After(r.SharedSince()) { // another run has, and may have published what it then failed to serve
		return nil, nil
	}
	return picture.Find(row.Type, row.Name), picture
}

// sync is one run.
type sync struct {
	run        *job.Run
	server     *job.Server
	row        fleet.Repository
	options    map[string]any
	again      bool // the sync before did not succeed
	force      bool // sync also where nothing has changed
	settings   Unchanged
	bans       Bans
	seen       *Seen     // what this sync is made from; nil: not known
	last       pulp.Href // publication that the last good sync of the newest version served; empty: not known
	origins    inventory.Origins
	repository *inventory.Repository
	picture    *inventory.Picture
}

// Synced is what the sync stage found out for the stages after it.
type Synced struct {
	Newest      pulp.Href `json:"newest"`
	Publication pulp.Href `json:"publication,omitempty"` // that Pulp made itself
	Method      string    `json:"method"`
	Changed     bool      `json:"changed"`
	Unchanged   bool      `json:"unchanged,omitempty"` // nothing was synced: everything is as it was
	Last        pulp.Href `json:"last,omitempty"`      // publication that the last good sync of the same version served
	Seen        *Seen     `json:"seen,omitempty"`
}

// look makes sure there is a view of the repository: the group's, or one of its own.
func (s *sync) look(ctx context.Context, p *job.Progress) error {
	if s.repository == nil {
		hands := p.Hands(s.server)
		err := hands.Try(ctx, func(ctx context.Context) error {
			var err error
			if s.picture, err = inventory.TakeOne(ctx, s.server.Client, s.server.Name, s.row.Type, s.row.Name); err != nil {
				return err
			}
			s.picture.Origins = s.origins // seen before this sync all the same
			s.repository = s.picture.Find(s.row.Type, s.row.Name)
			if s.repository == nil || s.repository.Repository == nil {
				return nil
			}
			return s.picture.Serve(ctx, s.server.Client, s.repository.Repository.Href)
		})
		if err != nil {
			return err
		}
	}
	switch {
	case s.repository == nil || s.repository.Repository == nil:
		return fault.New(fault.NotFound, "server %s: repository %s is not there any more", s.server.Name, s.row.Name)
	case !s.repository.Linked || s.repository.Remote == nil:
		return fault.New(fault.Invalid, "server %s: repository %s has no remote to sync from", s.server.Name, s.row.Name).
			WithHint("give its definition a url, or leave it out of the group")
	}
	return s.repository.Type.CheckSyncOptions(s.options)
}

// mirrored tells whether the repository is a secondary's copy of a primary's.
func (s *sync) mirrored() bool { return primaryOf(s.repository) != "" }

// primaryOf names the server that a repository is mirrored from; empty: it comes from outside.
func primaryOf(r *inventory.Repository) string { return r.Remote.Labels[reconcile.PrimaryLabel] }

func (s *sync) methods() []content.Method {
	if s.mirrored() {
		return s.repository.Type.MirrorSync
	}
	return []content.Method{s.repository.Type.Sync}
}

func (s *sync) publish(ctx context.Context, p *job.Progress, synced Synced, cleaned Cleaned) error {
	// What an earlier attempt asked for may be served by now: then nothing is asked for again.
	if err := p.Settle(ctx, s.server); err != nil {
		return err
	}
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return err
	}
	err = s.serve(ctx, p, synced, cleaned)
	if err := unlock(); err != nil {
		return err
	}
	return err
}

// refresh drops the view of the repository where another run has gone on with it since it was taken:
// each notes in the store, under the repository's lock, what it has brought and what it serves, and at its end that there was
// an attempt. Newest is the newest version we know.
func (s *sync) refresh(ctx context.Context, newest pulp.Href) error {
	row, err := s.run.Env.Repositories.RepositoryByID(ctx, s.row.ID)
	if err != nil {
		return err
	}
	overtaken := !row.LastAttempt.Equal(s.row.LastAttempt)
	s.row.LatestVersion, s.row.ServedVersion, s.row.LastAttempt = row.LatestVersion, row.ServedVersion, row.LastAttempt
	if s.repository != nil && (overtaken || string(newest) != row.LatestVersion || s.repository.Served != row.ServedVersion ||
		s.repository.Distribution == nil) { // it was being registered
		s.repository, s.picture = nil, nil
	}
	return nil
}

// overtaken tells whether another run has brought a later version than ours: that one sees to serving it.
func (s *sync) overtaken(newest pulp.Href) bool {
	return later(pulp.Href(s.row.LatestVersion), newest)
}

func (s *sync) serve(ctx context.Context, p *job.Progress, synced Synced, cleaned Cleaned) error {
	if err := s.refresh(ctx, cleaned.Newest); err != nil {
		return err
	}
	if cleaned.Left || s.overtaken(cleaned.Newest) {
		p.Say(ctx, "left to another run, which has brought a later version")
		return nil
	}
	if err := s.look(ctx, p); err != nil {
		return err
	}
	request := publish.Request{
		Repository: s.repository, Newest: cleaned.Serve, Publications: s.picture.PublicationsOf(cleaned.Serve), Mirrored: s.mirrored(),
		Looked: cleaned.Looked,
	}
	for _, m := range s.methods() {
		if m.Name == synced.Method {
			request.Method = m
		}
	}
	if made := s.made(synced); made != "" && cleaned.Serve == synced.Newest {
		request.Publications = []pulp.Href{made}
	}
	request.Theirs = s.theirs(p)
	done, err := publish.Serve(ctx, p.Hands(s.server), request)
	switch {
	case err != nil:
		return err
	case done.Unchanged:
		if !cleaned.Looked {
			if err := s.asked(ctx, p, cleaned.Serve, 1); err != nil { // whether it is empty was looked at before it was served
				return err
			}
		}
		done.Publication = s.repository.ServedPublication
		p.Say(ctx, "unchanged: the newest version is served already")
	default:
		p.Say(ctx, "published: %d %ss served", done.Units, s.repository.Type.Noun)
	}
	if err := s.run.Env.Repositories.SetServed(ctx, s.row.ID, string(cleaned.Newest), string(cleaned.Serve)); err != nil {
		return err
	}
	if cleaned.Serve != cleaned.Newest {
		return nil
	}
	synced.Newest = cleaned.Newest
	return s.remember(ctx, synced, done.Publication)
}

// asked makes sure that a version, to which so many units were added, has what its remote asks for. One that is
// served already is looked at, too: where a definition begins to ask for what upstream lacks, Pulp makes no new
// version, and says that all is well.
func (s *sync) asked(ctx context.Context, p *job.Progress, version pulp.Href, added int) error {
	t := s.repository.Type
	if t.Guard == nil || s.mirrored() || version == "" {
		return nil
	}
	err := t.Guard(ctx, content.Version{
		Href: string(version), Remote: s.repository.Remote.Fields(), List: publish.Lister(p.Hands(s.server)), Added: added,
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "repository %s: %s", s.row.Name, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	return nil
}
