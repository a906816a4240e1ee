// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"maps"
	"slices"
	"time"
)

// Baseline is how we last left an object on a server, so that what others change of it is noticed. It
// holds no secret.
type Baseline struct {
	Noun   string // remote, repository, distribution
	Name   string
	Type   RepositoryType
	Href   string         // Pulp's
	Fields map[string]any // what we set, in the form it is compared in
}

// BaselineKey names an object on a server.
type BaselineKey struct{ Noun, Name string }

// Adoption is a repository on a server that a definition or a mirror names and that somebody else made: it
// waits until an administrator accepts what would change.
type Adoption struct {
	Name    string
	Type    RepositoryType
	Hrefs   []string // of the objects that would become ours
	Changes []string // what would change, one text each, without secrets
	Noticed time.Time
}

// DefaultMissingCap is how many repositories one registration removes at most where the configuration does
// not say: the larger of five and a tenth of those that are ours.
func DefaultMissingCap(ours int) int { return max(5, ours/10) }

// What becomes of repositories that are ours and that no definition names any more (`on_missing`).
const (
	KeepMissing   = "keep"
	RemoveMissing = "remove"
)

// SortedBaselines gives baselines in a stable order.
func SortedBaselines(all map[BaselineKey]Baseline) []Baseline {
	return slices.SortedFunc(maps.Values(all), func(a, b Baseline) int {
		switch {
		case a.Name != b.Name && a.Name < b.Name, a.Name == b.Name && a.Noun < b.Noun:
			return -1
		case a.Name == b.Name && a.Noun == b.Noun:
			return 0
		}
		return 1
	})
}
