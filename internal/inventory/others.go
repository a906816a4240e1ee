// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"net/url"

	"github.com/pulp/pulp-manager/internal/pulp"
)

// Others are what a server has of types that we do not know: their names and base paths are taken all the same.
type Others struct {
	// Distributions by base path → name.
	Distributions map[string]string
	// Names that remotes, repositories and distributions have → which of them.
	Names map[string]string
}

// commonFields are all that telling what is taken needs.
const commonFields = "pulp_href,name,base_path"

// TakeOthers asks for all remotes, repositories and distributions, whatever their type, and keeps those
// that are not in the picture. Pulp's three lists of all types give no more than is needed here.
func (p *Picture) TakeOthers(ctx context.Context, c *pulp.Client) error {
	known := map[pulp.Href]bool{}
	for _, r := range p.Repositories {
		if r.Own != nil {
			known[r.Own.Href] = true
		}
		if r.Repository != nil {
			known[r.Repository.Href] = true
		}
		if r.Distribution != nil {
			known[r.Distribution.Href] = true
		}
	}
	others := Others{Distributions: map[string]string{}, Names: map[string]string{}}
	for _, noun := range []string{"remote", "repository", "distribution"} {
		list := map[string]string{"remote": "remotes/", "repository": "repositories/", "distribution": "distributions/"}[noun]
		found, err := c.List(ctx, list, url.Values{"fields": {commonFields}, "limit": {"5000"}})
		if err != nil {
			return err
		}
		for _, f := range found {
			name := string(text(f, "name"))
			if known[f.Href()] || name == "" {
				continue
			}
			others.Names[name] = noun
			if path := string(text(f, "base_path")); path != "" {
				others.Distributions[path] = name
			}
		}
	}
	p.Others = others
	return nil
}
