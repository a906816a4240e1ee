// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/content"
	"github.com/pulp/pulp-manager/internal/fleet"
	"github.com/pulp/pulp-manager/internal/pulp"
)

// TakePresent is Take, but asks nothing of types that are neither wanted nor has the server a repository of
// them: one list of all repositories tells. A remote or distribution that is alone of its type is not in
// the picture; whoever makes something asks TakeOthers for names and places that are taken.
func TakePresent(ctx context.Context, c *pulp.Client, server fleet.ServerName, wanted ...fleet.RepositoryType) (*Picture, error) {
	return takePresent(ctx, c, server, wanted, func(content.Type) bool { return true })
}

// TakeSource is TakePresent of a server that others mirror from: its remotes are in the picture only where
// their mirrors need to know them.
func TakeSource(ctx context.Context, c *pulp.Client, server fleet.ServerName) (*Picture, error) {
	return takePresent(ctx, c, server, nil, func(t content.Type) bool { return t.MirrorReadsRemote })
}

func takePresent(ctx context.Context, c *pulp.Client, server fleet.ServerName, wanted []fleet.RepositoryType, remotes func(content.Type) bool) (*Picture, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	p := NewPicture(server, status)
	there, err := paths(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, t := range p.Types {
		others := slices.ContainsFunc(t.OtherPaths, func(path string) bool { return there[path] })
		if !there[t.Path] && !others && !slices.Contains(wanted, t.Name) {
			continue
		}
		if err := p.take(ctx, c, t, lists{others: others, remotes: remotes(t)}, nil); err != nil {
			return nil, err
		}
	}
	p.sort()
	return p, nil
}

// Present gives the types of which the server has repositories.
func (p *Picture) Present() []fleet.RepositoryType {
	var types []fleet.RepositoryType
	for _, r := range p.Repositories {
		if r.Repository != nil && !slices.Contains(types, r.Type.Name) {
			types = append(types, r.Type.Name)
		}
	}
	return types
}

// paths gives the paths of the types that the server has repositories of.
func paths(ctx context.Context, c *pulp.Client) (map[string]bool, error) {
	found, err := c.List(ctx, "repositories/", url.Values{"fields": {"pulp_href"}, "limit": {"5000"}})
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, f := range found {
		_, path, _ := strings.Cut(string(f.Href()), "/api/v3/repositories/")
		if parts := strings.SplitN(path, "/", 3); len(parts) == 3 {
			there[parts[0]+"/"+parts[1]] = true
		}
	}
	return there, nil
}
