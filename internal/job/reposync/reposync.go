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
	stagePublish = "publish repo"
)

// Args are a repository sync's arguments. The first two are the original's.
type Args struct {
	RepositoryID fleet.RepositoryID `json:"pulp_server_repo_id"`
	Href         string             `json:"repo_href"`
	SyncOptions  map[string]any     `json:"sync_options,omitempty"`
	Full         bool               `json:"full,omitempty"` // the sync before did not succeed: look at everything again
}

// Definition declares the job.
func Definition() job.Definition {
	return job.Definition{
		Kind:    fleet.KindRepoSync,
		Summary: "Sync one repository, publish it and serve it.",
		Stages:  []string{stageSync, stagePublish},
		Run:     run,
	}
}

func run(ctx context.Context, r *job.Run) error {
	var args Args
	if err := r.Args(&args); err != nil {
		return err
	}
	row, err := r.Env.Repositories.RepositoryByID(ctx, args.RepositoryID)
	if err != nil {
		return err
	}
	server, err := r.Server(ctx, row.Server)
	if err != nil {
		return err
	}
	s := &sync{run: r, server: server, row: row, options: args.SyncOptions, again: args.Full}
	s.repository, s.picture = shared(r, row)
	synced, err := job.Stage(ctx, r, stageSync, s.sync)
	if err != nil {
		return err
	}
	_, err = job.Stage(ctx, r, stagePublish, func(ctx context.Context, p *job.Progress) (job.None, error) {
		return job.None{}, s.publish(ctx, p, synced)
	})
	return err
}

// shared gives the repository from the picture that a group sync took, if there is one.
func shared(r *job.Run, row fleet.Repository) (*inventory.Repository, *inventory.Picture) {
	picture, ok := job.Shared[*inventory.Picture](r)
	if !ok {
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
	repository *inventory.Repository
	picture    *inventory.Picture
}

// Synced is what the sync stage found out for the stages after it.
type Synced struct {
	Newest      pulp.Href `json:"newest"`
	Publication pulp.Href `json:"publication,omitempty"` // that Pulp made itself
	Method      string    `json:"method"`
	Changed     bool      `json:"changed"`
}

// look makes sure there is a view of the repository: the group's, or one of its own.
func (s *sync) look(ctx context.Context, p *job.Progress) error {
	if s.repository == nil {
		hands := p.Hands(s.server)
		err := hands.Try(ctx, func(ctx context.Context) error {
			var err error
			if s.picture, err = inventory.Take(ctx, s.server.Client, s.server.Name, s.row.Name); err != nil {
				return err
			}
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
func (s *sync) mirrored() bool { return s.repository.Remote.Labels[reconcile.PrimaryLabel] != "" }

func (s *sync) methods() []content.Method {
	if s.mirrored() {
		return s.repository.Type.MirrorSync
	}
	return []content.Method{s.repository.Type.Sync}
}

func (s *sync) publish(ctx context.Context, p *job.Progress, synced Synced) error {
	// What an earlier attempt asked for may be served by now: then nothing is asked for again.
	if err := p.Settle(ctx, s.server); err != nil {
		return err
	}
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return err
	}
	err = s.serve(ctx, p, synced)
	if err := unlock(); err != nil {
		return err
	}
	return err
}

// refresh drops the view of the repository where another run has gone on with it since it was taken:
// each notes in the store, under the repository's lock, what it has brought and what it serves. Newest is
// the newest version we know.
func (s *sync) refresh(ctx context.Context, newest pulp.Href) error {
	row, err := s.run.Env.Repositories.RepositoryByID(ctx, s.row.ID)
	if err != nil {
		return err
	}
	s.row.LatestVersion, s.row.ServedVersion = row.LatestVersion, row.ServedVersion
	if s.repository != nil && (string(newest) != row.LatestVersion || s.repository.Served != row.ServedVersion ||
		s.repository.Distribution == nil) { // it was being registered
		s.repository, s.picture = nil, nil
	}
	return nil
}

// overtaken tells whether another run has brought a later version than ours: that one sees to serving it.
func (s *sync) overtaken(synced Synced) bool {
	_, ours, known := synced.Newest.VersionNumber()
	_, newest, ok := pulp.Href(s.row.LatestVersion).VersionNumber()
	return known && ok && newest > ours
}

func (s *sync) serve(ctx context.Context, p *job.Progress, synced Synced) error {
	if err := s.refresh(ctx, synced.Newest); err != nil {
		return err
	}
	if s.overtaken(synced) {
		p.Say(ctx, "left to another run, which has brought a later version")
		return nil
	}
	if err := s.look(ctx, p); err != nil {
		return err
	}
	request := publish.Request{
		Repository: s.repository, Newest: synced.Newest, Publications: s.picture.PublicationsOf(synced.Newest), Mirrored: s.mirrored(),
	}
	for _, m := range s.methods() {
		if m.Name == synced.Method {
			request.Method = m
		}
	}
	if synced.Publication != "" {
		request.Publications = []pulp.Href{synced.Publication}
	}
	done, err := publish.Serve(ctx, p.Hands(s.server), request)
	switch {
	case err != nil:
		return err
	case done.Unchanged:
		if err := s.asked(ctx, p, synced.Newest); err != nil {
			return err
		}
		p.Say(ctx, "unchanged: the newest version is served already")
	default:
		p.Say(ctx, "published: %d %ss served", done.Units, s.repository.Type.Noun)
	}
	return s.run.Env.Repositories.SetServed(ctx, s.row.ID, string(synced.Newest), string(synced.Newest))
}

// asked makes sure that a version which is served already has what its remote asks for: where a definition
// begins to ask for what upstream lacks, Pulp makes no new version, and says that all is well.
func (s *sync) asked(ctx context.Context, p *job.Progress, served pulp.Href) error {
	t := s.repository.Type
	if t.Guard == nil || s.mirrored() || served == "" {
		return nil
	}
	err := t.Guard(ctx, content.Version{
		Href: string(served), Remote: s.repository.Remote.Fields, List: publish.Lister(p.Hands(s.server)),
		Added: 1, // whether it is empty was looked at before it was served
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "repository %s: %s", s.row.Name, fault.Message(err)).WithHint("%s", fault.Hint(err))
	}
	return nil
}
