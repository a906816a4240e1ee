// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
)

// note adds to the store's picture of the server what the children made. What one left unfinished is found by
// the next look at the server.
func (s *snapshots) note(ctx context.Context, children []fleet.Task) error {
	rows, err := s.run.Env.Repositories.ServerRepositories(ctx, s.server.ID)
	if err != nil {
		return err
	}
	before, at := slices.Clone(rows), map[string]int{}
	for i, row := range rows {
		at[row.Name] = i
	}
	changed := false
	for _, child := range children {
		one, made, err := s.madeBy(ctx, child)
		if err != nil {
			return err
		}
		if made.Repository == "" {
			continue
		}
		i, there := at[one.Name]
		if !there {
			i = len(rows)
			rows = append(rows, fleet.Repository{Server: s.server.ID, Name: one.Name, Type: one.Type})
		}
		changed = true
		rows[i].Href, rows[i].DistributionHref = string(made.Repository), string(made.Distribution)
		rows[i].LatestVersion, rows[i].ServedVersion = string(made.Version), string(made.Version)
		rows[i].ServedPublication = string(made.Publication)
	}
	if !changed {
		return nil
	}
	return s.run.Env.Repositories.Mirror(ctx, s.server.ID, rows, before)
}

// madeBy gives what a child made; the zero value where it is not done.
func (s *snapshots) madeBy(ctx context.Context, child fleet.Task) (one One, made Made, err error) {
	if err := json.Unmarshal(child.Args, &one); err != nil {
		return one, made, fault.Wrap(fault.Internal, err, "arguments of task %d cannot be read", child.ID)
	}
	stages, err := s.run.Env.Tasks.Stages(ctx, child.ID)
	if err != nil {
		return one, made, err
	}
	for _, stage := range stages {
		if stage.Name == stagePublish && stage.State == fleet.StageCompleted {
			if err := json.Unmarshal(stage.Result, &made); err != nil {
				return one, made, fault.Wrap(fault.Internal, err, "result of task %d cannot be read", child.ID)
			}
		}
	}
	return one, made, nil
}
