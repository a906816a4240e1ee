// SPDX-License-Identifier: Apache-2.0

package ldapcontract

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// wires are what the fake does as slapd, below our own client.
var wires = []contract{
	{"an invalid DN, no password and a wrong one have their result codes", func(t *testing.T, e Env) {
		c := dial(t, e)
		code(t, c.Bind("alice", "wonderland"), ldap.LDAPResultInvalidDNSyntax)
		code(t, c.UnauthenticatedBind("uid=alice,ou=people,"+Example), ldap.LDAPResultUnwillingToPerform)
		code(t, c.Bind("uid=alice,ou=people,"+Example, "wrong"), ldap.LDAPResultInvalidCredentials)
		code(t, c.Bind("uid=nobody,ou=people,"+Example, "wrong"), ldap.LDAPResultInvalidCredentials)
	}},
	{"nobody sees nothing but the root", func(t *testing.T, e Env) {
		c := dial(t, e)
		_, err := find(c, Example, "(objectClass=*)")
		code(t, err, ldap.LDAPResultNoSuchObject)
		root, err := c.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"supportedCapabilities"}, nil))
		if err != nil || len(root.Entries) != 1 {
			t.Errorf("%+v, %v", root, err)
		}
	}},
	{"an unknown attribute or rule finds nothing", func(t *testing.T, e Env) {
		c := bound(t, e)
		for _, filter := range []string{"(noSuchThing=x)", "(userPrincipalName=alice)", "(member:1.2.840.113556.1.4.1941:=uid=alice,ou=people," + Example + ")"} {
			if found, err := find(c, Example, filter); err != nil || len(found) > 0 {
				t.Errorf("%s finds %q, %v", filter, found, err)
			}
		}
	}},
	{"a DN is found however it is written", func(t *testing.T, e Env) {
		c := bound(t, e)
		for _, dn := range []string{"uid=alice,ou=people," + Example, "UID=Alice,OU=People,DC=Example,DC=Test", "uid=alice, ou=people, dc=example, dc=test", `uid=\61lice,ou=people,` + Example} {
			found, err := find(c, Example, "(member="+ldap.EscapeFilter(dn)+")")
			if err != nil || len(found) != 2 {
				t.Errorf("%s is in %q, %v", dn, found, err)
			}
		}
	}},
	{"more than the limit is told", func(t *testing.T, e Env) {
		c := bound(t, e)
		found, err := c.Search(ldap.NewSearchRequest(Example, ldap.ScopeWholeSubtree, 0, 2, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
		code(t, err, ldap.LDAPResultSizeLimitExceeded)
		if found == nil || len(found.Entries) != 2 {
			t.Errorf("%+v", found)
		}
	}},
	{"pages come to an end", func(t *testing.T, e Env) {
		c := bound(t, e)
		whole, err := find(c, Example, "(objectClass=groupOfNames)")
		if err != nil {
			t.Fatal(err)
		}
		paged, err := c.SearchWithPaging(ldap.NewSearchRequest(Example, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(objectClass=groupOfNames)", []string{"1.1"}, nil), 3)
		if err != nil || len(paged.Entries) != len(whole) || len(whole) < 10 {
			t.Errorf("%d in pages, %d at once, %v", len(paged.Entries), len(whole), err)
		}
	}},
	{"who is bound is told", func(t *testing.T, e Env) {
		who, err := bound(t, e).WhoAmI(nil)
		if err != nil || !strings.EqualFold(who.AuthzID, "dn:uid=alice,ou=people,"+Example) {
			t.Errorf("%+v, %v", who, err)
		}
	}},
	{"memberOf comes where it is asked for, passwords never", func(t *testing.T, e Env) {
		c := bound(t, e)
		got, err := c.Search(ldap.NewSearchRequest(Example, ldap.ScopeWholeSubtree, 0, 0, 0, false, "(uid=alice)", []string{"memberOf", "userPassword", "uid"}, nil))
		if err != nil || len(got.Entries) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		of := got.Entries[0].GetEqualFoldAttributeValues("memberOf")
		slices.Sort(of)
		if len(of) != 2 || got.Entries[0].GetEqualFoldAttributeValue("userPassword") != "" {
			t.Errorf("%+v", got.Entries[0])
		}
	}},
}

func dial(t *testing.T, e Env) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL("ldap://" + e.Plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func bound(t *testing.T, e Env) *ldap.Conn {
	t.Helper()
	c := dial(t, e)
	if err := c.Bind("uid=alice,ou=people,"+Example, "wonderland"); err != nil {
		t.Fatal(err)
	}
	return c
}

func find(c *ldap.Conn, base, filter string) ([]string, error) {
	result, err := c.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, 0, 0, 0, false, filter, []string{"1.1"}, nil))
	var dns []string
	if result != nil {
		for _, e := range result.Entries {
			dns = append(dns, e.DN)
		}
	}
	return dns, err
}

func code(t *testing.T, err error, want uint16) {
	t.Helper()
	if !ldap.IsErrorWithCode(err, want) {
		t.Errorf("got %v, want result code %d", err, want)
	}
}
