// SPDX-License-Identifier: Apache-2.0

package removerepositories

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fault"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/inventory"
	"github.com/pulp/pulp-manager/internal/pulp"
	"github.com/pulp/pulp-manager/internal/reconcile"
)

// Plan is what would be removed.
type Plan struct {
	Items   []Item   `json:"items,omitempty"`
	LeftOut []string `json:"left_out,omitempty"` // chosen, but without a remote
}

// Item is a repository with its parts, or what is left of one.
type Item struct {
	Name         string               `json:"repository"`
	Type         fleet.RepositoryType `json:"type"`
	Href         pulp.Href            `json:"repository_href,omitempty"` // empty: it is gone, and parts are left
	Remotes      []Part               `json:"remotes,omitempty"`
	Distribution *Part                `json:"distribution,omitempty"`
	BasePath     string               `json:"base_path,omitempty"`
	Packages     int                  `json:"packages"`     // in its newest version
	Publications int                  `json:"publications"` // of all its versions

	Stays      []string `json:"stays,omitempty"`          // parts that others need, and who
	MirroredBy []string `json:"mirrored_by,omitempty"`    // repositories of other servers
	ServedBy   []string `json:"also_served_by,omitempty"` // distributions of other names, which serve nothing afterwards
	MirrorOf   string   `json:"mirror_of,omitempty"`      // server from which the next group sync brings it back

	latest pulp.Href
}

// Part is a remote or a distribution.
type Part struct {
	Name string    `json:"name"`
	Href pulp.Href `json:"href"`
}

// snapshotPrefix begins the name of each snapshot (legacy section 3.4).
const snapshotPrefix = "snap-"

func isSnapshot(r *inventory.Repository) bool {
	return strings.HasPrefix(r.Name, snapshotPrefix) || r.Repository.Labels[reconcile.SnapshotLabel] != ""
}

// makePlan says what of a server's picture is to be removed. The error is Invalid: a pattern takes too long.
func makePlan(p *inventory.Picture, chosen fleet.Selection, internal bool) (Plan, error) {
	var plan Plan
	var found []*inventory.Repository
	users, doomed := p.Users(), map[*inventory.Repository]bool{}
	for _, r := range p.Repositories {
		matches, err := chosen.Matches(r.Name)
		if err != nil {
			return plan, err
		}
		switch {
		case !matches || r.Repository == nil && !remains(users, r):
		case r.Repository != nil && !r.Linked && !internal && !isSnapshot(r):
			plan.LeftOut = append(plan.LeftOut, r.Name)
		default:
			found, doomed[r] = append(found, r), true
		}
	}
	for _, r := range found {
		plan.Items = append(plan.Items, item(users, r, doomed))
	}
	return plan, nil
}

// remains tells whether remotes and distributions of a name are what is left of a repository: nothing uses
// them, and they lead nowhere. An attempt that did not get through leaves such.
func remains(users inventory.Users, r *inventory.Repository) bool {
	if r.Distribution != nil && !inventory.LeadsNowhere(r.Distribution) {
		return false
	}
	return r.Own == nil || len(users.Remotes[r.Own.Href]) == 0
}

func item(users inventory.Users, r *inventory.Repository, doomed map[*inventory.Repository]bool) Item {
	i := Item{Name: r.Name, Type: r.Type.Name}
	if r.Repository != nil {
		i.Href, i.latest = r.Repository.Href, r.Repository.LatestVersion
		i.Publications = users.Publications[i.Href]
	}
	if d := r.Distribution; d != nil {
		if inventory.LeadsNowhere(d) || slices.Contains(users.Distributions[i.Href], d) {
			i.Distribution, i.BasePath = &Part{Name: d.Name, Href: d.Href}, d.BasePath
		} else {
			i.Stays = append(i.Stays, fmt.Sprintf("distribution %s, which serves another repository", d.Name))
		}
	}
	for _, d := range users.Distributions[i.Href] {
		if d != r.Distribution {
			i.ServedBy = append(i.ServedBy, d.Name)
		}
	}
	for _, remote := range remotesOf(r) {
		if users := others(users.Remotes[remote.Href], doomed); len(users) > 0 {
			i.Stays = append(i.Stays, fmt.Sprintf("remote %s, which %s needs", remote.Name, strings.Join(users, ", ")))
			continue
		}
		i.Remotes = append(i.Remotes, remote)
	}
	if r.Linked && r.Remote != nil {
		i.MirrorOf = r.Remote.Labels[reconcile.PrimaryLabel]
	}
	return i
}

// remotesOf gives the remote that the repository names and the one of its name: mostly the same.
func remotesOf(r *inventory.Repository) []Part {
	var all []Part
	if r.Linked && r.Remote != nil {
		all = append(all, Part{Name: r.Remote.Name, Href: r.Remote.Href})
	}
	if r.Own != nil && (len(all) == 0 || all[0].Href != r.Own.Href) {
		all = append(all, Part{Name: r.Own.Name, Href: r.Own.Href})
	}
	return all
}

// others gives the names of the users of something that are not to be removed.
func others(users []*inventory.Repository, doomed map[*inventory.Repository]bool) []string {
	var names []string
	for _, u := range users {
		if !doomed[u] {
			names = append(names, u.Name)
		}
	}
	return names
}

// needs gives the reasons why a number must be confirmed.
func (p Plan) needs() []string {
	var reasons []string
	if n := len(p.Items); n > Unconfirmed {
		reasons = append(reasons, fmt.Sprintf("more than %d repositories", Unconfirmed))
	}
	count := func(format string, of func(Item) []string) {
		n := len(slices.DeleteFunc(slices.Clone(p.Items), func(i Item) bool { return len(of(i)) == 0 }))
		if n > 0 {
			reasons = append(reasons, fmt.Sprintf(format, n))
		}
	}
	count("other servers mirror %d of them", func(i Item) []string { return i.MirroredBy })
	count("distributions of other names serve %d of them", func(i Item) []string { return i.ServedBy })
	return reasons
}

// allowed refuses a plan for which somebody must confirm a number, or has confirmed a smaller one.
func (p Plan) allowed(server fleet.ServerName, a Args) error {
	reasons := p.needs()
	switch {
	case a.Confirm > 0 && len(p.Items) > a.Confirm:
		return fault.New(fault.Invalid, "server %s: %d repositories would be removed, confirm allows %d", server, len(p.Items), a.Confirm).
			WithHint("look at the list in this stage; make the patterns find less, or raise confirm")
	case a.Confirm == 0 && len(reasons) > 0:
		return fault.New(fault.Invalid, "server %s: %d repositories would be removed: that must be confirmed (%s)", server, len(p.Items), strings.Join(reasons, "; ")).
			WithHint("look at the list in this stage; if all of it may go, ask again with confirm %d", len(p.Items))
	}
	return nil
}

// names gives the repositories' names, as many as can be read.
func (p Plan) names() string {
	const most = 20
	var names []string
	for _, i := range p.Items[:min(len(p.Items), most)] {
		names = append(names, i.Name)
	}
	text := strings.Join(names, ", ")
	if more := len(p.Items) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
