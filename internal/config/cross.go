// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"

	"github.com/pulp/pulp-manager/internal/fleet"
)

// checkPrimaries looks at the servers that groups are mirrored from: each must be there and be
// another one (D6), and no group may go round in a circle.
func (c *syncConfig) checkPrimaries(r *report) {
	var names []string
	for _, s := range c.servers {
		names = append(names, string(s.Server.Name))
	}
	for _, s := range c.servers {
		for _, g := range s.Groups {
			line := s.primaries[g.Group.Name]
			switch {
			case g.Primary == "":
			case g.Primary == s.Server.Name:
				r.errorf(line, "remove its primary to sync from the repositories' own feeds", "server %s: group %s: it cannot mirror from itself", s.Server.Name, g.Group.Name)
			case !slices.Contains(names, string(g.Primary)):
				r.errorf(line, didYouMean(string(g.Primary), names), "server %s: group %s: primary %s is not in pulp_servers", s.Server.Name, g.Group.Name, g.Primary)
			}
		}
	}
	c.checkCircles(r)
}

// edge is one server mirroring a group from another.
type edge struct {
	to    fleet.ServerName
	group string
	line  int
}

// checkCircles reports servers that mirror from each other: an error where it is the same group
// all the way, else a warning, because different groups may choose different repositories.
func (c *syncConfig) checkCircles(r *report) {
	edges := map[fleet.ServerName][]edge{}
	groups := map[string]bool{}
	for _, s := range c.servers {
		for _, g := range s.Groups {
			if g.Primary != "" && g.Primary != s.Server.Name {
				edges[s.Server.Name] = append(edges[s.Server.Name], edge{g.Primary, g.Group.Name, s.primaries[g.Group.Name]})
				groups[g.Group.Name] = true
			}
		}
	}
	found := false
	for _, group := range sortedKeys(groups) {
		for _, circle := range c.circles(edges, func(e edge) bool { return e.group == group }) {
			found = true
			r.errorf(circle.line, "one of them needs its own feeds: remove its primary", "group %s goes round in a circle: %s", group, circle.path)
		}
	}
	if found {
		return
	}
	for _, circle := range c.circles(edges, func(edge) bool { return true }) {
		r.warnf(circle.line, "make sure that no repository is in more than one of these groups", "servers mirror from each other, each another group: %s", circle.path)
	}
}

type circle struct {
	path string // "a → b → a", beginning where the file begins
	line int
}

// circles finds circles along chosen edges, each once.
func (c *syncConfig) circles(edges map[fleet.ServerName][]edge, chosen func(edge) bool) []circle {
	var found []circle
	done := map[fleet.ServerName]bool{}
	var path []string
	var walk func(name fleet.ServerName)
	walk = func(name fleet.ServerName) {
		path = append(path, string(name))
		for _, e := range edges[name] {
			if !chosen(e) || done[e.to] {
				continue
			}
			if i := slices.Index(path, string(e.to)); i >= 0 {
				found = append(found, circle{strings.Join(append(slices.Clone(path[i:]), string(e.to)), " → "), e.line})
				continue
			}
			walk(e.to)
		}
		path = path[:len(path)-1]
		done[name] = true
	}
	for _, s := range c.servers {
		if !done[s.Server.Name] {
			walk(s.Server.Name)
		}
	}
	return found
}

// checkPasswords tells of servers whose password could not be found (legacy section 1.7).
func (c *syncConfig) checkPasswords(settings Settings, r *report) {
	for _, s := range c.servers {
		if s.Server.Username == "" || s.password && s.Server.Password == "" {
			continue // said already
		}
		password, err := PasswordOf(s.Server, settings)
		if err != nil {
			r.fault(s.line, "server "+string(s.Server.Name), err)
			continue
		}
		if strings.HasPrefix(string(password.Ref), "vault:") && settings.Vault.Addr == "" {
			r.errorf(s.line, "set [vault] vault_addr, or give the server a password by env: or file:",
				"server %s: its password is in Vault, but no Vault is configured", s.Server.Name)
		}
	}
}
