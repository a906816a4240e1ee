// SPDX-License-Identifier: Apache-2.0

package reposync

import (
	"fmt"
	"net/url"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
)

// Preview adds to a step of a plan how a repository would be synced: from where, with which options, and which packages
// would be taken out. It asks nobody. A sync that would be refused becomes a refusal.
func (s Settings) Preview(step *fleet.PlanStep, row fleet.Repository, picture *inventory.Picture, r *inventory.Repository, asked map[string]any) {
	one := &sync{row: row, repository: r, picture: picture, options: asked, again: row.SyncFailed(), settings: s.Unchanged, bans: s.Bans}
	step.From = withoutLogin(r.Remote.URL)
	method := one.methods()[0]
	step.Options = r.Type.SyncBody(method, asked, one.full(method))
	if err := one.publishesItself(); err != nil {
		step.Action, step.Why = fleet.PlanRefuse, fault.Message(err)
		return
	}
	if pattern, none := one.pattern(); pattern != nil {
		step.Notes = append(step.Notes, fmt.Sprintf("%ss that banned_package_regex %q finds are taken out", r.Type.Noun, pattern))
	} else {
		step.Notes = append(step.Notes, "nothing is taken out: "+none)
	}
	if !one.mirrored() && s.Unchanged.ProbeUpstream != nil && s.Unchanged.ProbeUpstream() {
		step.Notes = append(step.Notes, "its upstream is asked first whether anything has changed (probe_upstream)")
	}
}

// withoutLogin gives an address without a password.
func withoutLogin(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}
