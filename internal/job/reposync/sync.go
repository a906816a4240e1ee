// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// sync asks Pulp to sync the repository, by the first method that Pulp does not refuse.
func (s *sync) sync(ctx context.Context, p *job.Progress) (Synced, error) {
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return Synced{}, err
	}
	synced, err := s.locked(ctx, p)
	if unlockErr := unlock(); err == nil {
		err = unlockErr
	}
	return synced, err
}

// locked syncs when there is a slot for it. It is taken after the lock, so one who waits for a
// repository keeps nobody from syncing another.
func (s *sync) locked(ctx context.Context, p *job.Progress) (Synced, error) {
	if p.Waited() {
		s.repository, s.picture = nil, nil
	}
	if s.repository != nil && s.repository.Repository != nil {
		if err := s.refresh(ctx, s.repository.Repository.LatestVersion); err != nil {
			return Synced{}, err
		}
	}
	if err := s.look(ctx, p); err != nil {
		return Synced{}, err
	}
	if synced, same, err := s.unchanged(ctx, p); err != nil || same {
		return synced, err
	}
	if err := s.publishesItself(); err != nil {
		return Synced{}, err
	}
	upstream := ""
	if !s.mirrored() { // a primary is ours: what it bears is its own limit
		upstream = host(s.repository.Remote.URL)
	}
	s.server.Saw(s.picture.Status)
	release, err := s.run.Acquire(ctx, p, s.server, upstream)
	if err != nil {
		return Synced{}, err
	}
	defer release()
	synced, err := s.byMethods(ctx, p)
	synced.Seen, synced.Last = s.seen, s.last
	if err != nil || !synced.Changed {
		return synced, err
	}
	newest := synced.Newest
	if seen := s.repository.Repository.LatestVersion; later(seen, newest) {
		newest = seen // what an earlier attempt's sync brought: others have gone on since, and must not be forgotten
	}
	return synced, s.run.Env.Repositories.SetServed(ctx, s.row.ID, string(newest), s.repository.Served)
}

// later tells whether a version of a repository came after another one.
func later(a, b pulp.Href) bool {
	_, first, known := a.VersionNumber()
	_, second, ok := b.VersionNumber()
	return known && ok && first > second
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
		body := s.body(m)
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
		s.run.TellSynced(s.server, &task)
		return s.result(ctx, p, step, m, &task, i > 0)
	}
	return Synced{}, fault.New(fault.Internal, "type %s has no way to sync", s.repository.Type.Name)
}

// body is what a sync by a method asks Pulp for. It is not put into who waits for that, whose stack would have a copy of the type.
//
//go:noinline
func (s *sync) body(m content.Method) pulp.Fields {
	return s.repository.Type.SyncBody(m, s.options, s.full(m))
}

// result tells what a sync by a method brought.
func (s *sync) result(ctx context.Context, p *job.Progress, step string, m content.Method, task *pulp.Task, second bool) (Synced, error) {
	before := s.repository.Repository.LatestVersion
	if err := s.lookAgain(ctx, p, step, task); err != nil {
		return Synced{}, err
	}
	synced, err := s.read(ctx, p, m, task, second)
	synced.Changed = synced.Changed || synced.Newest != before
	return synced, err
}

// lookAgain looks at the repository anew where its sync was tried again and then found nothing to do: an attempt that failed
// may have brought a version before its worker died.
func (s *sync) lookAgain(ctx context.Context, p *job.Progress, step string, task *pulp.Task) error {
	if _, made := task.CreatedVersion(); made || !p.Retried(step) {
		return nil
	}
	s.repository, s.picture = nil, nil
	return s.look(ctx, p)
}

// full tells whether Pulp should look at everything again, instead of skipping a feed that has not
// changed: after a run that did not succeed, what it would skip may be why; and where a mirror's own
// publication is gone, only that brings it back.
func (s *sync) full(m content.Method) bool {
	t, newest := s.repository.Type, s.repository.Repository.LatestVersion
	if t.FullSince != "" && !s.picture.Status.AtLeast(t.Component, t.FullSince) {
		return false
	}
	if s.mirrored() {
		_, number, _ := newest.VersionNumber()
		lost := len(s.picture.PublicationsOf(newest)) == 0 || s.again || s.row.SyncFailed()
		return m.Publishes && number > 0 && lost
	}
	return s.again || s.row.SyncFailed()
}

// read tells from the ended Pulp task what the sync brought.
func (s *sync) read(ctx context.Context, p *job.Progress, m content.Method, task *pulp.Task, second bool) (Synced, error) {
	synced := Synced{Newest: s.repository.Repository.LatestVersion, Method: m.Name}
	if version, ok := task.CreatedVersion(); ok {
		synced.Newest, synced.Changed = version, true
	} else if slices.Contains(task.CreatedResources, "") {
		return synced, fault.New(fault.NotFound, "repository %s: the version that its sync made is gone", s.row.Name).
			WithHint("somebody deleted it, or the whole repository, while this ran: run it again, after registering the definition where the repository is gone")
	}
	if publication, ok := task.CreatedPublication(); ok {
		synced.Publication = publication
	}
	if err := s.parsedNothing(task); err != nil {
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
func (s *sync) parsedNothing(task *pulp.Task) error {
	t := s.repository.Type
	if s.mirrored() {
		return nil
	}
	for _, report := range task.Progress {
		if slices.Contains(t.Parsed, report.Code) && report.Done == 0 {
			return fault.New(fault.Invalid, "repository %s: upstream has no %ss", s.row.Name, t.Noun).
				WithHint("check its url, and ask whoever runs the upstream; what was served before is served on")
		}
	}
	return nil
}
