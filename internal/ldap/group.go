// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	maxDepth  = 20    // of groups in groups
	maxGroups = 5_000 // of one user
	perSearch = 20    // DNs whose groups are asked for at once
	perPage   = 500   // entries of an answer
)

const (
	activeDirectory = "1.2.840.113556.1.4.800"  // a capability
	inChain         = "1.2.840.113556.1.4.1941" // a matching rule: member of a member of …
)

// groups gives the names of the groups that a user is in, each once, sorted (D51, D54).
func (d *Directory) groups(ctx context.Context, c *conn, e entry) ([]string, error) {
	found := newSet(e.memberOf)
	nested := d.nested
	if nested == "auto" {
		ad, err := d.isAD(c)
		if err != nil {
			return nil, err
		}
		if nested = "recursive"; ad {
			nested = "ad"
		}
	}
	var err error
	switch nested {
	case "ad":
		var dns []string
		dns, err = d.search(c, "(member:"+inChain+":="+ldap.EscapeFilter(e.dn)+")")
		found.add(dns)
		if errors.Is(err, errCut) {
			d.cut(ctx, c, e.dn)
			err = nil
		}
	case "recursive":
		err = d.walk(ctx, c, e, found)
	}
	if err != nil {
		return nil, err
	}
	return found.names(), nil
}

// isAD tells whether a server is Active Directory, asked once.
func (d *Directory) isAD(c *conn) (bool, error) {
	d.mu.Lock()
	known := c.server.ad
	d.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	result, err := c.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(d.timeout.Seconds())+1, false,
		"(objectClass=*)", []string{"supportedCapabilities"}, nil))
	if _, _, answered := resultOf(err); err != nil && !answered {
		return false, c.broken(err)
	}
	is := err == nil && len(result.Entries) == 1 && slices.Contains(values(result.Entries[0], "supportedCapabilities"), activeDirectory)
	d.mu.Lock()
	defer d.mu.Unlock()
	c.server.ad = &is
	return is, nil
}

// walk follows groups of groups, a level at a time. A group that was seen is not followed again, so circles end. Beyond the limits
// the rest is left out: groups only ever add rights.
func (d *Directory) walk(ctx context.Context, c *conn, e entry, found *set) error {
	level := append([]string{e.dn}, found.all...)
	memberUID := "(memberUid=" + ldap.EscapeFilter(e.user) + ")"
	for depth := 0; len(level) > 0; depth++ {
		if depth == maxDepth || len(found.all) >= maxGroups {
			d.log.WarnContext(ctx, "not all groups of a user are followed", "ldap_server", c.server.name, "depth", depth, "groups", len(found.all))
			return nil
		}
		var next []string
		for batch := range slices.Chunk(level, perSearch) {
			dns, err := d.parents(ctx, c, batch, memberUID)
			if err != nil {
				return err
			}
			memberUID = "" // of the user only
			next = append(next, found.add(dns)...)
			if len(found.all) >= maxGroups {
				break
			}
		}
		level = next
	}
	return nil
}

// parents gives the groups that any of the DNs is in. Where that is too much for one answer, each is asked for alone.
func (d *Directory) parents(ctx context.Context, c *conn, dns []string, also string) ([]string, error) {
	var filter strings.Builder
	for _, dn := range dns {
		text := ldap.EscapeFilter(dn)
		filter.WriteString("(member=" + text + ")(uniqueMember=" + text + ")")
	}
	all, err := d.search(c, "(|"+filter.String()+also+")")
	if !errors.Is(err, errCut) {
		return all, err
	}
	if len(dns) == 1 {
		d.cut(ctx, c, dns[0])
		return all, nil
	}
	for _, dn := range dns {
		more, err := d.parents(ctx, c, []string{dn}, also)
		if err != nil {
			return nil, err
		}
		all, also = append(all, more...), ""
	}
	return all, nil
}

func (d *Directory) cut(ctx context.Context, c *conn, dn string) {
	d.log.WarnContext(ctx, "the directory does not show all groups of a user or group", "ldap_server", c.server.name, "dn", dn)
}

// errCut says that the directory gave a part of the answer only.
var errCut = errors.New("size limit exceeded")

// search gives the DNs of what a filter finds, page by page. References to other servers are not followed.
func (d *Directory) search(c *conn, filter string) ([]string, error) {
	page := ldap.NewControlPaging(perPage)
	request := ldap.NewSearchRequest(d.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, int(d.timeout.Seconds())+1, true,
		filter, []string{"1.1"}, []ldap.Control{page})
	var dns []string
	for {
		result, err := c.Search(request)
		if result != nil {
			for _, e := range result.Entries {
				dns = append(dns, e.DN)
			}
		}
		if code, _, answered := resultOf(err); answered && code == ldap.LDAPResultSizeLimitExceeded {
			return dns, errCut
		}
		if err != nil {
			return nil, c.searchFailed(err)
		}
		next, more := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !more || len(next.Cookie) == 0 || len(dns) >= maxGroups {
			return dns, nil
		}
		page.SetCookie(next.Cookie)
	}
}

// set holds DNs, each once whatever its case.
type set struct {
	all  []string
	seen map[string]bool
}

func newSet(dns []string) *set {
	s := &set{seen: map[string]bool{}}
	s.add(dns)
	return s
}

// add gives those that are new.
func (s *set) add(dns []string) []string {
	var added []string
	for _, dn := range dns {
		key := strings.ToLower(dn)
		if parsed, err := ldap.ParseDN(dn); err == nil {
			key = strings.ToLower(parsed.String())
		}
		if !s.seen[key] {
			s.seen[key] = true
			added = append(added, dn)
		}
	}
	s.all = append(s.all, added...)
	return added
}

// names gives the names in the DNs, each once, sorted.
func (s *set) names() []string {
	names := []string{}
	for _, dn := range s.all {
		if name := groupName(dn); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// groupName gives the value of a DN's first part, of its CN where it has several (D51); empty: there is none.
func groupName(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) == 0 {
		return ""
	}
	first := parsed.RDNs[0].Attributes
	for _, a := range first {
		if strings.EqualFold(a.Type, "CN") {
			return a.Value
		}
	}
	return first[0].Value
}
