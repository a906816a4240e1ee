// SPDX-License-Identifier: Apache-2.0

package removecontent

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/publish"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Modified is what removing came to.
type Modified struct {
	Newest  pulp.Href `json:"newest"`
	Changed bool      `json:"changed"`
}

// modify takes the unit out of what is the newest version when Pulp does it: with a base version, what came
// in the meantime would go with it.
func (s *removal) modify(ctx context.Context, p *job.Progress, found Found) (Modified, error) {
	if found.Gone {
		p.Say(ctx, "nothing to remove")
		return Modified{Newest: found.Newest}, nil
	}
	var task pulp.Task
	err := s.locked(ctx, p, func() error {
		var err error
		task, err = p.Hands(s.server).Task(ctx, "remove from "+s.row.Name, func(ctx context.Context) (pulp.Href, error) {
			units := []pulp.Href{s.unit}
			if t, _ := content.Find(s.row.Type); t.Packages.Recursive {
				return s.server.Client.RemoveContent(ctx, pulp.Href(s.row.Href), units)
			}
			return s.server.Client.Modify(ctx, pulp.Href(s.row.Href), pulp.Fields{"remove_content_units": units})
		})
		return err
	})
	if err != nil {
		return Modified{}, err
	}
	newest, changed := task.CreatedVersion()
	if !changed {
		p.Say(ctx, "nothing has changed: somebody else has removed it")
		return Modified{Newest: found.Newest}, nil
	}
	p.Say(ctx, "removed")
	return Modified{Newest: newest, Changed: true}, nil
}

// locked does something while nobody else changes the repository.
func (s *removal) locked(ctx context.Context, p *job.Progress, do func() error) error {
	unlock, err := p.Hands(s.server).Lock(ctx, s.row.Name)
	if err != nil {
		return err
	}
	err = do()
	if unlockErr := unlock(); err == nil {
		err = unlockErr
	}
	return err
}

// publish serves what is left.
func (s *removal) publish(ctx context.Context, p *job.Progress, found Found, modified Modified) error {
	// What an earlier attempt asked for may be served by now: then nothing is asked for again.
	if err := p.Settle(ctx, s.server); err != nil {
		return err
	}
	return s.locked(ctx, p, func() error { return s.serve(ctx, p, found, modified) })
}

func (s *removal) serve(ctx context.Context, p *job.Progress, found Found, modified Modified) error {
	picture, r, err := s.look(ctx, p)
	if err != nil {
		return err
	}
	newest := r.Repository.LatestVersion
	if newest != modified.Newest && r.Linked {
		p.Say(ctx, "left to another run, which has brought a later version")
		return nil
	}
	publications, before := picture.PublicationsOf(newest), 0
	if newest == found.Newest {
		before = found.Published
	}
	done, err := publish.Serve(ctx, p.Hands(s.server), publish.Request{
		Repository: r, Newest: newest, Publications: publications, Method: r.Type.Sync,
		ByHand: true, Empty: s.args.forced(), Again: s.args.forced() && len(publications) <= before,
	})
	switch {
	case err != nil:
		return err
	case done.Unchanged:
		p.Say(ctx, "the newest version is served already")
	case r.Distribution == nil:
		p.Say(ctx, "published; there is no distribution %s that would serve it", s.row.Name)
		return nil
	default:
		p.Say(ctx, "published: %d %ss served", done.Units, r.Type.Noun)
	}
	err = s.run.Env.Repositories.SetServed(ctx, s.row.ID, string(newest), string(newest))
	if fault.Is(err, fault.NotFound) {
		return nil // it left the configuration meanwhile
	}
	return err
}
