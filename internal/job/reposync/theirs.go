// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"context"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/job"
	"github.com/pulp/pulp-manager/internal/publish"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// theirs gives the way to find out what the primary of a mirror serves now; nil where nobody asks for it.
// A primary that is no longer in the fleet is not asked.
func (s *sync) theirs(p *job.Progress) func(ctx context.Context) (content.Version, error) {
	if !s.mirrored() || s.repository.Type.GuardMirror == nil {
		return nil
	}
	return func(ctx context.Context) (content.Version, error) {
		row, err := s.run.Env.Servers.ServerByName(ctx, fleet.ServerName(s.repository.Remote.Labels[reconcile.PrimaryLabel]))
		if fault.Is(err, fault.NotFound) {
			return content.Version{}, nil
		}
		if err != nil {
			return content.Version{}, err
		}
		primary, err := s.run.Server(ctx, row.ID)
		if err != nil {
			return content.Version{}, err
		}
		hands := p.Hands(primary)
		var found *inventory.Repository
		err = hands.Try(ctx, func(ctx context.Context) error {
			picture, err := inventory.TakeOne(ctx, primary.Client, primary.Name, s.row.Type, s.row.Name)
			if err != nil {
				return err
			}
			if found = picture.Find(s.row.Type, s.row.Name); found == nil || found.Repository == nil {
				return nil
			}
			return picture.Serve(ctx, primary.Client, found.Repository.Href)
		})
		if err != nil || found == nil {
			return content.Version{}, err
		}
		return content.Version{Href: found.Served, List: publish.Lister(hands)}, nil
	}
}
