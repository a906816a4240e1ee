// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/inventory"
)

// obstacles are what is in the way of wanted repositories, by their index.
type obstacles struct {
	conflicts map[int]string
	after     map[int][]string // repositories whose distributions must move first

	want   []Want
	have   *inventory.Picture
	now    places         // of the distributions there are
	movers map[string]int // wanted repositories whose distribution is to move
}

// inTheWay finds what is in the way, and in which order distributions must move.
func inTheWay(want []Want, have *inventory.Picture) *obstacles {
	o := &obstacles{conflicts: map[int]string{}, want: want, have: have, now: taken(have), movers: map[string]int{}}
	sources := map[string]string{}
	for i, w := range want {
		if why := unmakeable(w, have, sources); why != "" {
			o.conflicts[i] = why
			continue
		}
		sources[w.Name] = w.Source
		if there := have.Find(w.Type.Name, w.Name); there != nil && there.Distribution != nil && there.Distribution.BasePath != w.BasePath {
			o.movers[w.Name] = i
		}
	}
	for settled := false; !settled; { // each round has a conflict more than the one before
		settled = !o.look() && !o.circles()
	}
	return o
}

// unmakeable says why a repository cannot be made as wanted, wherever it is served; empty: it can.
func unmakeable(w Want, have *inventory.Picture, sources map[string]string) string {
	if !have.Status.Has(w.Type.Component) {
		return fmt.Sprintf("the server lacks Pulp's plugin for %s repositories", w.Type.Name)
	}
	if by, ok := sources[w.Name]; ok {
		return fmt.Sprintf("the name is wanted twice: also by %s", by)
	}
	for _, t := range have.Types {
		if t.Name == w.Type.Name {
			continue
		}
		if r := have.Find(t.Name, w.Name); r != nil {
			return fmt.Sprintf("the server has a %s repository, remote or distribution of that name, and a repository's type cannot be changed", t.Name)
		}
	}
	if noun, ok := have.Others.Names[w.Name]; ok {
		return fmt.Sprintf("the server has a %s of that name, of a type that is not managed", noun)
	}
	return ""
}

// look finds out which places are taken, and by whom that leaves first. It tells whether it found a conflict.
func (o *obstacles) look() (found bool) {
	o.after = map[int][]string{}
	wanted := newPlaces()
	for i, w := range o.want {
		if o.conflicts[i] != "" {
			continue
		}
		why := wanted.conflict(w.BasePath, w.Name, func(string) bool { return false })
		if why == "" {
			why = o.now.conflict(w.BasePath, w.Name, func(by string) bool { return o.leaves(by, i) })
		}
		if why != "" {
			o.conflicts[i], found = why, true
			continue
		}
		wanted.take(w.BasePath, w.Name)
	}
	return found
}

// leaves tells whether a distribution moves out of the way of a wanted one, which then comes after it.
func (o *obstacles) leaves(by string, of int) bool {
	i, moves := o.movers[by]
	if !moves || o.conflicts[i] != "" || overlap(o.want[i].BasePath, o.want[of].BasePath) {
		return false
	}
	if !slices.Contains(o.after[of], by) {
		o.after[of] = append(o.after[of], by)
	}
	return true
}

// circles finds distributions that wait for each other. It tells whether there are any.
func (o *obstacles) circles() (found bool) {
	free := map[int]bool{} // does not wait, in the end, for itself
	for grew := true; grew; {
		grew = false
		for i := range o.want {
			if !free[i] && !slices.ContainsFunc(o.after[i], func(by string) bool { return !free[o.movers[by]] }) {
				free[i], grew = true, true
			}
		}
	}
	for i, w := range o.want {
		if !free[i] && o.conflicts[i] == "" {
			o.conflicts[i], found = fmt.Sprintf("base path %q is still that of %s, which cannot leave first: they would have to change places at once; "+
				"give one of them a third base path, and the one that is meant afterwards", w.BasePath, strings.Join(o.after[i], ", ")), true
		}
	}
	return found
}

// places are the base paths that distributions have, by the distribution's name, and which
// distributions lie below a path.
type places struct {
	at    map[string]string
	below map[string][]string
}

func newPlaces() places { return places{at: map[string]string{}, below: map[string][]string{}} }

// taken gives the places of the distributions there are, whatever their type.
func taken(have *inventory.Picture) places {
	p := newPlaces()
	for _, r := range have.Repositories {
		if r.Distribution != nil {
			p.take(r.Distribution.BasePath, r.Distribution.Name)
		}
	}
	for path, name := range have.Others.Distributions {
		p.take(path, name)
	}
	return p
}

func (p places) take(path, name string) {
	p.at[path] = name
	for above := range parents(path) {
		p.below[above] = append(p.below[above], name)
	}
}

// conflict says why a base path cannot be a distribution's; empty: it can. No base path may lie
// below another. Those that leave are in nobody's way.
func (p places) conflict(path, name string, leaves func(by string) bool) string {
	if by, ok := p.at[path]; ok && by != name && !leaves(by) {
		return fmt.Sprintf("base path %q is taken by distribution %s", path, by)
	}
	for above := range parents(path) {
		if by, ok := p.at[above]; ok && by != name && !leaves(by) {
			return fmt.Sprintf("base path %q lies below %q of distribution %s", path, above, by)
		}
	}
	for _, by := range p.below[path] {
		if by != name && !leaves(by) {
			return fmt.Sprintf("base path %q lies above that of distribution %s", path, by)
		}
	}
	return ""
}

// overlap tells whether two base paths are the same or one lies below the other. Pulp tells upper from lower case.
func overlap(a, b string) bool {
	return strings.HasPrefix(a+"/", b+"/") || strings.HasPrefix(b+"/", a+"/")
}

// parents gives the paths above a path.
func parents(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
			if !yield(path[:i]) {
				return
			}
		}
	}
}
