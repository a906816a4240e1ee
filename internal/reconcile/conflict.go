// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"

	"github.com/pulp/pulp-manager/internal/inventory"
)

// conflict says why a repository cannot be made as wanted; empty: it can.
func conflict(w Want, have *inventory.Picture, names map[string]string, paths places) string {
	if !have.Status.Has(w.Type.Component) {
		return fmt.Sprintf("the server lacks Pulp's plugin for %s repositories", w.Type.Name)
	}
	if by, ok := names[w.Name]; ok {
		return fmt.Sprintf("the name is wanted twice: also by %s", by)
	}
	for _, t := range have.Types {
		if t.Name == w.Type.Name {
			continue
		}
		if r := have.Find(t.Name, w.Name); r != nil {
			return fmt.Sprintf("the server has a %s repository, remote or distribution of that name", t.Name)
		}
	}
	return paths.conflict(w.BasePath, w.Name)
}

// places are the base paths that distributions have, by the distribution's name, and which
// distributions lie below a path.
type places struct {
	at    map[string]string
	below map[string][]string
}

// taken gives the places of the distributions there are.
func taken(have *inventory.Picture) places {
	p := places{at: map[string]string{}, below: map[string][]string{}}
	for _, r := range have.Repositories {
		if r.Distribution != nil {
			p.take(r.Distribution.BasePath, r.Distribution.Name)
		}
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
// below another.
func (p places) conflict(path, name string) string {
	if by, ok := p.at[path]; ok && by != name {
		return fmt.Sprintf("base path %q is taken by distribution %s", path, by)
	}
	for above := range parents(path) {
		if by, ok := p.at[above]; ok && by != name {
			return fmt.Sprintf("base path %q lies below %q of distribution %s", path, above, by)
		}
	}
	for _, by := range p.below[path] {
		if by != name {
			return fmt.Sprintf("base path %q lies above that of distribution %s", path, by)
		}
	}
	return ""
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
