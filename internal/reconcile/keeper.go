// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Keeper keeps the store's picture of one server.
type Keeper struct {
	Server       fleet.ServerID
	Repositories fleet.Repositories
	Ownership    fleet.Ownership
	Locks        fleet.Locks
}

// Known gives what the store knows of the server's repositories. It is asked for before a picture is taken.
func (k Keeper) Known(ctx context.Context) ([]fleet.Repository, error) {
	return k.Repositories.ServerRepositories(ctx, k.Server)
}

// Keep stores a picture, with what somebody else changed since we last set it. Before is what was known before
// the picture was taken.
func (k Keeper) Keep(ctx context.Context, have *inventory.Picture, before []fleet.Repository) (drifted int, err error) {
	baselines, err := k.Ownership.Baselines(ctx, k.Server)
	if err != nil {
		return 0, err
	}
	drift := Drift(have, baselines)
	switched, err := k.switched(ctx, have, before)
	if err != nil {
		return 0, err
	}
	for name, text := range switched {
		drift[name] = append(drift[name], text)
	}
	rows := have.Fleet(k.Server)
	if err := k.keepNewer(ctx, rows, before); err != nil {
		return 0, err
	}
	for i, row := range rows {
		rows[i].Drift = drift[row.Name]
		if there := have.Find(row.Type, row.Name); there != nil {
			rows[i].Owned = Owned(there.Repository)
		}
		if len(rows[i].Drift) > 0 {
			drifted++
		}
	}
	return drifted, k.Repositories.Mirror(ctx, k.Server, rows)
}

// keepNewer leaves what another run noted of a repository while the picture was taken: it did so under the repository's lock, so the
// picture is older. Written over, the next run would believe in that picture, and publish again what is published.
func (k Keeper) keepNewer(ctx context.Context, rows, before []fleet.Repository) error {
	after, err := k.Known(ctx)
	if err != nil {
		return err
	}
	old, now := make(map[string]fleet.Repository, len(before)), make(map[string]fleet.Repository, len(after))
	for _, row := range before {
		old[row.Name] = row
	}
	for _, row := range after {
		now[row.Name] = row
	}
	for i, row := range rows {
		noted, there := now[row.Name]
		if was := old[row.Name]; there && noted.Href == row.Href && (noted.LatestVersion != was.LatestVersion || noted.ServedVersion != was.ServedVersion) {
			rows[i].LatestVersion, rows[i].ServedVersion, rows[i].ServedPublication = noted.LatestVersion, noted.ServedVersion, noted.ServedPublication
			if row.DistributionHref == "" {
				rows[i].DistributionHref = noted.DistributionHref
			}
		}
	}
	return nil
}

// switched tells what serves another version than we last made it serve: a distribution pointed elsewhere, or a publication
// made, by somebody else. Where a run of ours is at work on it, or was while the picture was taken, nothing is said.
func (k Keeper) switched(ctx context.Context, have *inventory.Picture, before []fleet.Repository) (map[string]string, error) {
	texts := map[string]string{}
	for _, row := range before {
		there := have.Find(row.Type, row.Name)
		if row.SetVersion == "" || there == nil || there.Repository == nil || there.Distribution == nil || there.Served == row.SetVersion ||
			!strings.HasPrefix(row.SetVersion, string(there.Repository.Href)) {
			continue
		}
		texts[row.Name] = fmt.Sprintf("it serves %s, we last made it serve %s", versionWords(there.Served, there.Repository.Href), versionWords(row.SetVersion, there.Repository.Href))
	}
	if len(texts) == 0 {
		return texts, nil
	}
	locks, err := k.Locks.FindLocks(ctx, k.Server)
	if err != nil {
		return nil, err
	}
	for _, l := range locks {
		delete(texts, l.Repository)
	}
	after, err := k.Repositories.ServerRepositories(ctx, k.Server)
	if err != nil {
		return nil, err
	}
	old := make(map[string]string, len(before))
	for _, row := range before {
		old[row.Name] = row.SetVersion
	}
	for _, row := range after {
		if row.SetVersion != old[row.Name] {
			delete(texts, row.Name)
		}
	}
	return texts, nil
}

// versionWords names a version of a repository, or of another one.
func versionWords(version string, own pulp.Href) string {
	of, number, ok := pulp.Href(version).VersionNumber()
	switch {
	case version == "" || !ok:
		return "nothing"
	case of != own:
		return fmt.Sprintf("version %d of another repository (%s)", number, of)
	}
	return fmt.Sprintf("version %d", number)
}

// KeptText tells what a picture that was stored had.
func KeptText(server fleet.ServerName, repositories, drifted int) string {
	text := fmt.Sprintf("%d repositories on %s", repositories, server)
	if drifted > 0 {
		text += fmt.Sprintf(", %d of them changed by somebody else", drifted)
	}
	return text
}
