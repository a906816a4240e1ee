// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"errors"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/pulp/pulp-manager/internal/fault"
)

// entry is that of who logged in.
type entry struct {
	dn       string
	user     string   // as the directory has it, without a domain
	memberOf []string // DNs
}

// find gives the entry of who is bound. Unauthenticated where there is none, more than one, or that of somebody else.
func (d *Directory) find(c *conn, n name) (entry, error) {
	var found *ldap.Entry
	var err error
	explicit := false
	if n.form == principal && d.names.bind == "" {
		// Active Directory looks for the explicit principal name first, whose user part may be another's account name.
		found, err = d.one(c, "(userPrincipalName="+ldap.EscapeFilter(n.typed)+")")
		explicit = found != nil
	}
	if err == nil && found == nil {
		found, err = d.one(c, n.filter)
	}
	if err != nil {
		return entry{}, err
	}
	if found == nil {
		return entry{}, refused("the password is right, but [auth] ldap_user_filter finds nobody below base_dn")
	}
	who, err := c.whoAmI()
	if err != nil {
		return entry{}, err
	}
	if why := n.mismatch(found, who, d.names.domain, explicit); why != "" {
		return entry{}, refused(why)
	}
	return entry{dn: found.DN, user: userOf(found, n.user), memberOf: values(found, "memberOf")}, nil
}

// one gives the only entry that a filter finds; nil: there is none.
func (d *Directory) one(c *conn, filter string) (*ldap.Entry, error) {
	request := ldap.NewSearchRequest(d.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, int(d.timeout.Seconds())+1, false,
		filter, []string{"memberOf", "sAMAccountName", "uid", "cn"}, nil)
	request.EnforceSizeLimit = true
	result, err := c.Search(request)
	code, _, answered := resultOf(err)
	switch {
	case answered && code == ldap.LDAPResultSizeLimitExceeded, errors.Is(err, ldap.ErrSizeLimitExceeded), err == nil && len(result.Entries) > 1:
		return nil, refused("[auth] ldap_user_filter finds more than one")
	case answered && (code == ldap.LDAPResultNoSuchObject || code == ldap.LDAPResultReferral || code == ldap.LDAPResultInsufficientAccessRights):
		return nil, fault.New(fault.Internal, "LDAP server %s does not show %s to who logs in: %s", c.server.name, d.base, words(code)).
			WithHint("correct [auth] base_dn, or let users read below it")
	case err != nil:
		return nil, c.searchFailed(err)
	case len(result.Entries) == 0:
		return nil, nil
	}
	return result.Entries[0], nil
}

// searchFailed is the outage of a search without a usable result.
func (c *conn) searchFailed(err error) error {
	if code, _, answered := resultOf(err); answered {
		return c.result(code)
	}
	return c.broken(err)
}

// whoAmI gives as whom the server has bound us; empty: it does not tell.
func (c *conn) whoAmI() (string, error) {
	result, err := c.WhoAmI(nil)
	if err == nil {
		return result.AuthzID, nil
	}
	if _, _, answered := resultOf(err); answered {
		return "", nil
	}
	return "", c.broken(err)
}

// mismatch says why an entry is not that of who is bound; empty: it is. The one who is bound and the one who is found are told
// by different rules of the directory, so that one user's password could else give another's groups.
func (n name) mismatch(found *ldap.Entry, who, defaultDomain string, explicit bool) string {
	dn, err := ldap.ParseDN(found.DN)
	if err != nil {
		return "the entry found has a DN that cannot be read"
	}
	account := found.GetEqualFoldAttributeValue("sAMAccountName")
	told := false
	if text, is := strings.CutPrefix(who, "dn:"); is && text != "" {
		bound, err := ldap.ParseDN(text)
		if err != nil || !bound.EqualFold(dn) {
			return "the entry found is not who is bound"
		}
		told = true
	} else if text, is := strings.CutPrefix(who, "u:"); is && account != "" {
		if _, user, hasDomain := strings.Cut(text, `\`); hasDomain {
			if !strings.EqualFold(user, account) {
				return "the entry found is not who is bound"
			}
			told = true
		}
	}
	switch {
	case n.bound != nil && !told && !n.bound.EqualFold(dn):
		return "the entry found is not who is bound"
	case n.form != bare && n.bound == nil && !explicit && !sameDomain(n.domain, defaultDomain, dn):
		return "the entry found is of another domain than the name: set [auth] default_domain to the name's"
	case n.domain == "" && n.bound == nil && n.bind == n.typed && !told:
		return "the directory does not tell who is bound: set [auth] default_domain"
	}
	return ""
}

// sameDomain tells whether an entry is of a domain: the default one, or by the DC parts of its DN.
func sameDomain(domain, defaultDomain string, dn *ldap.DN) bool {
	var labels []string
	for _, rdn := range dn.RDNs {
		if len(rdn.Attributes) == 1 && strings.EqualFold(rdn.Attributes[0].Type, "DC") {
			labels = append(labels, rdn.Attributes[0].Value)
		}
	}
	return domain != "" && (strings.EqualFold(domain, defaultDomain) ||
		len(labels) > 0 && (strings.EqualFold(domain, labels[0]) || strings.EqualFold(domain, strings.Join(labels, "."))))
}

// userOf gives a user's name as the directory has it. An entry may have several uids: the one that was typed, else that of the
// DN counts.
func userOf(found *ldap.Entry, typed string) string {
	if account := found.GetEqualFoldAttributeValue("sAMAccountName"); account != "" {
		return account
	}
	uids := values(found, "uid")
	for _, uid := range uids {
		if strings.EqualFold(uid, typed) {
			return uid
		}
	}
	if dn, err := ldap.ParseDN(found.DN); err == nil && len(dn.RDNs) > 0 {
		for _, a := range dn.RDNs[0].Attributes {
			if strings.EqualFold(a.Type, "uid") {
				return a.Value
			}
		}
	}
	if len(uids) > 0 {
		return uids[0]
	}
	return typed
}

// values gives an attribute's values, also where the server divides them ("memberOf;range=0-1499").
func values(found *ldap.Entry, attribute string) []string {
	var all []string
	for _, a := range found.Attributes {
		if base, _, _ := strings.Cut(a.Name, ";"); strings.EqualFold(base, attribute) {
			all = append(all, a.Values...)
		}
	}
	return all
}
