// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"fmt"
	"net/url"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// sync asks Pulp to sync the repository, by the first method that Pulp does not refuse.
func (s *sync) sync(ctx context.Context, p *job.Progress) (Synced, error) {
	if err := s.look(ctx, p); err != nil {
		return Synced{}, err
	}
	release, err := s.run.Env.Limits.Acquire(ctx, string(s.server.Name), host(s.repository.Remote.URL))
	if err != nil {
		return Synced{}, err
	}
	defer release()
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return Synced{}, err
	}
	synced, err := s.byMethods(ctx, p)
	if unlockErr := unlock(); err == nil {
		err = unlockErr
	}
	return synced, err
}

// host gives the host of a feed, which bounds how many syncs read from it at a time.
func host(feed string) string {
	u, err := url.Parse(feed)
	if err != nil {
		return feed
	}
	return u.Host
}

func (s *sync) byMethods(ctx context.Context, p *job.Progress) (Synced, error) {
	methods := s.methods()
	for i, m := range methods {
		step := "sync of " + s.row.Name
		if i > 0 {
			step += " by " + m.Name
		}
		body := s.repository.Type.SyncBody(m, s.options, s.full())
		task, err := p.Hands(s.server).Task(ctx, step, func(ctx context.Context) (pulp.Href, error) {
			return s.server.Client.Sync(ctx, s.repository.Repository.Href, body)
		})
		if err != nil && i+1 < len(methods) && content.Refused(err) {
			s.run.Log.Warn("sync method refused", "server", s.server.Name, "repository", s.row.Name, "method", m.Name, "err", err)
			p.Say(ctx, "Pulp cannot sync it by %s: trying %s, which does not keep the primary's metadata byte for byte", m.Name, methods[i+1].Name)
			continue
		}
		if err != nil {
			return Synced{}, err
		}
		return s.read(ctx, p, m, task, i > 0)
	}
	return Synced{}, fault.New(fault.Internal, "type %s has no way to sync", s.repository.Type.Name)
}

// full tells whether Pulp should look at everything again: after a failed run, what Pulp would skip as
// unchanged may be what failed.
func (s *sync) full() bool {
	t := s.repository.Type
	return !s.mirrored() && s.row.LastAttemptState == fleet.Failed &&
		(t.FullSince == "" || s.picture.Status.AtLeast(t.Component, t.FullSince))
}

// read tells from the ended Pulp task what the sync brought.
func (s *sync) read(ctx context.Context, p *job.Progress, m content.Method, task pulp.Task, second bool) (Synced, error) {
	synced := Synced{Newest: s.repository.Repository.LatestVersion, Method: m.Name}
	if version, ok := task.CreatedVersion(); ok {
		synced.Newest, synced.Changed = version, true
		if publication, ok := task.CreatedPublication(); ok {
			synced.Publication = publication
		}
	}
	if err := s.parsedNothing(m, task); err != nil {
		return synced, err
	}
	text := "no change upstream"
	if synced.Changed {
		text = "new version"
	}
	if second {
		text = fmt.Sprintf("%s, by %s: published by this server itself, not a byte for byte copy of the primary's metadata", text, m.Name)
	}
	p.Say(ctx, "%s", text)
	return synced, nil
}

// parsedNothing tells an upstream without any packages: Pulp says how many it read, and that
// all is well.
func (s *sync) parsedNothing(_ content.Method, task pulp.Task) error {
	t := s.repository.Type
	if t.Parsed == "" || s.mirrored() {
		return nil
	}
	for _, report := range task.Progress {
		if report.Code == t.Parsed && report.Done == 0 {
			return fault.New(fault.Invalid, "repository %s: upstream has no %ss", s.row.Name, t.Noun).
				WithHint("check its url, and ask whoever runs the upstream; what was served before is served on")
		}
	}
	return nil
}
