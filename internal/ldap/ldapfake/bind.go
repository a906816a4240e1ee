// SPDX-License-Identifier: Apache-2.0

package ldapfake

import (
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

func (c *client) bind(id int64, request *ber.Packet) bool {
	const tag = ldap.ApplicationBindResponse
	if len(request.Children) < 3 {
		return false
	}
	name, password := request.Children[1].Data.String(), request.Children[2].Data.String()
	c.server.mu.Lock()
	c.server.binds = append(c.server.binds, name)
	c.server.mu.Unlock()
	if !c.wrong("bind", id, tag) {
		return false
	}
	c.bound = ""
	how := c.bindOpen
	if c.server.o.AD != "" {
		how = c.bindAD
	}
	code, text := how(name, password)
	c.result(id, tag, code, text)
	return true
}

// bindOpen is how slapd does it.
func (c *client) bindOpen(name, password string) (uint16, string) {
	_, err := ldap.ParseDN(name)
	switch {
	case err != nil:
		return ldap.LDAPResultInvalidDNSyntax, "invalid DN"
	case name == "" && password == "":
		return ldap.LDAPResultSuccess, ""
	case password == "":
		return ldap.LDAPResultUnwillingToPerform, "unauthenticated bind (DN with no password) disallowed"
	}
	for _, e := range c.server.o.Entries {
		if key(e.DN) == key(name) && slices.Contains(e.Attributes["userpassword"], password) {
			c.bound = e.DN
			return ldap.LDAPResultSuccess, ""
		}
	}
	return ldap.LDAPResultInvalidCredentials, ""
}

// bindAD is how Active Directory does it: any of several kinds of names, the first that fits; without a password it
// succeeds, as nobody.
func (c *client) bindAD(name, password string) (uint16, string) {
	if password == "" {
		return ldap.LDAPResultSuccess, ""
	}
	bad := func(sub string) (uint16, string) {
		return ldap.LDAPResultInvalidCredentials,
			"80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data " + sub + ", v4563\x00"
	}
	for _, fits := range []func(Entry) bool{
		func(e Entry) bool { return key(e.DN) == key(name) },
		func(e Entry) bool { return fold(e.first("userprincipalname")) == fold(name) },
		func(e Entry) bool { return fold(e.first("samaccountname")+"@"+e.domain()) == fold(name) },
		func(e Entry) bool { return fold(c.server.o.AD+`\`+e.first("samaccountname")) == fold(name) },
		func(e Entry) bool { return fold(e.first("displayname")) == fold(name) },
	} {
		at := slices.IndexFunc(c.server.o.Entries, func(e Entry) bool { return e.first("samaccountname") != "" && fits(e) })
		if at < 0 {
			continue
		}
		e := c.server.o.Entries[at]
		state := e.first("adstate")
		switch {
		case state == "775":
			return bad(state)
		case !slices.Contains(e.Attributes["userpassword"], password):
			return bad("52e")
		case state != "":
			return bad(state)
		}
		c.bound = e.DN
		return ldap.LDAPResultSuccess, ""
	}
	return bad("525")
}

func (c *client) whoAmI() string {
	if c.bound == "" {
		return ""
	}
	if c.server.o.AD == "" {
		return "dn:" + c.bound
	}
	for _, e := range c.server.o.Entries {
		if e.DN == c.bound {
			return "u:" + c.server.o.AD + `\` + e.first("samaccountname")
		}
	}
	return ""
}

func (e Entry) first(attribute string) string {
	if all := e.Attributes[attribute]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// domain is that of the DC parts of an entry's DN.
func (e Entry) domain() string {
	var labels []string
	if dn, err := ldap.ParseDN(e.DN); err == nil {
		for _, rdn := range dn.RDNs {
			if a := rdn.Attributes[0]; strings.EqualFold(a.Type, "dc") {
				labels = append(labels, a.Value)
			}
		}
	}
	return strings.Join(labels, ".")
}
