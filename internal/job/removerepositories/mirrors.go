// SPDX-License-Identifier: Apache-2.0

package removerepositories

import (
	"context"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// mirrors finds, in the store, the repositories of other servers that read one of these from us.
func (s *removal) mirrors(ctx context.Context, items []Item) error {
	names := map[fleet.ServerID]string{}
	return s.everyRepository(ctx, func(row fleet.Repository) error {
		if row.Server == s.server.ID || row.RemoteFeed == "" {
			return nil
		}
		for i := range items {
			if !s.reads(row, items[i]) {
				continue
			}
			if names[row.Server] == "" {
				other, err := s.run.Env.Servers.Server(ctx, row.Server)
				if err != nil {
					return err
				}
				names[row.Server] = string(other.Name)
			}
			items[i].MirroredBy = append(items[i].MirroredBy, names[row.Server]+" "+row.Name)
		}
		return nil
	})
}

// reads tells whether a repository's feed is what a repository of ours serves.
func (s *removal) reads(row fleet.Repository, i Item) bool {
	t, known := content.Find(i.Type)
	if !known || row.Type != i.Type || i.BasePath == "" {
		return false
	}
	for _, address := range []string{
		s.settings.MirrorAddress(s.server.Server), s.server.ContentOrigin, "http://" + string(s.server.Name), "https://" + string(s.server.Name),
	} {
		feed := t.Feed(strings.TrimRight(address, "/"), i.BasePath)
		if address == "" || strings.TrimRight(row.RemoteFeed, "/") != strings.TrimRight(feed, "/") {
			continue
		}
		// A feed that does not tell which of a server's repositories it is about leaves its name.
		return strings.Contains(feed, i.BasePath) || row.Name == i.Name
	}
	return false
}

// everyRepository calls visit for each repository of the fleet.
func (s *removal) everyRepository(ctx context.Context, visit func(fleet.Repository) error) error {
	const size = 2000
	for page := 1; ; page++ {
		rows, err := s.run.Env.Repositories.FindRepositories(ctx, 0, fleet.Query{Page: page, Size: size})
		if err != nil {
			return err
		}
		for _, row := range rows.Items {
			if err := visit(row); err != nil {
				return err
			}
		}
		if len(rows.Items) < size {
			return nil
		}
	}
}
