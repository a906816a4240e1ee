// SPDX-License-Identifier: Apache-2.0

package ldapfake

import (
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const inChain = "1.2.840.113556.1.4.1941"

func (c *client) search(id int64, request *ber.Packet, paging *ldap.ControlPaging) bool {
	const done = ldap.ApplicationSearchResultDone
	if len(request.Children) < 8 {
		return false
	}
	base := request.Children[0].Data.String()
	scope, _ := request.Children[1].Value.(int64)
	limit, _ := request.Children[3].Value.(int64)
	filter := request.Children[6]
	var wanted []string
	for _, a := range request.Children[7].Children {
		wanted = append(wanted, strings.ToLower(a.Data.String()))
	}
	text, _ := ldap.DecompileFilter(filter)
	c.server.mu.Lock()
	c.server.searches = append(c.server.searches, text)
	c.server.mu.Unlock()
	place := "search"
	if paging != nil {
		place = "groups"
	}
	if !c.wrong(place, id, done) {
		return false
	}
	if base == "" && scope == ldap.ScopeBaseObject {
		c.rootDSE(id)
		return true
	}
	found, code := c.find(base, filter)
	if code != ldap.LDAPResultSuccess {
		c.result(id, done, code, "")
		return true
	}
	from, to := 0, len(found)
	var controls []ldap.Control
	if most := int64(c.server.o.SizeLimit); most > 0 && int64(to) > most {
		to, code = int(most), ldap.LDAPResultSizeLimitExceeded
	}
	if limit > 0 && int64(to) > limit {
		to, code = int(limit), ldap.LDAPResultSizeLimitExceeded
	}
	if paging != nil {
		from, _ = strconv.Atoi(string(paging.Cookie))
		next := ldap.NewControlPaging(0)
		if end := from + int(paging.PagingSize); end < to {
			to, code = end, ldap.LDAPResultSuccess
			next.SetCookie([]byte(strconv.Itoa(end)))
		}
		controls = append(controls, next)
	}
	for _, e := range found[from:to] {
		c.entry(id, e, wanted)
	}
	c.send(id, result(done, code, ""), controls...)
	return true
}

// find gives the entries below base that a filter finds. Nobody sees nothing.
func (c *client) find(base string, filter *ber.Packet) ([]Entry, uint16) {
	if c.bound == "" {
		if c.server.o.AD != "" {
			return nil, ldap.LDAPResultOperationsError
		}
		return nil, ldap.LDAPResultNoSuchObject
	}
	known := false
	var found []Entry
	for _, e := range c.server.o.Entries {
		known = known || key(e.DN) == key(base)
		if below(base, e.DN) && c.server.matches(e, filter) {
			found = append(found, e)
		}
	}
	if !known {
		return nil, ldap.LDAPResultNoSuchObject
	}
	return found, ldap.LDAPResultSuccess
}

func (c *client) rootDSE(id int64) {
	capabilities := []string{}
	if c.server.o.AD != "" {
		capabilities = []string{"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"}
	}
	c.entry(id, Entry{Attributes: map[string][]string{"supportedcapabilities": capabilities}}, []string{"supportedcapabilities"})
	c.result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, "")
}

func (c *client) entry(id int64, e Entry, wanted []string) {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "Entry")
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.DN, "DN"))
	attributes := ber.NewSequence("Attributes")
	for _, name := range wanted {
		values := c.server.values(e, name)
		if len(values) == 0 || name == "userpassword" {
			continue
		}
		attribute := ber.NewSequence("Attribute")
		attribute.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "type"))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, value := range values {
			set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, value, "value"))
		}
		attribute.AppendChild(set)
		attributes.AppendChild(attribute)
	}
	op.AppendChild(attributes)
	c.send(id, op)
}

// values gives an entry's values, memberOf where it has that.
func (s *Server) values(e Entry, attribute string) []string {
	if attribute != "memberof" {
		return e.Attributes[attribute]
	}
	var groups []string
	if slices.ContainsFunc(s.o.MemberOf, func(base string) bool { return below(base, e.DN) }) {
		for _, g := range s.o.Entries {
			if hasDN(g.Attributes["member"], e.DN) {
				groups = append(groups, g.DN)
			}
		}
	}
	return groups
}

func hasDN(list []string, dn string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return key(one) == key(dn) })
}

// matches tells whether a filter finds an entry. What it does not understand finds nothing, as with slapd.
func (s *Server) matches(e Entry, f *ber.Packet) bool {
	switch f.Tag {
	case ldap.FilterAnd:
		return !slices.ContainsFunc(f.Children, func(one *ber.Packet) bool { return !s.matches(e, one) })
	case ldap.FilterOr:
		return slices.ContainsFunc(f.Children, func(one *ber.Packet) bool { return s.matches(e, one) })
	case ldap.FilterNot:
		return !s.matches(e, f.Children[0])
	case ldap.FilterPresent:
		return len(s.values(e, strings.ToLower(f.Data.String()))) > 0
	case ldap.FilterSubstrings: // no test of ours sends one on purpose: then everything is found
		return len(s.values(e, strings.ToLower(f.Children[0].Data.String()))) > 0
	case ldap.FilterEqualityMatch:
		attribute, value := strings.ToLower(f.Children[0].Data.String()), f.Children[1].Data.String()
		if slices.Contains([]string{"member", "uniquemember", "memberof"}, attribute) {
			return hasDN(s.values(e, attribute), value)
		}
		return slices.ContainsFunc(s.values(e, attribute), func(one string) bool { return fold(one) == fold(value) })
	case ldap.FilterExtensibleMatch:
		parts := map[ber.Tag]string{}
		for _, child := range f.Children {
			parts[child.Tag] = child.Data.String()
		}
		return s.o.AD != "" && parts[1] == inChain && strings.EqualFold(parts[2], "member") && s.chain(e, parts[3], map[string]bool{})
	}
	return false
}

// chain tells whether a DN is a member of a group, or of a group in it.
func (s *Server) chain(g Entry, dn string, seen map[string]bool) bool {
	if seen[key(g.DN)] {
		return false
	}
	seen[key(g.DN)] = true
	if hasDN(g.Attributes["member"], dn) {
		return true
	}
	return slices.ContainsFunc(s.o.Entries, func(inner Entry) bool {
		return hasDN(g.Attributes["member"], inner.DN) && s.chain(inner, dn, seen)
	})
}
