// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// Round is one comparison of a server with what is wanted of it, with what the store remembers of both.
type Round struct {
	Server fleet.ServerID
	Want   []Want
	// Adopt tells that what somebody else made becomes ours without asking.
	Adopt        bool
	Ownership    fleet.Ownership
	Fingerprints fleet.Fingerprints
	Fingerprint  Fingerprint
}

// Planned is a plan in its parts.
type Planned struct {
	Apply []Change // in the order of what is wanted; conflicts among them
	Wait  []Change // on what is not ours: only with an administrator's word
}

// Plan gives what to do to a server. Others asks it for what it has of types that we do not know; it is called
// only where something is to be made or moved.
func (r Round) Plan(ctx context.Context, have *inventory.Picture, others func(*inventory.Picture) error) (Planned, error) {
	known, err := r.Fingerprints.Fingerprints(ctx, r.Server)
	if err != nil {
		return Planned{}, err
	}
	baselines, err := r.Ownership.Baselines(ctx, r.Server)
	if err != nil {
		return Planned{}, err
	}
	plan := Plan(r.Want, have, known, r.Fingerprint)
	if have.Others.Names == nil && slices.ContainsFunc(plan, takesPlace) {
		if err := others(have); err != nil {
			return Planned{}, err
		}
		plan = Plan(r.Want, have, known, r.Fingerprint)
	}
	Blame(plan, have, baselines)
	if r.Adopt {
		return Planned{Apply: plan}, nil
	}
	var p Planned
	p.Apply, p.Wait = Split(plan, have, baselines)
	return p, nil
}

// takesPlace tells whether a change needs a name or a base path that it has not yet.
func takesPlace(c Change) bool {
	_, moves := c.Fields["base_path"]
	return c.Create() || moves
}

// End remembers how a round ended: a picture taken after it, and what is left to do by a plan made of that.
func (r Round) End(ctx context.Context, have *inventory.Picture, left Planned) error {
	baselines, err := r.Ownership.Baselines(ctx, r.Server)
	if err != nil {
		return err
	}
	all := slices.Concat(left.Apply, left.Wait)
	if news := News(Left(r.Want, have, all), baselines); len(news) > 0 {
		if err := r.Ownership.SetBaselines(ctx, r.Server, news); err != nil {
			return err
		}
	}
	looked := make([]string, len(r.Want))
	for i, w := range r.Want {
		looked[i] = w.Name
	}
	before, err := r.Ownership.Adoptions(ctx, r.Server)
	if err != nil || len(before)+len(left.Wait) == 0 {
		return err
	}
	return r.Ownership.SetAdoptions(ctx, r.Server, looked, Adoptions(left.Wait))
}

// Lines tells updates field by field, and what is made.
func Lines(changes []Change) []string {
	var all []string
	for _, c := range changes {
		if c.Conflict == "" {
			all = append(all, c.Describe()...)
		}
	}
	return all
}

// ByHand gives those lines that overwrite what somebody else changed since we set it.
func ByHand(changes []Change) []string {
	return Lines(slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return len(c.ByHand) == 0 }))
}

// WaitText tells, for a task's error, what would change of a repository that waits to be adopted.
func WaitText(a fleet.Adoption) string {
	const most = 6
	text := a.Name + " was made by somebody else and waits to be adopted: "
	for i, line := range a.Changes[:min(len(a.Changes), most)] {
		if i > 0 {
			text += ", "
		}
		text += line
	}
	if n := len(a.Changes) - most; n > 0 {
		text += fmt.Sprintf(" and %d changes more", n)
	}
	return text
}

// AdoptHint says how to accept what waits.
func AdoptHint(server fleet.ServerName) string {
	return fmt.Sprintf("what waits becomes ours with: pulp-manager adopt %s (or POST /v1/pulp_servers/{id}/adopt; --regex-include chooses), "+
		"always with adopt: true at the server in pulp_config.yml; to leave it alone, take its definition away", server)
}

// ShowPlan gives what a plan changes, what of that somebody else had changed, and what waits, to be shown under these
// keys; nothing where there is nothing.
func ShowPlan(p Planned, show func(key string, lines []string)) {
	for _, part := range []struct {
		key   string
		lines []string
	}{{"changes", Lines(p.Apply)}, {"overwritten", ByHand(p.Apply)}, {"waiting", Lines(p.Wait)}} {
		if len(part.lines) > 0 {
			show(part.key, Short(part.lines))
		}
	}
}

// Short keeps what is shown in bounds.
func Short(lines []string) []string {
	const most = 200
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %d more", len(lines)-most))
}
