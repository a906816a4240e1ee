// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// Origins is what a primary serves: all that its secondaries need to know of it to tell whether they
// have that already.
type Origins map[key]fleet.SyncSource

// Of gives what is served of a repository; the zero state where nothing is known of it.
func (o Origins) Of(t fleet.RepositoryType, name string) fleet.SyncSource { return o[key{t, name}] }

// Serves gives what the server serves of each repository, as Serve found out.
func (p *Picture) Serves() Origins {
	origins := make(Origins, len(p.Repositories))
	for _, r := range p.Repositories {
		if r.Served == "" || (r.ServedPublication == "" && r.published()) {
			continue
		}
		origins[key{r.Type.Name, r.Name}] = fleet.SyncSource{
			Server: p.Server, Version: r.Served, Publication: string(r.ServedPublication), Published: r.Published,
		}
	}
	return origins
}

// published tells whether the repository's type has publications.
func (r *Repository) published() bool { return r.Type.Publication != nil }

// State gives what the server has and serves of the repository, which it must have.
func (r *Repository) State() fleet.SyncState {
	state := fleet.SyncState{Newest: string(r.Repository.LatestVersion)}
	follows := r.Type.Serving == content.Following
	if d := r.Distribution; d == nil || (follows && d.Repository != r.Repository.Href) {
		return state
	}
	if r.ServedPublication == "" && r.published() {
		return state
	}
	state.Served, state.Publication = r.Served, string(r.ServedPublication)
	return state
}

// moving are a repository's fields that a sync changes, or that every reading may show otherwise.
var moving = []string{"pulp_last_updated", "latest_version_href", "last_sync_details"}

// Basis gives what decides what a sync of the repository brings: the state of its source, what is
// asked for, the banned packages (empty: none are taken out) and all that its remote and the repository
// itself say. It must have both.
func (r *Repository) Basis(source fleet.SyncSource, methods []content.Method, asked map[string]any, banned string) fleet.SyncBasis {
	type method struct {
		Name      string
		Options   map[string]any
		Publishes bool
	}
	options := struct {
		Type    fleet.RepositoryType
		Methods []method
		Asked   map[string]any
		Banned  string
	}{Type: r.Type.Name, Banned: banned}
	for _, m := range methods {
		options.Methods = append(options.Methods, method{m.Name, m.Options, m.Publishes})
	}
	if len(asked) > 0 {
		options.Asked = asked
	}
	fields := r.Repository.Fields()
	for _, name := range moving {
		delete(fields, name)
	}
	return fleet.SyncBasis{Source: source, Options: hash(options), Fields: hash([]any{r.Remote.Fields(), fields})}
}

// hash tells values apart. What cannot be told as JSON is like nothing else, not even itself.
func hash(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return pulp.NewCorrelation()
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
