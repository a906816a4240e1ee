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
	for i, row := range rows {
		rows[i].Drift = drift[row.Name]
		if there := have.Find(row.Type, row.Name); there != nil {
			rows[i].Owned = Owned(there.Repository)
		}
		if len(rows[i].Drift) > 0 {
			drifted++
		}
	}
	return drifted, k.Repositories.Mirror(ctx, k.Server, rows, before)
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
