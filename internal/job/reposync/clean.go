// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/ban"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Bans say what is taken out of which repositories.
type Bans struct {
	Banned   func() *fleet.Pattern  // names of packages; nil, or giving nil: none
	Internal func(feed string) bool // repositories with such a feed are left as they are; nil: no feed is internal (D66)
}

// Cleaned is what the stage of the bans found out for the stage after it.
type Cleaned struct {
	Newest pulp.Href `json:"newest"`
	Serve  pulp.Href `json:"serve"`            // the version to serve: the newest, or the served one where it shows the same
	Looked bool      `json:"looked,omitempty"` // what was asked for was looked for before something was taken out
	Left   bool      `json:"left,omitempty"`   // to another run, which has brought a later version
}

// pattern gives the pattern of the names of banned packages, or why none is banned from this repository.
func (s *sync) pattern() (*fleet.Pattern, string) {
	pattern := s.bans.pattern()
	if pattern == nil {
		return nil, "no packages are banned"
	}
	t := s.repository.Type
	switch {
	case !t.Packages.Banned:
		return nil, fmt.Sprintf("no %ss are banned from %s repositories", t.Noun, t.Name)
	case s.mirrored():
		return nil, "it is a mirror of the one on " + primaryOf(s.repository)
	case s.bans.Internal != nil && s.bans.Internal(s.repository.Remote.URL):
		return nil, "its feed is internal"
	}
	return pattern, ""
}

// publishesItself refuses a sync by which Pulp would itself publish what has not been cleaned.
func (s *sync) publishesItself() error {
	if pattern, _ := s.pattern(); pattern == nil {
		return nil
	}
	if s.repository.Repository.Fields()["autopublish"] == true {
		return fault.New(fault.Conflict, "server %s: repository %s publishes whatever a sync brings by itself (autopublish), banned packages too: not synced",
			s.server.Name, s.row.Name).WithHint("set autopublish to false on the repository in Pulp, or take banned_package_regex out of the configuration")
	}
	for _, m := range s.repository.Type.MirrorSync {
		if !m.Publishes {
			continue
		}
		for option, value := range m.Options {
			if s.options[option] == value || s.options["mirror"] == true {
				return fault.New(fault.Invalid, "repository %s: with these sync options Pulp publishes what it syncs by itself, banned packages too: not synced",
					s.row.Name).WithHint("leave out the options that mirror, or take banned_package_regex out of the configuration")
			}
		}
	}
	return nil
}

// nothingBanned tells why no package is banned from this repository, as far as that is known without asking Pulp.
func (s *sync) nothingBanned() (why string) {
	if s.repository == nil && s.bans.pattern() != nil {
		return ""
	}
	_, why = s.pattern()
	return why
}

func (b Bans) pattern() *fleet.Pattern {
	if b.Banned == nil {
		return nil
	}
	return b.Banned()
}

// clean takes banned packages out of what the sync brought.
func (s *sync) clean(ctx context.Context, p *job.Progress, synced Synced) (Cleaned, error) {
	if err := p.Settle(ctx, s.server); err != nil {
		return Cleaned{}, err
	}
	if why := s.nothingBanned(); why != "" {
		p.Say(ctx, "skipped: %s", why)
		return Cleaned{Newest: synced.Newest, Serve: synced.Newest}, nil
	}
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return Cleaned{}, err
	}
	cleaned, err := s.cleanLocked(ctx, p, synced)
	if unlockErr := unlock(); err == nil {
		err = unlockErr
	}
	return cleaned, err
}

func (s *sync) cleanLocked(ctx context.Context, p *job.Progress, synced Synced) (Cleaned, error) {
	made, err := p.Made(ctx)
	if err != nil {
		return Cleaned{}, err
	}
	if err := s.refresh(ctx, synced.Newest); err != nil {
		return Cleaned{}, err
	}
	if s.overtaken(synced.Newest) && !slices.Contains(made, pulp.Href(s.row.LatestVersion)) {
		p.Say(ctx, "left to another run, which has brought a later version")
		return Cleaned{Newest: synced.Newest, Left: true}, nil
	}
	if err := s.look(ctx, p); err != nil {
		return Cleaned{}, err
	}
	pattern, why := s.pattern()
	if pattern == nil {
		p.Say(ctx, "skipped: %s", why)
		return Cleaned{Newest: synced.Newest, Serve: synced.Newest}, nil
	}
	request := ban.Request{
		Repository: s.repository, Pattern: pattern, Cleaned: made, Tell: func(ctx context.Context, d ban.Done) { s.removing(ctx, p, d) },
		Look: func(ctx context.Context, v pulp.RepositoryVersion) error {
			return s.asked(ctx, p, v.Href, v.Added[s.repository.Type.Units])
		},
	}
	if synced.Changed {
		request.Synced = synced.Newest
	}
	done, err := ban.Clean(ctx, p.Hands(s.server), request)
	if err != nil {
		return Cleaned{}, err
	}
	if s.cleanedUp(ctx, p, done); done.Count > 0 {
		s.run.Observe().Banned(s.server.Name, done.Count)
	}
	if done.Newest != synced.Newest && !done.Cleaned { // somebody else's: what was seen of the repository is not all
		s.repository, s.picture = nil, nil
	}
	cleaned := Cleaned{Newest: done.Newest, Serve: done.Serve, Looked: done.Cleaned}
	if string(done.Newest) == s.row.LatestVersion {
		return cleaned, nil
	}
	return cleaned, s.run.Env.Repositories.SetServed(ctx, s.row.ID, string(done.Newest), s.row.ServedVersion)
}

// shownNames bounds the names in a stage's message.
const shownNames = 10

// removing tells what is about to be taken out: all in the detail, as far as it is bounded, and the first in
// the message.
func (s *sync) removing(ctx context.Context, p *job.Progress, d ban.Done) {
	p.Show(ctx, "removed", d.Removed)
	p.Show(ctx, "removed_count", d.Count)
	p.Say(ctx, "taking out %s", s.names(d))
}

func (s *sync) names(d ban.Done) string {
	var names []string
	for _, u := range d.Removed[:min(len(d.Removed), shownNames)] {
		names = append(names, u.String())
	}
	text := fmt.Sprintf("%d banned %ss: %s", d.Count, s.repository.Type.Noun, strings.Join(names, ", "))
	if d.Count == 1 {
		text = fmt.Sprintf("1 banned %s: %s", s.repository.Type.Noun, strings.Join(names, ", "))
	}
	if more := d.Count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if d.With > 0 {
		text += fmt.Sprintf("; and what named nothing else (%d)", d.With)
	}
	return text
}

// cleanedUp tells what has been done.
func (s *sync) cleanedUp(ctx context.Context, p *job.Progress, d ban.Done) {
	switch {
	case d.Count > 0:
		text := "taken out: " + s.names(d)
		p.Show(ctx, "task_href", string(d.Task))
		if d.Serve == pulp.Href(s.repository.Served) {
			text += "; what is left is served already"
		}
		p.Say(ctx, "%s", text)
	case d.Cleaned:
		p.Say(ctx, "banned %ss were taken out before this was resumed", s.repository.Type.Noun)
	default:
		p.Say(ctx, "nothing to remove")
	}
}
